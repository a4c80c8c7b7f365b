// Random erasing (Zhong et al. 2017): a rectangle of noise in some pictures.

import type { RandomStream } from '../random/stream.ts';

const area = { least: 0.02, most: 1 / 3 }; // of the picture
const aspect = { least: 0.3, most: 1 / 0.3 }; // height divided by width
const attempts = 10;

/** Fills a random rectangle of RGB bytes [size, size, 3] with random bytes, with some probability. */
export function randomErasing(pixels: Uint8Array, size: number, probability: number, stream: RandomStream): void {
  if (stream.uniform() >= probability) return;
  for (let attempt = 0; attempt < attempts; attempt++) {
    const pixelsErased = size * size * between(stream, area);
    const ratio = Math.exp(between(stream, { least: Math.log(aspect.least), most: Math.log(aspect.most) }));
    const [height, width] = [Math.round(Math.sqrt(pixelsErased * ratio)), Math.round(Math.sqrt(pixelsErased / ratio))];
    if (height < 1 || width < 1 || height >= size || width >= size) continue;
    const [top, left] = [stream.integer(size - height + 1), stream.integer(size - width + 1)];
    for (let y = top; y < top + height; y++)
      fillWithNoise(pixels.subarray(3 * (y * size + left), 3 * (y * size + left + width)), stream);
    return;
  }
}

const between = (stream: RandomStream, { least, most }: { least: number; most: number }): number =>
  least + (most - least) * stream.uniform();

function fillWithNoise(bytes: Uint8Array, stream: RandomStream): void {
  for (let at = 0; at < bytes.length; at += 4) {
    const bits = stream.bits32();
    for (let byte = 0; byte < 4 && at + byte < bytes.length; byte++) bytes[at + byte] = bits >>> (8 * byte);
  }
}
