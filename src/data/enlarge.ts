// Enlarges images like PIL, torchvision and browsers, with correct pixel centres. libvips, which shrinks images, shifts
// enlarged images by half a new pixel (seen with 8.18: a ramp of 0, 16, 32 … doubles to 0, 0, 8, 16 …).

import type { Region } from './framing.ts';

export type Filter = 'bilinear' | 'bicubic';

/**
 * Resizes RGB bytes [height, width, 3] and returns a window of the result. The filter is wider if a side shrinks; at
 * the border the weights of existing pixels sum to 1.
 */
export function resample(
  pixels: Uint8Array,
  [height, width]: readonly [height: number, width: number],
  size: readonly [height: number, width: number],
  window: Region,
  filter: Filter,
): Uint8Array {
  const rows = taps(height, size[0], window.top, window.height, kernels[filter]);
  const columns = taps(width, size[1], window.left, window.width, kernels[filter]);
  const result = new Uint8ClampedArray(3 * rows.firsts.length * columns.firsts.length); // rounds and clamps
  const row = new Float64Array(3 * width);
  for (let y = 0; y < rows.firsts.length; y++) {
    blendRows(row, pixels, rows, y);
    blendColumns(result.subarray(3 * y * columns.firsts.length), row, columns);
  }
  return new Uint8Array(result.buffer);
}

/** Sums the old rows that make a new one, by their weights. */
function blendRows(row: Float64Array, pixels: Uint8Array, { firsts, counts, weights, stride }: Taps, y: number): void {
  row.fill(0);
  for (let tap = 0; tap < counts[y]!; tap++) {
    const weight = weights[y * stride + tap]!;
    const start = row.length * (firsts[y]! + tap);
    for (let index = 0; index < row.length; index++) row[index]! += weight * pixels[start + index]!;
  }
}

function blendColumns(line: Uint8ClampedArray, row: Float64Array, { firsts, counts, weights, stride }: Taps): void {
  for (let x = 0; x < firsts.length; x++) {
    let [red, green, blue] = [0, 0, 0];
    for (let tap = 0; tap < counts[x]!; tap++) {
      const weight = weights[x * stride + tap]!;
      const pixel = 3 * (firsts[x]! + tap);
      red += weight * row[pixel]!;
      green += weight * row[pixel + 1]!;
      blue += weight * row[pixel + 2]!;
    }
    line[3 * x] = red;
    line[3 * x + 1] = green;
    line[3 * x + 2] = blue;
  }
}

/** The old pixels of each new one along a side: the first, how many, and their weights in a row of `stride`. */
interface Taps {
  firsts: Int32Array;
  counts: Int32Array;
  weights: Float64Array;
  stride: number;
}

function taps(old: number, now: number, from: number, count: number, kernel: (x: number) => number): Taps {
  const scale = old / now;
  const widened = Math.max(scale, 1);
  const stride = Math.ceil(4 * widened) + 1;
  const [firsts, counts] = [new Int32Array(count), new Int32Array(count)];
  const weights = new Float64Array(count * stride);
  for (let index = 0; index < count; index++) {
    const centre = (from + index + 0.5) * scale - 0.5;
    const least = Math.max(0, Math.ceil(centre - 2 * widened));
    const last = Math.min(old - 1, Math.floor(centre + 2 * widened));
    const all = Array.from({ length: last - least + 1 }, (_, tap) => kernel(Math.abs(least + tap - centre) / widened));
    const sum = all.reduce((total, weight) => total + weight, 0);
    const start = all.findIndex((weight) => weight !== 0); // bilinear weights are zero on the outer half
    const end = all.findLastIndex((weight) => weight !== 0);
    firsts[index] = least + start;
    counts[index] = end - start + 1;
    for (let tap = start; tap <= end; tap++) weights[index * stride + tap - start] = all[tap]! / sum;
  }
  return { firsts, counts, weights, stride };
}

/** Weights by distance. Bicubic is Keys's kernel with a = -0.5, as in PIL and libvips. */
const kernels: Record<Filter, (x: number) => number> = {
  bilinear: (x) => Math.max(0, 1 - x),
  bicubic: (x) => {
    if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
    return x < 2 ? ((2.5 - 0.5 * x) * x - 4) * x + 2 : 0;
  },
};
