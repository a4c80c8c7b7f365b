// Seeded random streams: xoshiro128** (Blackman and Vigna, 2018), the same numbers on every machine.
// A stream's whole state is one short string. Random tensors come from the engine, not from here.

import { hash128 } from './hash.ts';

const format = 'xoshiro128**';

const rotateLeft = (word: number, bits: number) => (word << bits) | (word >>> (32 - bits));
const hexadecimal = (words: Uint32Array) => Array.from(words, (word) => word.toString(16).padStart(8, '0')).join('');
const parseHexadecimal = (text: string) => Uint32Array.from(text.match(/.{8}/g)!, (word) => Number.parseInt(word, 16));
const keyOf = (text: string) => hash128(new TextEncoder().encode(text));

/**
 * One sequence of random numbers. The seed (7 and '7' are the same) is hashed into a 128-bit key, which is also the
 * generator's first state.
 * @throws RangeError if the seed is a number but not a safe integer
 */
export class RandomStream {
  readonly #key: Uint32Array; // [4], never changes; split() derives new streams from it
  readonly #state: Uint32Array; // [4], changes with every number

  constructor(seed: number | string) {
    if (typeof seed === 'number' && !Number.isSafeInteger(seed)) {
      throw new RangeError(`seed: expected an integer or text, got ${seed}`);
    }
    this.#key = keyOf(`seed:${seed}`);
    this.#state = this.#key.slice();
  }

  /** Returns the next 32 random bits as an integer from 0 to 2³² − 1. */
  bits32(): number {
    const state = this.#state;
    const result = Math.imul(rotateLeft(Math.imul(state[1]!, 5), 7), 9) >>> 0;
    const shifted = state[1]! << 9;
    state[2]! ^= state[0]!;
    state[3]! ^= state[1]!;
    state[1]! ^= state[2]!;
    state[0]! ^= state[3]!;
    state[2]! ^= shifted;
    state[3] = rotateLeft(state[3]!, 11);
    return result;
  }

  /** Returns a number in [0, 1) with 53 random bits. */
  uniform(): number {
    const high = this.bits32() >>> 5; // 27 bits
    const low = this.bits32() >>> 6; // 26 bits
    return (high * 2 ** 26 + low) / 2 ** 53;
  }

  /**
   * Returns an integer from 0 to below − 1, all equally likely.
   * @throws RangeError if `below` is not an integer from 1 to 2³²
   */
  integer(below: number): number {
    if (!Number.isInteger(below) || below < 1 || below > 2 ** 32) {
      throw new RangeError(`integer: expected a bound from 1 to 2^32, got ${below}`);
    }
    const limit = 2 ** 32 - (2 ** 32 % below); // rejecting numbers from here on keeps the remainders equally likely
    let bits = this.bits32();
    while (bits >= limit) bits = this.bits32();
    return bits % below;
  }

  /** Returns the integers 0 to count − 1 in random order (Fisher and Yates), all orders equally likely. */
  shuffle(count: number): Int32Array {
    const order = Int32Array.from({ length: count }, (_, index) => index);
    for (let last = count - 1; last > 0; last--) {
      const other = this.integer(last + 1);
      const value = order[last]!;
      order[last] = order[other]!;
      order[other] = value;
    }
    return order;
  }

  /**
   * Returns an independent stream for a purpose ('weights', 'epoch 3'). It depends only on this stream's seed and the
   * label, not on how many numbers were generated, and leaves this stream unchanged.
   */
  split(label: string): RandomStream {
    return new RandomStream(`${hexadecimal(this.#key)}/${label}`);
  }

  /** Returns the whole state as text, for RandomStream.load. */
  save(): string {
    return `${format}:${hexadecimal(this.#key)}:${hexadecimal(this.#state)}`;
  }

  /**
   * Returns a stream that continues exactly where the saved one stopped.
   * @throws Error if the text is not a result of save()
   */
  static load(saved: string): RandomStream {
    const [name, key, state, ...rest] = saved.split(':');
    const valid = (words: string | undefined) => words !== undefined && /^[0-9a-f]{32}$/.test(words);
    if (name !== format || !valid(key) || !valid(state) || rest.length > 0 || /^0+$/.test(state!)) {
      throw new Error(`random stream: expected a state saved as "${format}:key:state", got "${saved.slice(0, 80)}"`);
    }
    const stream = new RandomStream(0);
    stream.#key.set(parseHexadecimal(key!));
    stream.#state.set(parseHexadecimal(state!));
    return stream;
  }
}
