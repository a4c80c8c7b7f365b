// MurmurHash3 x86 128 (Austin Appleby, public domain): bytes of any length to 128 well mixed bits.
// It seeds random streams. It is not a cryptographic hash.

const multipliers = [0x239b961b, 0xab0e9789, 0x38b34ae5, 0xa1e38b93] as const;
const blockAdditions = [0x561ccd1b, 0x0bcaa747, 0x96cd1c35, 0x32ac3b17] as const;
const wordRotations = [15, 16, 17, 18] as const;
const blockRotations = [19, 17, 15, 13] as const;

const rotateLeft = (word: number, bits: number) => (word << bits) | (word >>> (32 - bits));

function scramble(word: number, lane: number): number {
  const mixed = rotateLeft(Math.imul(word, multipliers[lane]!), wordRotations[lane]!);
  return Math.imul(mixed, multipliers[(lane + 1) % 4]!);
}

function finalise(word: number): number {
  let mixed = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}

/** Returns the 128-bit hash of the bytes as four unsigned 32-bit words. */
export function hash128(bytes: Uint8Array, seed = 0): Uint32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const state = new Uint32Array(4).fill(seed);
  const wholeBlocks = bytes.length - (bytes.length % 16);
  for (let offset = 0; offset < wholeBlocks; offset += 16) {
    for (let lane = 0; lane < 4; lane++) {
      const mixed = state[lane]! ^ scramble(view.getUint32(offset + 4 * lane, true), lane);
      const next = rotateLeft(mixed, blockRotations[lane]!) + state[(lane + 1) % 4]!;
      state[lane] = Math.imul(next, 5) + blockAdditions[lane]!;
    }
  }
  const tail = new Uint32Array(4);
  for (let index = wholeBlocks; index < bytes.length; index++) {
    const place = index - wholeBlocks;
    tail[place >> 2]! |= bytes[index]! << (8 * (place % 4));
  }
  for (let lane = 0; lane < 4; lane++) state[lane]! ^= scramble(tail[lane]!, lane) ^ bytes.length;
  spread(state);
  for (let lane = 0; lane < 4; lane++) state[lane] = finalise(state[lane]!);
  spread(state);
  return state;
}

function spread(state: Uint32Array): void {
  state[0]! += state[1]! + state[2]! + state[3]!;
  for (let lane = 1; lane < 4; lane++) state[lane]! += state[0]!;
}
