// One picture as prepared shards store it: upright sRGB with a short side of so many pixels, as a JPEG or raw.

import { plainJpeg } from '../data/jpeg-head.ts';
import { openImage } from '../data/prepare-image.ts';
import { nativeJpegDecoder, showJpeg } from '../engine/picture-part.ts';

export interface PreparedForm {
  /** Short side in pixels; smaller pictures keep their size. */
  side: number;
  /** JPEG's quality; undefined: raw RGB bytes. */
  quality: number | undefined;
}

export interface StoredPicture {
  bytes: Uint8Array;
  /** The size of raw pixels. */
  size?: { height: number; width: number };
}

/** From this quality on colours have the resolution of brightness. */
const fullColour = 95;

/** Returns a picture's file in a form. A JPEG that is no larger is kept as it is. @throws an Error with the reason */
export async function preparePicture(file: Uint8Array, { side, quality }: PreparedForm): Promise<StoredPicture> {
  if (quality !== undefined && (await mayStay(file, side))) return { bytes: file };
  const { image, height, width } = await openImage(file);
  const scale = Math.min(1, side / Math.min(height, width));
  const size = { height: Math.round(height * scale), width: Math.round(width * scale) };
  const resized = scale < 1 ? image.resize(size.width, size.height, { fit: 'fill' }) : image;
  if (quality === undefined) return { bytes: await resized.raw({ depth: 'uchar' }).toBuffer(), size };
  const chromaSubsampling = quality >= fullColour ? '4:4:4' : '4:2:0';
  return { bytes: await resized.jpeg({ quality, chromaSubsampling }).toBuffer() };
}

/** Whether a file is a small JPEG that every decoder shows alike, and has no fault. */
async function mayStay(file: Uint8Array, side: number): Promise<boolean> {
  const size = plainJpeg(file);
  if (!size || Math.min(size.height, size.width) > side) return false;
  const whole = { left: 0, top: 0, ...size };
  const pixel = new Uint8Array(3);
  if (nativeJpegDecoder() !== undefined) return showJpeg(file, whole, 1, { flip: false }, pixel);
  const { image } = await openImage(file);
  await image.stats(); // decodes all of it
  return true;
}
