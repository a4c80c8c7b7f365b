// Shows one stored picture as a network sees it: a random crop for training, the central one for evaluation.

import type { Sharp } from 'sharp';
import type { Framing, Region } from '../data/framing.ts';
import { plainJpeg } from '../data/jpeg-head.ts';
import type { PictureDecoder } from '../data/picture-decoder.ts';
import { openImage, prepareImage } from '../data/prepare-image.ts';
import { type PictureChanges, type StoredPixels, showJpeg, showPixels } from '../engine/picture-part.ts';
import type { RandomStream } from '../random/stream.ts';
import { type RandAugmentOptions, randAugment } from './rand-augment.ts';
import { type CropOptions, copyChanged, randomColours, randomCrop } from './random-crop.ts';
import { randomErasing } from './random-erasing.ts';

export interface TrainingView {
  kind: 'training';
  crop: CropOptions;
  flip: boolean;
  colour: boolean;
  /** Default: none. */
  randAugment?: RandAugmentOptions | undefined;
  /** Probability of random erasing. Default: 0. */
  erasing?: number | undefined;
}

export type PictureView =
  | TrainingView
  /** For trainings that augment the framed picture themselves. */
  | { kind: 'framed'; framing: Framing }
  | { kind: 'evaluation'; framing: Framing };

/** Place of a picture that evaluation cannot show. */
export const unreadablePlace = -1;

/** Writes stored pixels as training shows them: RGB bytes [size, size, 3]. @throws an Error if they are missing */
export function showStoredPixels(
  pixels: StoredPixels,
  view: TrainingView,
  size: number,
  stream: RandomStream,
  target: Uint8Array,
): void {
  const part = randomCrop(stream, [pixels.height, pixels.width], view.crop);
  if (!showPixels(pixels, part, size, randomChanges(stream, view), target)) throw new Error('a file that ends before');
  augment(target, view, size, stream);
}

/**
 * Writes a picture's RGB bytes [size, size, 3] to `target`. @throws an Error with the decoder's reason
 * @param decoder of JPEG in training; other views have theirs in their framing
 */
export async function showPicture(
  bytes: Uint8Array,
  view: PictureView,
  size: number,
  stream: RandomStream,
  target: Uint8Array,
  decoder: PictureDecoder = 'sharp',
): Promise<void> {
  if (view.kind !== 'training') {
    target.set(await prepareImage(bytes, view.framing, [size, size]));
    return;
  }
  const plain = decoder === 'libjpeg-turbo' ? plainJpeg(bytes) : undefined;
  const opened = plain ? undefined : await openImage(bytes);
  const { height, width } = plain ?? opened!;
  const part = randomCrop(stream, [height, width], view.crop);
  const changes = randomChanges(stream, view);
  if (!plain || !showJpeg(bytes, part, size, changes, target)) {
    const { image } = opened ?? (await openImage(bytes)); // sharp says what is wrong with it, or reads it after all
    copyChanged(await croppedPixels(image, [height, width], part, size), target, size, changes);
  }
  augment(target, view, size, stream);
}

/** Makes the further changes that a view asks for. */
function augment(pixels: Uint8Array, view: TrainingView, size: number, stream: RandomStream): void {
  if (view.randAugment) randAugment(pixels, size, view.randAugment, stream);
  if (view.erasing) randomErasing(pixels, size, view.erasing, stream);
}

function randomChanges(stream: RandomStream, view: TrainingView): PictureChanges {
  const flip = view.flip && stream.integer(2) === 1;
  return { flip, colours: view.colour ? randomColours(stream) : undefined };
}

async function croppedPixels(
  image: Sharp,
  whole: readonly [height: number, width: number],
  part: Region,
  size: number,
): Promise<Uint8Array> {
  const scaled = scaledPart(part, whole, size);
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
