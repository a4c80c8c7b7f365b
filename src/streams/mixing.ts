// Mixup and CutMix: the pictures of a batch are mixed in pairs, and so are their labels.

import type { Region } from '../data/framing.ts';
import { normal } from '../random/normal.ts';
import type { RandomStream } from '../random/stream.ts';

/**
 * Parameters of the Beta distributions: 0.1 to 0.4 for mixup on ImageNet (Zhang et al. 2018), 1 for CutMix (Yun et al.
 * 2019). Where both are asked for, each batch has one of them at random.
 */
export interface MixingOptions {
  /** Mixup: weighted sums of two pictures. */
  mixup?: number | undefined;
  /** CutMix: a rectangle of another picture. */
  cutmix?: number | undefined;
}

/** How one batch is mixed; picture `place` has the picture `count − 1 − place` as its partner. */
export type Mixing =
  /** The picture's own share; the partner has the rest. */
  | { kind: 'mixup'; share: number }
  /** The part of the square that comes from the partner. */
  | { kind: 'cutmix'; part: Region };

/**
 * Labels of mixed pictures. The loss of picture `place` is weights[place] · loss(labels[place]) +
 * (1 − weights[place]) · loss(partners[place]), where `labels` are those of the batch.
 */
export interface MixedLabels {
  /** The second label of each picture. */
  partners: Int32Array;
  /** The share of the first label, from 0 to 1. */
  weights: Float32Array;
}

/** Returns a random mixing for a batch of square pictures. @throws RangeError if neither parameter is above 0 */
export function randomMixing(stream: RandomStream, size: number, { mixup, cutmix }: MixingOptions): Mixing {
  const kinds = [...(mixup ? (['mixup'] as const) : []), ...(cutmix ? (['cutmix'] as const) : [])];
  if (kinds.length === 0) throw new RangeError('mixing: expected a parameter of mixup or cutmix above 0');
  const kind = kinds[stream.integer(kinds.length)]!;
  if (kind === 'mixup') return { kind, share: beta(stream, mixup!) };
  return { kind, part: randomPart(stream, size, Math.sqrt(1 - beta(stream, cutmix!))) };
}

/** Returns a square with this share of the side around a random centre; what is beyond the edges is cut off. */
function randomPart(stream: RandomStream, size: number, share: number): Region {
  const side = Math.floor(size * share);
  const [x, y] = [stream.integer(size), stream.integer(size)];
  const inside = (place: number) => Math.min(size, Math.max(0, place));
  const [left, top] = [inside(x - (side >> 1)), inside(y - (side >> 1))];
  return {
    left,
    top,
    width: inside(x - (side >> 1) + side) - left,
    height: inside(y - (side >> 1) + side) - top,
  };
}

/** Mixes the pictures of a batch in place: RGB bytes [count, size, size, 3]. */
export function mixPictures(pixels: Uint8Array, count: number, size: number, mixing: Mixing): void {
  const bytes = 3 * size * size;
  for (let place = 0; place < count >> 1; place++) {
    const one = pixels.subarray(place * bytes, (place + 1) * bytes);
    const other = pixels.subarray((count - 1 - place) * bytes, (count - place) * bytes);
    if (mixing.kind === 'mixup') sumPair(one, other, mixing.share);
    else swapPart(one, other, size, mixing.part);
  }
}

/**
 * Returns the second labels and the weights, whose share of the area is counted in pixels. The middle picture of an odd
 * number is its own partner and stays as it is.
 */
export function mixedLabels(labels: Int32Array, size: number, mixing: Mixing): MixedLabels {
  const weight = mixing.kind === 'mixup' ? mixing.share : 1 - (mixing.part.width * mixing.part.height) / (size * size);
  return { partners: labels.toReversed(), weights: new Float32Array(labels.length).fill(weight) };
}

function sumPair(one: Uint8Array, other: Uint8Array, share: number): void {
  for (let place = 0; place < one.length; place++) {
    const [a, b] = [one[place]!, other[place]!];
    one[place] = b + share * (a - b) + 0.5;
    other[place] = a + share * (b - a) + 0.5;
  }
}

function swapPart(one: Uint8Array, other: Uint8Array, size: number, { left, top, width, height }: Region): void {
  for (let y = top; y < top + height; y++) {
    const [from, to] = [3 * (y * size + left), 3 * (y * size + left + width)];
    const row = one.slice(from, to);
    one.set(other.subarray(from, to), from);
    other.set(row, from);
  }
}

/** Returns a Beta(α, α) number in [0, 1]. Gammas are computed as logarithms, since those of a small α underflow. */
function beta(stream: RandomStream, alpha: number): number {
  const [one, other] = [logGamma(stream, alpha), logGamma(stream, alpha)];
  return 1 / (1 + Math.exp(other - one));
}

/** Returns the logarithm of a Gamma(α, 1) number (Marsaglia and Tsang, 2000). */
function logGamma(stream: RandomStream, alpha: number): number {
  if (alpha < 1) return logGamma(stream, alpha + 1) + Math.log(1 - stream.uniform()) / alpha;
  const d = alpha - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = normal(stream);
    const cube = (1 + c * x) ** 3;
    if (cube > 0 && Math.log(1 - stream.uniform()) < 0.5 * x * x + d - d * cube + d * Math.log(cube))
      return Math.log(d * cube);
  }
}
