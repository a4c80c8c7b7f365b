// The released code's distortion of ImageNet's training pictures: a random part of the picture in a random shape,
// resized to a square (its aspect ratio is not kept), mirrored at random, with random brightness and saturation.

import type { Region } from '../data/framing.ts';
import type { RandomStream } from '../random/stream.ts';

export interface CropOptions {
  /** Least and largest share of the picture's area. Slim asks for 0.05, but no less than 0.1 passes its other limit. */
  area: readonly [least: number, most: number];
  /** Least and largest width divided by height. */
  aspect: readonly [least: number, most: number];
}

export const inceptionCrop: CropOptions = { area: [0.1, 1], aspect: [3 / 4, 4 / 3] };
const attempts = 100;

/**
 * Returns a random part of a picture, as TensorFlow's sample_distorted_bounding_box with the whole picture as object: a
 * uniform aspect ratio, then a uniform height among those that area and picture allow. The whole picture if no attempt
 * fits.
 */
export function randomCrop(
  stream: RandomStream,
  [height, width]: readonly [number, number],
  options: CropOptions,
): Region {
  const [least, most] = options.area.map((share) => share * height * width) as [number, number];
  const [narrow, wide] = options.aspect;
  for (let attempt = 0; attempt < attempts; attempt++) {
    const aspect = narrow + (wide - narrow) * stream.uniform();
    const lowest = Math.round(Math.sqrt(least / aspect));
    const highest = Math.min(height, Math.round(Math.sqrt(most / aspect)), Math.floor((width + 0.5) / aspect));
    if (highest < lowest || highest < 1) continue;
    const tall = Math.max(1, lowest) + stream.integer(highest - Math.max(1, lowest) + 1);
    const across = Math.round(tall * aspect);
    if (across < 1 || across > width || tall * across < least || tall * across > most) continue;
    const top = stream.integer(height - tall + 1);
    const left = stream.integer(width - across + 1);
    return { left, top, width: across, height: tall };
  }
  return { left: 0, top: 0, width, height };
}

/** Changes of a picture's colours. */
export interface Colours {
  /** Added to each value of 0 to 1. */
  brightness: number;
  saturation: number;
  brightnessFirst: boolean;
}

/** Slim's fast mode: brightness ± 32/255, saturation 0.5 to 1.5, in one of two orders. */
export function randomColours(stream: RandomStream): Colours {
  const brightness = (2 * stream.uniform() - 1) * (32 / 255);
  const saturation = 0.5 + stream.uniform();
  return { brightness, saturation, brightnessFirst: stream.integer(2) === 0 };
}

/** Copies RGB bytes [size, size, 3] to `target`, mirrored and with other colours where asked. */
export function copyChanged(
  pixels: Uint8Array,
  target: Uint8Array,
  size: number,
  { flip, colours }: { flip: boolean; colours?: Colours | undefined },
): void {
  if (!flip && !colours) {
    target.set(pixels);
    return;
  }
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const from = 3 * (y * size + x);
      const to = flip ? 3 * (y * size + size - 1 - x) : from;
      if (colours) recolour(pixels, from, target, to, colours);
      else {
        target[to] = pixels[from]!;
        target[to + 1] = pixels[from + 1]!;
        target[to + 2] = pixels[from + 2]!;
      }
    }
  }
}

/**
 * Saturation is HSV's: the largest channel stays, the others move from it so that S = 1 − smallest / largest is
 * multiplied, to 1 at most.
 */
function recolour(pixels: Uint8Array, from: number, target: Uint8Array, to: number, colours: Colours): void {
  const before = colours.brightnessFirst ? 255 * colours.brightness : 0;
  const after = colours.brightnessFirst ? 0 : 255 * colours.brightness;
  const [r, g, b] = [pixels[from]! + before, pixels[from + 1]! + before, pixels[from + 2]! + before];
  const value = Math.max(r, g, b);
  const saturation = value > 0 ? (value - Math.min(r, g, b)) / value : 0;
  const factor = saturation > 0 ? Math.min(1, saturation * colours.saturation) / saturation : 1;
  target[to] = byte(value - (value - r) * factor + after);
  target[to + 1] = byte(value - (value - g) * factor + after);
  target[to + 2] = byte(value - (value - b) * factor + after);
}

const byte = (value: number): number => (value <= 0 ? 0 : value >= 255 ? 255 : Math.round(value));
