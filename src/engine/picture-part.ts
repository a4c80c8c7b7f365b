// Pictures for training that the addon decodes and changes on the calling thread (native/pictures/).

import { addon } from './addon.ts';

/** A part of a picture in whole pixels. */
export interface PicturePart {
  left: number;
  top: number;
  width: number;
  height: number;
}

export interface PictureChanges {
  /** Mirrors the square. */
  flip: boolean;
  colours?: { brightness: number; saturation: number; brightnessFirst: boolean } | undefined;
}

/** Returns the name and version of the addon's decoder of JPEG; undefined if it was compiled without one. */
export const nativeJpegDecoder = (): string | undefined => addon().jpegDecoderName();

/**
 * Writes `target` [size, size, 3] from a part of a JPEG, resized with antialiasing, and changed.
 * @returns false if the decoder found a fault; the target is then undefined
 */
export function showJpeg(
  bytes: Uint8Array,
  part: PicturePart,
  size: number,
  changes: PictureChanges,
  target: Uint8Array,
): boolean {
  return addon().showJpeg(bytes, sidesOf(part), size, numbersOf(changes), target);
}

/** RGB bytes [height, width, 3] in an open file. */
export interface StoredPixels {
  file: number;
  offset: number;
  height: number;
  width: number;
}

/** The same from RGB bytes, of which only the rows of the part are read. @returns false if the file is too short */
export function showPixels(
  { file, offset, height, width }: StoredPixels,
  part: PicturePart,
  size: number,
  changes: PictureChanges,
  target: Uint8Array,
): boolean {
  return addon().showPixels(file, offset, height, width, sidesOf(part), size, numbersOf(changes), target);
}

/** Asks the system to read a part of an open file ahead, and does not wait. */
export const readAhead = (file: number, offset: number, length: number): void =>
  addon().readAhead(file, offset, length);

const sidesOf = ({ left, top, width, height }: PicturePart): number[] => [left, top, width, height];

const numbersOf = ({ flip, colours }: PictureChanges): Float64Array =>
  Float64Array.of(
    Number(flip),
    Number(colours !== undefined),
    255 * (colours?.brightness ?? 0),
    colours?.saturation ?? 1,
    Number(colours?.brightnessFirst ?? false),
  );
