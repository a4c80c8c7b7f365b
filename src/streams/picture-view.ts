// Shows one stored picture as a network sees it: a random crop for training, the central one for evaluation.

import type { Framing, Region } from '../data/framing.ts';
import { openImage, prepareImage } from '../data/prepare-image.ts';
import type { RandomStream } from '../random/stream.ts';
import { type CropOptions, copyChanged, randomColours, randomCrop } from './random-crop.ts';

export type PictureView =
  | { kind: 'training'; crop: CropOptions; flip: boolean; colour: boolean }
  /** For trainings that augment the framed picture themselves. */
  | { kind: 'framed'; framing: Framing }
  | { kind: 'evaluation'; framing: Framing };

/** Place of a picture that evaluation cannot show. */
export const unreadablePlace = -1;

/** Writes a picture's RGB bytes [size, size, 3] to `target`. @throws an Error with the decoder's reason */
export async function showPicture(
  bytes: Uint8Array,
  view: PictureView,
  size: number,
  stream: RandomStream,
  target: Uint8Array,
): Promise<void> {
  if (view.kind !== 'training') {
    target.set(await prepareImage(bytes, view.framing, [size, size]));
    return;
  }
  const pixels = await croppedPixels(bytes, view.crop, size, stream);
  const flip = view.flip && stream.integer(2) === 1;
  copyChanged(pixels, target, size, { flip, colours: view.colour ? randomColours(stream) : undefined });
}

async function croppedPixels(
  bytes: Uint8Array,
  crop: CropOptions,
  size: number,
  stream: RandomStream,
): Promise<Uint8Array> {
  const { image, height, width } = await openImage(bytes);
  const part = randomCrop(stream, [height, width], crop);
  const scaled = scaledPart(part, [height, width], size);
  const cut = image
    .resize(scaled.width, scaled.height, { fit: 'fill', kernel: 'linear' }) // reads JPEG at 1/2, 1/4 or 1/8
    .extract({ left: scaled.left, top: scaled.top, width: size, height: size });
  const pixels = await cut.raw({ depth: 'uchar' }).toBuffer();
  if (pixels.length !== 3 * size * size) throw new Error(`${pixels.length} bytes for ${size} × ${size} pixels`);
  return pixels;
}

/**
 * Returns the size to which the whole picture is resized so that the part becomes a square, and where the square then
 * is. Only its pixels are computed.
 */
function scaledPart(part: Region, [height, width]: readonly [number, number], size: number): Region {
  const [down, across] = [size / part.height, size / part.width];
  const tall = Math.max(size, Math.round(height * down));
  const wide = Math.max(size, Math.round(width * across));
  return {
    height: tall,
    width: wide,
    top: Math.min(tall - size, Math.round(part.top * down)),
    left: Math.min(wide - size, Math.round(part.left * across)),
  };
}
