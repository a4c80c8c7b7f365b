// RandAugment (Cubuk et al. 2019): some of fourteen changes in a row, all of one strength, on square RGB pictures in
// bytes. The ranges are AutoAugment's, the changes those of PIL; what a picture leaves free becomes grey.

import type { RandomStream } from '../random/stream.ts';

export interface RandAugmentOptions {
  /** Changes in a row; the paper's N. */
  operations: number;
  /** Strength from 0 to 10; the paper's M. */
  magnitude: number;
}

export const largestMagnitude = 10;

const grey = 128;

/** Changes RGB bytes [size, size, 3] in place. `level` is from 0 to 1, `sign` −1 or 1 for one of two directions. */
type Operation = (pixels: Uint8Array, size: number, level: number, sign: number) => void;

export const augmentOperations: Readonly<Record<string, Operation>> = {
  identity: () => {},
  autoContrast: (pixels) => perChannel(pixels, autoContrastTable),
  equalize: (pixels) => perChannel(pixels, equalizeTable),
  rotate: (pixels, size, level, sign) => rotate(pixels, size, sign * level * 30),
  posterize: (pixels, _, level) => posterize(pixels, 8 - Math.round(4 * level)),
  solarize: (pixels, _, level) => solarize(pixels, Math.round(256 * (1 - level))),
  colour: (pixels, _, level, sign) => blend(pixels, luminance(pixels), 1 + 0.9 * sign * level),
  contrast: (pixels, _, level, sign) => blend(pixels, meanLuminance(pixels), 1 + 0.9 * sign * level),
  brightness: (pixels, _, level, sign) => blend(pixels, new Uint8Array(pixels.length), 1 + 0.9 * sign * level),
  sharpness: (pixels, size, level, sign) => blend(pixels, smoothed(pixels, size), 1 + 0.9 * sign * level),
  shearX: (pixels, size, level, sign) => transform(pixels, size, [1, 0.3 * sign * level, 0, 0, 1, 0]),
  shearY: (pixels, size, level, sign) => transform(pixels, size, [1, 0, 0, 0.3 * sign * level, 1, 0]),
  translateX: (pixels, size, level, sign) => transform(pixels, size, [1, 0, shift(size, level, sign), 0, 1, 0]),
  translateY: (pixels, size, level, sign) => transform(pixels, size, [1, 0, 0, 0, 1, shift(size, level, sign)]),
};
const names = Object.keys(augmentOperations);

/** Whole pixels of 150 of 331, as AutoAugment has it. */
const shift = (size: number, level: number, sign: number): number => sign * Math.round((level * size * 150) / 331);

/** Changes RGB bytes [size, size, 3] in place. */
export function randAugment(
  pixels: Uint8Array,
  size: number,
  { operations, magnitude }: RandAugmentOptions,
  stream: RandomStream,
): void {
  for (let number = 0; number < operations; number++) {
    const operation = augmentOperations[names[stream.integer(names.length)]!]!;
    operation(pixels, size, magnitude / largestMagnitude, stream.integer(2) === 0 ? -1 : 1);
  }
}

/** Replaces every value by that of a table for its channel, made from the channel's histogram [256]. */
function perChannel(pixels: Uint8Array, tableOf: (histogram: Uint32Array) => Uint8Array | undefined): void {
  for (let channel = 0; channel < 3; channel++) {
    const histogram = new Uint32Array(256);
    for (let at = channel; at < pixels.length; at += 3) histogram[pixels[at]!]!++;
    const table = tableOf(histogram);
    if (table) for (let at = channel; at < pixels.length; at += 3) pixels[at] = table[pixels[at]!]!;
  }
}

/** Stretches the smallest value to 0 and the largest to 255. */
function autoContrastTable(histogram: Uint32Array): Uint8Array | undefined {
  const low = histogram.findIndex((count) => count > 0);
  const high = histogram.findLastIndex((count) => count > 0);
  if (high <= low) return undefined;
  return Uint8Array.from({ length: 256 }, (_, value) =>
    Math.min(255, Math.max(0, Math.trunc((255 * (value - low)) / (high - low)))),
  );
}

/** Makes all values about as frequent. */
function equalizeTable(histogram: Uint32Array): Uint8Array | undefined {
  const last = histogram.findLast((count) => count > 0) ?? 0;
  const step = Math.floor((histogram.reduce((sum, count) => sum + count, 0) - last) / 255);
  if (step === 0) return undefined;
  let sum = step >> 1;
  return Uint8Array.from(histogram, (count) => {
    const value = Math.min(255, Math.floor(sum / step));
    sum += count;
    return value;
  });
}

function posterize(pixels: Uint8Array, bits: number): void {
  const mask = 256 - 2 ** (8 - bits);
  for (let at = 0; at < pixels.length; at++) pixels[at]! &= mask;
}

/** Inverts values from a threshold on. */
function solarize(pixels: Uint8Array, threshold: number): void {
  for (let at = 0; at < pixels.length; at++) if (pixels[at]! >= threshold) pixels[at] = 255 - pixels[at]!;
}

/** Moves each value away from another picture: 0 shows that picture, 1 this one, more exaggerates the difference. */
function blend(pixels: Uint8Array, other: Uint8Array, factor: number): void {
  for (let at = 0; at < pixels.length; at++) {
    const value = other[at]! + factor * (pixels[at]! - other[at]!);
    pixels[at] = Math.min(255, Math.max(0, value));
  }
}

/** ITU-R 601-2 in 16 bits. */
const luminanceAt = (pixels: Uint8Array, at: number): number =>
  (pixels[at]! * 19_595 + pixels[at + 1]! * 38_470 + pixels[at + 2]! * 7471 + 0x8000) >> 16;

function luminance(pixels: Uint8Array): Uint8Array {
  const result = new Uint8Array(pixels.length);
  for (let at = 0; at < pixels.length; at += 3) result.fill(luminanceAt(pixels, at), at, at + 3);
  return result;
}

function meanLuminance(pixels: Uint8Array): Uint8Array {
  let sum = 0;
  for (let at = 0; at < pixels.length; at += 3) sum += luminanceAt(pixels, at);
  return new Uint8Array(pixels.length).fill(Math.floor(sum / (pixels.length / 3) + 0.5));
}

/** Means of 3 × 3 pixels, the middle one counted five times; pixels at the edges stay. */
function smoothed(pixels: Uint8Array, size: number): Uint8Array {
  const result = pixels.slice();
  const row = 3 * size;
  for (let y = 1; y < size - 1; y++)
    for (let at = y * row + 3; at < (y + 1) * row - 3; at++) {
      let sum = 4 * pixels[at]!;
      for (let line = at - row; line <= at + row; line += row)
        sum += pixels[line - 3]! + pixels[line]! + pixels[line + 3]!;
      result[at] = sum / 13 + 0.5;
    }
  return result;
}

/** Turns around the centre, with the clock for positive degrees. */
function rotate(pixels: Uint8Array, size: number, degrees: number): void {
  const [cos, sin] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
  const centre = size / 2;
  transform(pixels, size, [cos, sin, centre - centre * (cos + sin), -sin, cos, centre - centre * (cos - sin)]);
}

/** Shows at (x, y) the pixel that has (a·x + b·y + c, d·x + e·y + f) within it; coordinates are those of centres. */
function transform(
  pixels: Uint8Array,
  size: number,
  [a, b, c, d, e, f]: readonly [number, number, number, number, number, number],
): void {
  const old = pixels.slice();
  for (let y = 0; y < size; y++)
    for (let x = 0; x < size; x++) {
      const column = Math.floor(a * (x + 0.5) + b * (y + 0.5) + c);
      const line = Math.floor(d * (x + 0.5) + e * (y + 0.5) + f);
      const to = 3 * (y * size + x);
      const from = 3 * (line * size + column);
      const isInside = column >= 0 && column < size && line >= 0 && line < size;
      pixels[to] = isInside ? old[from]! : grey;
      pixels[to + 1] = isInside ? old[from + 1]! : grey;
      pixels[to + 2] = isInside ? old[from + 2]! : grey;
    }
}
