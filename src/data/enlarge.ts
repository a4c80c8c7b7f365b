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
  const result = new Uint8ClampedArray(3 * rows.length * columns.length); // rounds and clamps
  const row = new Float64Array(3 * width);
  rows.forEach((down, y) => {
    row.fill(0);
    down.weights.forEach((weight, tap) => {
      const start = 3 * width * (down.first + tap);
      for (let index = 0; index < row.length; index++) row[index]! += weight * pixels[start + index]!;
    });
    columns.forEach((across, x) => {
      for (let channel = 0; channel < 3; channel++) {
        let value = 0;
        across.weights.forEach((weight, tap) => {
          value += weight * row[3 * (across.first + tap) + channel]!;
        });
        result[3 * (y * columns.length + x) + channel] = value;
      }
    });
  });
  return new Uint8Array(result.buffer);
}

interface Taps {
  /** The first old pixel of a new one, and the weights from there on. */
  first: number;
  weights: number[];
}

function taps(old: number, now: number, from: number, count: number, kernel: (x: number) => number): Taps[] {
  const scale = old / now;
  const widened = Math.max(scale, 1);
  return Array.from({ length: count }, (_, index) => {
    const centre = (from + index + 0.5) * scale - 0.5;
    const first = Math.max(0, Math.ceil(centre - 2 * widened));
    const last = Math.min(old - 1, Math.floor(centre + 2 * widened));
    const weights = Array.from({ length: last - first + 1 }, (_, tap) =>
      kernel(Math.abs(first + tap - centre) / widened),
    );
    const sum = weights.reduce((total, weight) => total + weight, 0);
    return { first, weights: weights.map((weight) => weight / sum) };
  });
}

/** Weights by distance. Bicubic is Keys's kernel with a = -0.5, as in PIL and libvips. */
const kernels: Record<Filter, (x: number) => number> = {
  bilinear: (x) => Math.max(0, 1 - x),
  bicubic: (x) => {
    if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
    return x < 2 ? ((2.5 - 0.5 * x) * x - 4) * x + 2 : 0;
  },
};
