// Which decoder reads JPEG: the addon's libjpeg-turbo, or sharp, which reads all other files. Their pictures differ by
// the filter and by rounding, so a training keeps the one with which it began, and evaluations of its network use it.

import { nativeJpegDecoder } from '../engine/picture-part.ts';
import { Failure } from '../failure.ts';

export const pictureDecoders = ['libjpeg-turbo', 'sharp'] as const;
export type PictureDecoder = (typeof pictureDecoders)[number];

/**
 * Returns the decoder to use: the one asked for, or the fastest that this machine has.
 * @throws Failure if the addon was compiled without the one asked for
 */
export function pictureDecoder(asked?: PictureDecoder | undefined): PictureDecoder {
  if (asked === 'sharp') return asked;
  if (nativeJpegDecoder() !== undefined) return 'libjpeg-turbo';
  if (asked === undefined) return 'sharp';
  throw new Failure(`pictures were decoded with libjpeg-turbo, which the addon was compiled without: ${installWords}`);
}

/** Returns a sentence if this machine decodes pictures otherwise than a network's training did. */
export const otherDecoderSentence = (trained: PictureDecoder | undefined): string | undefined =>
  trained === 'libjpeg-turbo' && nativeJpegDecoder() === undefined
    ? `Pictures are decoded with sharp, in training they were with libjpeg-turbo, so figures may differ a little: ${installWords}`
    : undefined;

const installWords = 'install its development files (Debian: libjpeg62-turbo-dev), then run `node scripts/setup.mjs`';
