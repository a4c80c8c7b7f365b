// The format of strategies' saved states: a checksum, one line of JSON, then the elements of tensors.
// Each strategy defines the content of its JSON and tensors.

import { InputError } from '../failure.ts';
import { hash128 } from '../random/hash.ts';

const format = 'nasnet strategy';
const version = 1;
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
}

interface Header extends Omit<StrategyState, 'arrays'> {
  format: string;
  version: number;
  lengths: Record<string, number>;
}

const checkSum = (bytes: Uint8Array) => new Uint8Array(hash128(bytes).buffer);

/**
 * Returns the bytes of a state, which depend only on its values. Layout: checksum (16 bytes), JSON, newline, float32
 * little-endian.
 */
export function writeState({ strategy, sizes, options, state, arrays }: StrategyState): Uint8Array {
  const lengths = Object.fromEntries(Object.entries(arrays).map(([name, values]) => [name, values.length]));
  const header: Header = { format, version, strategy, sizes, options, state, lengths };
  const text = new TextEncoder().encode(`${JSON.stringify(header)}\n`);
  const floats = Object.values(arrays).reduce((sum, values) => sum + values.length, 0);
  const bytes = new Uint8Array(checkBytes + text.length + 4 * floats);
  bytes.set(text, checkBytes);
  let offset = checkBytes + text.length;
  for (const values of Object.values(arrays)) {
    bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), offset);
    offset += values.byteLength;
  }
  bytes.set(checkSum(bytes.subarray(checkBytes)));
  return bytes;
}

/** Reads a state that writeState wrote for this strategy, space and options. @throws InputError for anything else */
export function readState(
  bytes: Uint8Array,
  expected: Pick<StrategyState, 'strategy' | 'sizes' | 'options'>,
): Pick<StrategyState, 'state' | 'arrays'> {
  const body = bytes.subarray(checkBytes);
  const newline = body.indexOf('\n'.charCodeAt(0));
  const text = new TextDecoder().decode(newline < 0 ? body : body.subarray(0, newline));
  const opening = /^{"format":"nasnet strategy","version":(\d+),/.exec(text);
  if (!opening) refuse('bytes that a strategy saved', `${bytes.length} other bytes`);
  if (Number(opening[1]) !== version) refuse(`format version ${version}`, `version ${opening[1]}`);
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

  const values = new Float32Array(body.slice(newline + 1).buffer);
  const arrays: Record<string, Float32Array> = {};
  let offset = 0;
  for (const [name, length] of Object.entries(header.lengths)) {
    arrays[name] = values.slice(offset, offset + length);
    offset += length;
  }
  return { state: header.state, arrays };
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
