// Records the operators that code calls, with arguments and times, between the engine and its addon. Only benchmarks
// use it.
import { addon, type Handle, type Schema } from '../src/engine/addon.ts';

/** The properties of a tensor when it was passed to an operator. */
export interface Operand {
  shape: number[];
  strides: number[];
  dtype: string;
  requiresGradient: boolean;
  /** The content of small integer tensors (labels). */
  bytes?: Uint8Array;
}

export interface RecordedCall {
  /** The name in libtorch's schemas: 'aten::add_.Tensor'. */
  name: string;
  /** The arguments in order, with tensors replaced by operands. */
  values: (Operand | (Operand | undefined)[] | unknown)[];
  /** Whether each value is a tensor, a list of tensors or neither. */
  kinds: ('tensor' | 'list' | 'plain')[];
  /** The index of the argument that an in-place operator overwrote, otherwise −1. */
  writes: number;
  results: Operand[];
  milliseconds: number;
}

const kinds: Partial<Record<number, 'tensor' | 'list'>> = { 1: 'tensor', 2: 'list', 3: 'list' }; // native/schema.h
const maxElements = 4096; // larger tensors are recorded without content

/**
 * Returns all operators that `run` calls in this thread, in order. Backward is one call of the addon, reported to
 * `onBackward`.
 */
export function record(run: () => void, onBackward: (milliseconds: number) => void = () => {}): RecordedCall[] {
  const native = addon();
  const { call, backward } = native;
  const calls: RecordedCall[] = [];
  native.call = (id, ...raw) => {
    const { name, arguments: expected, results } = schemaOf(id);
    const kindsOfThese = raw.map((_, index) => kinds[expected[index]?.kind ?? 0] ?? ('plain' as const));
    const values = raw.map((value, index) => describe(value, kindsOfThese[index]!));
    const start = performance.now();
    const found = call(id, ...raw);
    const milliseconds = performance.now() - start;
    calls.push({
      name,
      values,
      kinds: kindsOfThese,
      writes: results[0]?.writes ?? -1,
      results: results.flatMap(({ kind, writes }, index) => {
        const made = writes >= 0 ? raw[writes] : results.length === 1 ? found : (found as unknown[])[index];
        if (kinds[kind] === 'tensor') return made ? [operand(made as Handle)] : [];
        return kinds[kind] === 'list' ? Array.from(made as Int32Array, operand) : [];
      }),
      milliseconds,
    });
    return found;
  };
  native.backward = (...given) => {
    const start = performance.now();
    backward(...given);
    onBackward(performance.now() - start);
  };
  try {
    run();
  } finally {
    Object.assign(native, { call, backward });
  }
  return calls;
}

const schemas = new Map<number, Schema>();

/** Returns the schema of an operator that was looked up after `watchSchemas`. @throws Error for one looked up before */
function schemaOf(id: number): Schema {
  const found = schemas.get(id);
  if (!found) throw new Error(`operator ${id} was looked up before the recording started: call watchSchemas first`);
  return found;
}

/**
 * Must be called before the first operator of the process, because an operator's name is known only when it is looked
 * up.
 */
export function watchSchemas(): void {
  const native = addon();
  const { schema } = native;
  native.schema = (name, overload) => {
    const found = schema(name, overload);
    schemas.set(found.id, found);
    return found;
  };
}

function describe(value: unknown, kind: RecordedCall['kinds'][number]): unknown {
  if (kind === 'tensor') return value ? operand(value as Handle) : undefined;
  if (kind === 'list') return Array.from(value as Int32Array, (handle) => (handle ? operand(handle) : undefined));
  return value;
}

function operand(handle: Handle): Operand {
  const native = addon();
  const [shape, dtype] = [native.shape(handle), native.dtype(handle)];
  const describe: Operand = {
    shape,
    strides: native.strides(handle),
    dtype,
    requiresGradient: native.requiresGradient(handle),
  };
  const size = shape.reduce((product, side) => product * side, 1);
  if (dtype !== 'int64' || size > maxElements) return describe;
  const bytes = new Uint8Array(8 * size);
  native.toBytes(handle, bytes);
  return { ...describe, bytes };
}
