// The format of strategies' saved states: a checksum, one line of JSON, the elements of tensors, then the saved states
// of the strategies inside. Each strategy defines the content of its JSON and tensors.

import { InputError } from '../failure.ts';
import { hash128 } from '../random/hash.ts';

const format = 'nasnet strategy';
const version = { alone: 1, withParts: 2 }; // states without parts keep the first version
const checkBytes = 16;

export interface StrategyState {
  strategy: string;
  /** The number of options of each decision, which identifies the space. */
  sizes: readonly number[];
  /** The strategy's options; a state can only be loaded with the same options. */
  options: object;
  /** Any JSON value. Finite numbers keep every bit. */
  state: unknown;
  /** float32 values by name, in this order. */
  arrays: Record<string, Float32Array>;
  /** Saved states of the strategies inside by name, in this order. */
  parts?: Record<string, Uint8Array>;
}

interface Header extends Omit<StrategyState, 'arrays' | 'parts'> {
  format: string;
  version: number;
  /** The number of values of each array. */
  lengths: Record<string, number>;
  /** The number of bytes of each part. */
  parts?: Record<string, number>;
}

const checkSum = (bytes: Uint8Array) => new Uint8Array(hash128(bytes).buffer);

const lengthsOf = (values: Record<string, { length: number }>) =>
  Object.fromEntries(Object.entries(values).map(([name, { length }]) => [name, length]));

/**
 * Returns the bytes of a state, which depend only on its values. Layout: checksum (16 bytes), JSON, newline, float32
 * little-endian, parts.
 */
export function writeState({ strategy, sizes, options, state, arrays, parts }: StrategyState): Uint8Array {
  const header: Header = {
    format,
    version: parts ? version.withParts : version.alone,
    ...{ strategy, sizes, options, state },
    lengths: lengthsOf(arrays),
    ...(parts && { parts: lengthsOf(parts) }),
  };
  const numbers = Object.values(arrays).map(
    (values) => new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
  );
  const text = new TextEncoder().encode(`${JSON.stringify(header)}\n`);
  const body = Buffer.concat([text, ...numbers, ...Object.values(parts ?? {})]);
  return new Uint8Array(Buffer.concat([checkSum(body), body]));
}

/** Reads a state that writeState wrote for this strategy, space and options. @throws InputError for anything else */
export function readState(
  bytes: Uint8Array,
  expected: Pick<StrategyState, 'strategy' | 'sizes' | 'options'>,
): Required<Pick<StrategyState, 'state' | 'arrays' | 'parts'>> {
  const body = bytes.subarray(checkBytes);
  const newline = body.indexOf('\n'.charCodeAt(0));
  const text = new TextDecoder().decode(newline < 0 ? body : body.subarray(0, newline));
  const opening = /^{"format":"nasnet strategy","version":(\d+),/.exec(text);
  if (!opening) refuse('bytes that a strategy saved', `${bytes.length} other bytes`);
  if (!Object.values(version).includes(Number(opening[1])))
    refuse(`format version ${version.withParts} or older`, `version ${opening[1]}`);
  if (checkSum(body).some((byte, index) => byte !== bytes[index]))
    refuse('a whole state', 'one that is cut or damaged');
  const header: Header = JSON.parse(text);
  if (header.strategy !== expected.strategy) refuse(`strategy ${expected.strategy}`, header.strategy);
  if (header.sizes.join() !== expected.sizes.join()) {
    refuse(
      `${expected.sizes.length} decisions of sizes ${expected.sizes}`,
      `${header.sizes.length} of ${header.sizes}`,
    );
  }
  refuseOtherOptions(header.options, expected.options);

  let offset = newline + 1;
  const next = (length: number) => {
    offset += length;
    return new Uint8Array(body.subarray(offset - length, offset)); // a copy, which is aligned for numbers
  };
  const named = <Value>(lengths: Record<string, number>, read: (length: number) => Value) =>
    Object.fromEntries(Object.entries(lengths).map(([name, length]) => [name, read(length)]));
  const arrays = named(header.lengths, (length) => new Float32Array(next(4 * length).buffer));
  const parts = named(header.parts ?? {}, next);
  return { state: header.state, arrays, parts };
}

function refuseOtherOptions(saved: object, expected: object): void {
  const expectedValues = new Map(Object.entries(expected));
  for (const [name, value] of Object.entries(saved)) {
    if (value !== expectedValues.get(name)) {
      refuse(`option ${name} = ${expectedValues.get(name)}`, `${value}`);
    }
  }
}

function refuse(expected: string, got: string): never {
  throw new InputError(`strategy state: expected ${expected}, got ${got}`);
}
