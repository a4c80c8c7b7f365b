// Sizes of pictures from their headers, without decoding them.

import { readHead, unreadReason } from '../data/image-formats.ts';

export interface PictureSize {
  /** Pixels as stored. */
  width: number;
  height: number;
  /** EXIF's number from 1 (upright) to 8; those from 5 on swap width and height. */
  orientation: number;
}

const atOnce = 16;

/**
 * Reads the sizes of pictures, some at once.
 * @param onProgress is called after each with how many are done
 * @returns in the order of `paths`; an Error with the reason for one that cannot be read
 */
export async function readPictureSizes(
  paths: readonly string[],
  onProgress: (done: number) => void = () => {},
): Promise<(PictureSize | Error)[]> {
  const sizes = new Array<PictureSize | Error>(paths.length);
  let [next, done] = [0, 0];
  const reader = async () => {
    while (next < paths.length) {
      const place = next++;
      sizes[place] = await readPictureSize(paths[place]!).catch((error: Error) => error);
      onProgress(++done);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, paths.length) }, reader));
  return sizes;
}

async function readPictureSize(path: string): Promise<PictureSize> {
  const reason = unreadReason(readHead(path));
  if (reason !== undefined) throw new Error(reason);
  const { default: sharp } = await import('sharp');
  const { width, height, orientation = 1 } = await sharp(path).metadata();
  return { width, height, orientation };
}

/** Returns the size as it is seen. */
export const upright = ({ width, height, orientation }: PictureSize): { width: number; height: number } =>
  orientation >= 5 ? { width: height, height: width } : { width, height };
