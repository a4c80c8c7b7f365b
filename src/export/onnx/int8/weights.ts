// Weights in 8 bits: one scale per output channel, symmetric around 0.

/** With 7 bits, sums of two products fit into 16 bits, which processors without VNNI add them in. */
export const weightBits = [8, 7] as const;
export type WeightBits = (typeof weightBits)[number];

/** Returns the largest weight of so many bits: 127 or 63. */
export const largestWeight = (bits: WeightBits): number => 2 ** (bits - 1) - 1;

/** An int8 weight q of output channel c stands for scales[c] · q. */
export interface Int8Weight {
  readonly values: Int8Array;
  readonly scales: Float32Array; // [outputs]
}

/**
 * Rounds weights [outputs, …] to the nearest of 2 · largest + 1 steps per output channel, of two to the even one.
 * @param largest 127 for 8 bits, 63 for 7
 * @param least scales that must not be smaller, [outputs]
 */
export function quantiseWeight(
  weight: Float32Array,
  outputs: number,
  largest: number,
  least: ArrayLike<number>,
): Int8Weight {
  const size = weight.length / outputs;
  const values = new Int8Array(weight.length);
  const scales = new Float32Array(outputs);
  for (let channel = 0; channel < outputs; channel++) {
    const own = weight.subarray(channel * size, (channel + 1) * size);
    const magnitude = own.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const scale = Math.fround(Math.max(magnitude / largest, least[channel]!)) || 1; // all zeros: any scale
    scales[channel] = scale;
    own.forEach((value, index) => {
      values[channel * size + index] = Math.max(-largest, Math.min(largest, roundHalfEven(value / scale)));
    });
  }
  return { values, scales };
}

const largestInt32 = 2 ** 31 - 1;

/** Returns a bias in 32 bits, in steps of input scale · weight scale, in which the products are summed. */
export const quantiseBias = (bias: Float32Array, scales: Float32Array, inputScale: number): Int32Array =>
  Int32Array.from(bias, (value, channel) => roundHalfEven(value / (inputScale * scales[channel]!)));

/**
 * Returns the least scales of weights with which a bias fits into 32 bits, twice over, so that sums do not overflow.
 */
export const leastScales = (bias: Float32Array, inputScale: number): number[] =>
  Array.from(bias, (value) => (2 * Math.abs(value)) / (inputScale * largestInt32));

function roundHalfEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest !== 0.5) return rest < 0.5 ? below : below + 1;
  return below % 2 === 0 ? below : below + 1;
}
