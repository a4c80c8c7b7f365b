// One image file to the pixels a network takes, as its weights' preprocessing says. Any format, orientation and colour space;
// many images, and reading ahead, are read-ahead.ts's.

import type { Sharp } from 'sharp';
import { fromBytes } from '../engine/create.ts';
import { scope } from '../engine/memory.ts';
import type { Tensor } from '../engine/tensor.ts';
import { InputError } from '../failure.ts';
import { resample } from './enlarge.ts';
import { type Frame, type Framing, frameOf } from './framing.ts';
import { shrink } from './resolution.ts';
import { showForTest, type TestView } from './test-view.ts';

/**
 * RGB bytes [height, width, 3] of an image file, by path or as its bytes: EXIF orientation applied, transparent parts on white,
 * grey, CMYK and 16 bits turned into 8-bit sRGB, the first frame of an animation, then framed.
 * @throws InputError with the file's name and the decoder's reason
 */
export async function prepareImage(
  file: string | Uint8Array,
  framing: Framing,
  [height, width]: readonly [height: number, width: number],
): Promise<Uint8Array> {
  const { default: sharp } = await import('sharp');
  const upright = sharp(file, { failOn: 'error' })
    .autoOrient()
    .flatten({ background: '#ffffff' })
    .toColourspace('srgb');
  try {
    const { autoOrient: image } = await upright.metadata();
    const frame = frameOf([image.height, image.width], [height, width], framing);
    const cut = upright.extract(frame.source);
    const [pixels, size] = await (framing.interpolation === 'area'
      ? byArea(cut, frame)
      : resized(cut, frame, framing.interpolation));
    if (pixels.length !== 3 * size[0] * size[1]) throw new Error(`${pixels.length} bytes for ${size[1]} × ${size[0]}`);
    return framing.interpolation === 'area' ? averaged(pixels, size, [height, width]) : pixels;
  } catch (error) {
    const name = typeof file === 'string' ? file : 'image';
    throw new InputError(`${name}: expected an image, got ${reasonOf(error as Error, name)}`);
  }
}

/** The decoder's first line, without the file's name that stands in front already. */
function reasonOf({ message }: Error, name: string): string {
  return message.split('\n')[0]!.replace(`${name}: `, '');
}

type Size = readonly [height: number, width: number];
type Pixels = [pixels: Uint8Array, size: Size];

const kernels = { bilinear: 'linear', bicubic: 'cubic' } as const;
/** JPEG's own shrinking while it decodes is faster, and another filter. */
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
 * The pixels to be averaged: the source's own, or of a large one 4 × 4 for each new pixel, so that photographs that wait for the
 * network take little memory.
 */
async function byArea(image: Sharp, { source, size }: Frame): Promise<Pixels> {
  const few: Size = [Math.min(source.height, mostPerPixel * size[0]), Math.min(source.width, mostPerPixel * size[1])];
  if (few[0] === source.height && few[1] === source.width) return [await rawBytes(image), few];
  return [await rawBytes(image.resize(few[1], few[0], { ...exact, kernel: 'linear' })), few];
}

const rawBytes = (image: Sharp): Promise<Uint8Array> => image.raw({ depth: 'uchar' }).toBuffer();

/** Interleaved bytes, each new pixel the mean of what it covers. */
function averaged(pixels: Uint8Array, [height, width]: Size, [newHeight, newWidth]: Size): Uint8Array {
  if (height === newHeight && width === newWidth) return pixels;
  return interleaved(shrink(planar(pixels), height, width, newHeight, newWidth));
}

/** RGB RGB … to the plane of each colour. */
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

/** Prepared images, each [height, width, 3] bytes, as a network takes them: float32 [images, 3, height, width], channels_last. */
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
