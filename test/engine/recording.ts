// Records the calls of code to the engine: operators with their numbers, and transfers between host and device.
// Must be imported and called before the first tensor, because operators are looked up only once.

import { addon, type Schema } from '../../src/engine/addon.ts';

export interface Recording {
  /** Operators in order, with every argument that is not a tensor: 'aten::add.Tensor(1)'. */
  operators: string[];
  /** Calls that transfer bytes between JavaScript and a tensor, or read a number; on a GPU each waits. */
  crossings: string[];
}

const schemas = new Map<number, Schema>();
const crossing = ['toBytes', 'fromBytes', 'mapFile', 'generatorState', 'setGeneratorState', 'synchronize'] as const;
const reading = /^aten::(item|_local_scalar_dense|is_nonzero|equal|nonzero|masked_select|unique|repeat_interleave)/;
const tensorKinds = new Set([1, 2, 3]); // native/schema.h: tensor, tensorList, optionalTensorList

let recording: Recording | undefined;

/** Enables `record` for all following calls. */
export function instrumentEngine(): void {
  const native = addon() as unknown as Record<string, (...values: unknown[]) => unknown>;
  const { schema, call } = native;
  native.schema = (...values) => {
    const result = schema!(...values) as Schema;
    schemas.set(result.id, result);
    return result;
  };
  native.call = (id, ...values) => {
    if (recording) note(recording, schemas.get(id as number)!, values);
    return call!(id, ...values);
  };
  for (const name of crossing) {
    const original = native[name]!;
    native[name] = (...values) => {
      recording?.crossings.push(name);
      return original(...values);
    };
  }
}

export function record(body: () => void): Recording {
  recording = { operators: [], crossings: [] };
  try {
    body();
    return recording;
  } finally {
    recording = undefined;
  }
}

function note({ operators, crossings }: Recording, { name, arguments: declared }: Schema, values: unknown[]): void {
  const numbers = values.filter((_, index) => !tensorKinds.has(declared[index]!.kind));
  operators.push(`${name}(${numbers.map(String).join(' ')})`);
  if (reading.test(name)) crossings.push(name);
}
