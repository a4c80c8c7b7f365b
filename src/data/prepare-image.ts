// Preprocesses one image file of any format, orientation and colour space for a network. read-ahead.ts reads many
// images.

import { readFileSync } from 'node:fs';
import type { Sharp } from 'sharp';
import { fromBytes } from '../engine/create.ts';
import { scope } from '../engine/memory.ts';
import { nativeJpegDecoder, showJpeg } from '../engine/picture-part.ts';
import type { Tensor } from '../engine/tensor.ts';
import { InputError } from '../failure.ts';
import { speaksOfMemory } from '../out-of-memory.ts';
import { whole } from '../words.ts';
import { resample } from './enlarge.ts';
import { type Frame, type Framing, frameOf } from './framing.ts';
import { headBytes, readHead, unreadReason } from './image-formats.ts';
import { plainJpeg } from './jpeg-head.ts';
import { shrink } from './resolution.ts';
import { showForTest, type TestView } from './test-view.ts';

/**
 * Returns RGB bytes [height, width, 3] of an image (path or bytes): EXIF orientation applied, transparency on white,
 * grey, CMYK and 16 bits converted to 8-bit sRGB, the first frame of an animation, then framed.
 * @throws InputError with the file's name and the decoder's reason
 */
export async function prepareImage(
  file: string | Uint8Array,
  framing: Framing,
  [height, width]: readonly [height: number, width: number],
): Promise<Uint8Array> {
  try {
    const shown = framing.decoder === 'libjpeg-turbo' && decodedJpeg(file, framing, [height, width]);
    if (shown) return shown;
    const { image: upright, height: sourceHeight, width: sourceWidth } = await openImage(file);
    const frame = frameOf([sourceHeight, sourceWidth], [height, width], framing);
    const cut = upright.extract(frame.source);
    const [pixels, size] = await (framing.interpolation === 'area'
      ? byArea(cut, frame)
      : resized(cut, frame, framing.interpolation));
    if (pixels.length !== 3 * size[0] * size[1]) throw new Error(`${pixels.length} bytes for ${size[1]} × ${size[0]}`);
    return framing.interpolation === 'area' ? averaged(pixels, size, [height, width]) : pixels;
  } catch (error) {
    throw unreadable(error as Error, typeof file === 'string' ? file : 'image');
  }
}

/** Returns a JPEG as the addon shows it in training; undefined for pictures that it leaves to sharp. */
function decodedJpeg(file: string | Uint8Array, framing: Framing, [height, width]: Size): Uint8Array | undefined {
  const shows = framing.aspect === 'stretch' && framing.interpolation === 'bilinear' && height === width;
  if (!shows || nativeJpegDecoder() === undefined) return undefined;
  const bytes = typeof file === 'string' ? readFileSync(file) : file;
  const plain = plainJpeg(bytes);
  if (!plain) return undefined;
  const { source } = frameOf([plain.height, plain.width], [height, width], framing);
  const pixels = new Uint8Array(3 * height * width);
  return showJpeg(bytes, source, height, { flip: false }, pixels) ? pixels : undefined;
}

/** Limits of the decoder, since a file of a few kilobytes may declare a huge image. */
const most = { pixels: 0x3fff ** 2, bytes: 2 ** 30 };
const sampleBytes: Readonly<Record<string, number>> = {
  uchar: 1,
  char: 1,
  ushort: 2,
  short: 2,
  complex: 8,
  double: 8,
  dpcomplex: 16,
};

/**
 * Opens an image to be decoded upright, on white and in sRGB; returns it with its size. Format (first bytes) and limits
 * (header) are checked before decoding.
 * @throws an Error with the reason, for `unreadable`
 */
export async function openImage(file: string | Uint8Array): Promise<{ image: Sharp; height: number; width: number }> {
  const reason = unreadReason(typeof file === 'string' ? readHead(file) : Buffer.from(file.subarray(0, headBytes)));
  if (reason !== undefined) throw new Error(reason);
  const { default: sharp } = await import('sharp');
  const image = sharp(file, { failOn: 'error', limitInputPixels: false })
    .autoOrient()
    .flatten({ background: '#ffffff' })
    .toColourspace('srgb');
  const { width, height, channels, depth, autoOrient } = await image.metadata();
  if (width * height > most.pixels)
    throw new Error(`${width} × ${height} pixels; expected at most ${whole(most.pixels)}`);
  const bytes = width * height * channels * (sampleBytes[depth] ?? 4);
  if (bytes > most.bytes)
    throw new Error(`${(bytes / 2 ** 30).toFixed(1)} GiB of pixels; expected at most ${most.bytes / 2 ** 30}`);
  return { image, height: autoOrient.height, width: autoOrient.width };
}

/** Temporary reasons why a file cannot be opened. */
const passing: Readonly<Record<string, string>> = {
  EACCES: 'a file that may not be read (permission denied)',
  EPERM: 'a file that may not be read (permission denied)',
  ENOENT: 'a file that is missing',
  ELOOP: 'a link that leads to itself',
};

/** Reasons due to the machine or permissions, so that the same file may be readable later. */
const mayPass = /^E(?!NOENT|LOOP|ISDIR|NXIO)[A-Z]+$|too many open files|permission|input\/output/i;

/** Returns an error with the file's name and the decoder's first line; code 'unreadable-now' if a retry makes sense. */
export function unreadable(error: Error, name: string): InputError {
  const { code, message } = error as NodeJS.ErrnoException;
  const reason = passing[code ?? ''] ?? message.split('\n')[0]!.replace(`${name}: `, '');
  const now = mayPass.test(code ?? '') || mayPass.test(reason) || speaksOfMemory(reason);
  return new InputError(`${name}: expected an image, got ${reason}`, now ? { code: 'unreadable-now' } : {});
}

type Size = readonly [height: number, width: number];
type Pixels = [pixels: Uint8Array, size: Size];

const kernels = { bilinear: 'linear', bicubic: 'cubic' } as const;
/** Without JPEG's shrinking during decoding, which is faster but another filter. */
const exact = { fit: 'fill', fastShrinkOnLoad: false } as const;

async function resized(image: Sharp, { source, size, window }: Frame, filter: keyof typeof kernels): Promise<Pixels> {
  if (size[0] > source.height || size[1] > source.width) {
    const pixels = await rawBytes(image);
    return [resample(pixels, [source.height, source.width], size, window, filter), [window.height, window.width]];
  }
  const whole = image.resize(size[1], size[0], { ...exact, kernel: kernels[filter] });
  return [await rawBytes(whole.extract(window)), [window.height, window.width]];
}

const mostPerPixel = 4;

/**
 * Returns the pixels to be averaged: the source's, or 4 × 4 per new pixel of a large one, so that queued photographs
 * need little memory.
 */
async function byArea(image: Sharp, { source, size }: Frame): Promise<Pixels> {
  const few: Size = [Math.min(source.height, mostPerPixel * size[0]), Math.min(source.width, mostPerPixel * size[1])];
  if (few[0] === source.height && few[1] === source.width) return [await rawBytes(image), few];
  return [await rawBytes(image.resize(few[1], few[0], { ...exact, kernel: 'linear' })), few];
}

const rawBytes = (image: Sharp): Promise<Uint8Array> => image.raw({ depth: 'uchar' }).toBuffer();

/** Averages interleaved bytes: each new pixel is the mean of the area that it covers. */
function averaged(pixels: Uint8Array, [height, width]: Size, [newHeight, newWidth]: Size): Uint8Array {
  if (height === newHeight && width === newWidth) return pixels;
  return interleaved(shrink(planar(pixels), height, width, newHeight, newWidth));
}

/** Converts interleaved RGB to planes. */
export function planar(pixels: Uint8Array): Uint8Array {
  const plane = pixels.length / 3;
  const planes = new Uint8Array(pixels.length);
  for (let pixel = 0; pixel < plane; pixel++) {
    planes[pixel] = pixels[3 * pixel]!;
    planes[plane + pixel] = pixels[3 * pixel + 1]!;
    planes[2 * plane + pixel] = pixels[3 * pixel + 2]!;
  }
  return planes;
}

function interleaved(planes: Uint8Array): Uint8Array {
  const plane = planes.length / 3;
  const pixels = new Uint8Array(planes.length);
  for (let index = 0; index < planes.length; index++)
    pixels[3 * (index % plane) + Math.floor(index / plane)] = planes[index]!;
  return pixels;
}

/**
 * Converts images, each [height, width, 3] bytes, to a network's input: float32 [images, 3, height, width],
 * channels_last.
 */
export function imageBatch(
  images: readonly Uint8Array[],
  [height, width]: readonly [height: number, width: number],
  view: TestView,
): Tensor {
  return scope(() => {
    const bytes = fromBytes(Buffer.concat(images), 'uint8', [images.length, height, width, 3]);
    return showForTest(bytes.permute([0, 3, 1, 2]), view);
  });
}
