// Makes a smaller copy of a dataset in the cache by area averaging: each new pixel is the mean of the area that it
// covers, rounded to a byte.

import { basename, dirname } from 'node:path';
import { InputError } from '../failure.ts';
import { cached } from './cache.ts';
import { type DatasetFiles, type DatasetPart, imageBytes, readLabels, readRange } from './dataset-files.ts';
import type { DatasetWriter } from './dataset-writer.ts';
import type { OnProgress } from './progress.ts';

const imagesAtOnce = 2000;
const smallest = 4;

/**
 * Returns the dataset at `resolution` × `resolution` pixels. @throws InputError if that is larger than the stored
 * images
 */
export async function atResolution(
  files: DatasetFiles,
  resolution: number,
  onProgress: OnProgress = () => {},
): Promise<DatasetFiles> {
  if (resolution === files.height && resolution === files.width) return files;
  const most = Math.min(files.height, files.width);
  if (!Number.isInteger(resolution) || resolution < smallest || resolution > most) {
    throw new InputError(`resolution: expected a whole number from ${smallest} to ${most} pixels, got ${resolution}`);
  }
  const { path } = files.train;
  const key = `${basename(path, '.bin')}-at-${resolution}`;
  const prepared = await cached(dirname(path), key, onProgress, async (writer) => {
    const { train, test, content: _, ...description } = files;
    const total = train.count + test.count;
    const report = (done: number) =>
      onProgress({
        task: 'shrink',
        subject: `${files.name} to ${resolution} × ${resolution}`,
        done,
        total,
        unit: 'images',
      });
    await shrinkPart(writer, files, 'train', resolution, report);
    await shrinkPart(writer, files, 'test', resolution, (done) => report(train.count + done));
    return { description: { ...description, height: resolution, width: resolution }, skipped: [] };
  });
  return prepared.files;
}

async function shrinkPart(
  writer: DatasetWriter,
  files: DatasetFiles,
  name: 'train' | 'test',
  resolution: number,
  report: (done: number) => void,
): Promise<void> {
  const part: DatasetPart = files[name];
  const labels = readLabels(part);
  for (let first = 0; first < part.count; first += imagesAtOnce) {
    const count = Math.min(imagesAtOnce, part.count - first);
    const pixels = readRange(part.path, part.images + first * imageBytes(files), count * imageBytes(files));
    const small = shrink(pixels, files.height, files.width, resolution);
    await writer.add(name, small, labels.subarray(first, first + count));
    report(first + count);
  }
}

/** Shrinks consecutive planes of height × width bytes to newHeight × newWidth. */
export function shrink(
  planes: Uint8Array,
  height: number,
  width: number,
  newHeight: number,
  newWidth = newHeight,
): Uint8Array {
  const count = planes.length / (height * width);
  const result = new Uint8Array(count * newHeight * newWidth);
  const rows = coverage(height, newHeight);
  const columns = coverage(width, newWidth);
  const narrow = new Float64Array(height * newWidth); // one plane with shrunk rows
  const means = new Float64Array(newHeight * newWidth);
  for (let plane = 0; plane < count; plane++) {
    narrow.fill(0);
    for (let y = 0; y < height; y++) {
      for (let tap = 0; tap < columns.from.length; tap++) {
        const byte = planes[(plane * height + y) * width + columns.from[tap]!]!;
        narrow[y * newWidth + columns.to[tap]!]! += columns.weight[tap]! * byte;
      }
    }
    means.fill(0);
    for (let tap = 0; tap < rows.from.length; tap++) {
      for (let x = 0; x < newWidth; x++) {
        means[rows.to[tap]! * newWidth + x]! += rows.weight[tap]! * narrow[rows.from[tap]! * newWidth + x]!;
      }
    }
    for (let pixel = 0; pixel < means.length; pixel++) {
      // rounds halves up, also with rounding errors
      result[plane * means.length + pixel] = Math.floor(means[pixel]! + 0.5 + 1e-9);
    }
  }
  return result;
}

/** Returns the old pixels that each new pixel covers along one side, with shares that sum to 1 per new pixel. */
function coverage(old: number, now: number): { to: Int32Array; from: Int32Array; weight: Float64Array } {
  const step = old / now;
  const taps = Array.from({ length: now * old }, (_, index) => {
    const [to, from] = [Math.floor(index / old), index % old];
    const overlap = Math.min(from + 1, (to + 1) * step) - Math.max(from, to * step);
    return { to, from, weight: overlap / step };
  }).filter(({ weight }) => weight > 1e-9);
  return {
    to: Int32Array.from(taps, (tap) => tap.to),
    from: Int32Array.from(taps, (tap) => tap.from),
    weight: Float64Array.from(taps, (tap) => tap.weight),
  };
}
