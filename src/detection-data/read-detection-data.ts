// Reads a dataset with boxes in any of the three formats, in one pass that reports every fault.

import { dirname, join } from 'node:path';
import { byName } from '../data/image-formats.ts';
import { InputError } from '../failure.ts';
import { readCocoFile } from './coco-file.ts';
import type { DetectionDataset } from './detection-dataset.ts';
import { cocoFiles, type DetectionFormat, detectionFormat } from './detection-format.ts';
import { Faults } from './faults.ts';
import { pictureFinder, stemOf } from './find-pictures.ts';
import { readPictureSizes } from './picture-size.ts';
import type { RawPart, RawPicture } from './raw-part.ts';
import { areCorners, readAsCorners, settlePicture } from './settle.ts';
import { readVoc } from './voc-files.ts';
import { readYolo } from './yolo-files.ts';

export interface DetectionDataOptions {
  /** By default what the files look like. */
  format?: DetectionFormat | undefined;
  /** The folder of the pictures, where it cannot be found from the annotations. */
  pictures?: string | undefined;
  /** VOC: number of the first pixel in corners. By default 0 if some corner is 0, else 1. */
  firstPixel?: 0 | 1 | undefined;
  /** Accepts what `Faults` states for refused kinds, in place of an error. */
  mend?: boolean | undefined;
  onProgress?: (done: number, total: number) => void;
  /** Is called with all faults before the refused ones end the reading. */
  onFaults?: (faults: Faults) => void;
}

export interface DetectionData {
  format: DetectionFormat;
  parts: DetectionPart[];
  faults: Faults;
}

/** One part of a dataset, such as train or val. All parts have the same categories. */
export interface DetectionPart {
  name: string;
  dataset: DetectionDataset;
}

/**
 * Reads every part of a dataset. Sizes of pictures are read from their headers.
 * @param path a file of annotations, a data.yaml, or a folder
 * @throws InputError if it is no such dataset, or about all faults that are refused
 */
export async function readDetectionData(path: string, options: DetectionDataOptions = {}): Promise<DetectionData> {
  const { format = detectionFormat(path), mend = false, onProgress = () => {}, onFaults = () => {} } = options;
  const faults = new Faults();
  const raw = withOwnNames(withEqualCategories(readParts(path, format, faults, options)));
  for (const part of raw) {
    if (format !== 'coco' || !areCorners(part)) continue;
    faults.add('corners-for-size', () => `${part.pictures[0]!.file}: ${part.pictures.length} pictures`);
    readAsCorners(part);
  }
  const total = raw.reduce((sum, { pictures }) => sum + pictures.length, 0);
  const parts: DetectionPart[] = [];
  let done = 0;
  for (const part of raw) {
    const pictures = await settlePart(part, faults, (count) => onProgress(done + count, total));
    done += part.pictures.length;
    parts.push({ name: part.name, dataset: { categories: part.categories, pictures } });
  }
  onFaults(faults);
  if (!mend) faults.refuse(path);
  if (parts.every(({ dataset }) => dataset.pictures.length === 0))
    throw new InputError(`${path}: expected pictures with boxes, got none`);
  return { format, parts, faults };
}

function readParts(path: string, format: DetectionFormat, faults: Faults, options: DetectionDataOptions): RawPart[] {
  if (format === 'voc') return readVoc(path, faults, options);
  if (format === 'yolo') return readYolo(path, faults, options);
  return cocoFiles(path).map((file) => {
    const part = readCocoFile(file, faults);
    findPictures(file, part, options.pictures);
    return part;
  });
}

/** Looks for the pictures of a COCO file where such files have them. @param folder where the user says they are */
export function findPictures(file: string, { name, pictures }: RawPart, folder?: string): void {
  const own = dirname(file);
  const above = dirname(own);
  const places = [name, join('images', name), 'images', '.'];
  const find = pictureFinder([folder, ...[above, own].flatMap((base) => places.map((place) => join(base, place)))]);
  for (const picture of pictures) picture.path = find(picture.name);
}

/** Gives parts of one name a number each: train, train-2. */
function withOwnNames(parts: RawPart[]): RawPart[] {
  const counts = new Map<string, number>();
  return parts.map((part) => {
    const count = (counts.get(part.name) ?? 0) + 1;
    counts.set(part.name, count);
    return count === 1 ? part : { ...part, name: `${part.name}-${count}` };
  });
}

/** Gives all parts the categories of the first, extended by those of the others. */
function withEqualCategories(parts: RawPart[]): RawPart[] {
  const categories = [...(parts[0]?.categories ?? [])];
  const places = new Map(categories.map(({ name }, place) => [name, place]));
  return parts.map((part, index) => {
    const moved = part.categories.map((category, own) => {
      if (index === 0) return own;
      const place =
        places.get(category.name) ?? categories.push({ ...category, id: freeId(categories, category.id) }) - 1;
      places.set(category.name, place);
      return place;
    });
    for (const { boxes } of part.pictures) for (const box of boxes) box.category = moved[box.category]!;
    return { ...part, categories };
  });
}

const freeId = (categories: readonly { id: number }[], id: number): number =>
  categories.some((other) => other.id === id) ? Math.max(...categories.map((other) => other.id)) + 1 : id;

async function settlePart(part: RawPart, faults: Faults, onProgress: (done: number) => void) {
  const { pictures } = part;
  const present = pictures.filter(({ path }) => path !== undefined);
  for (const { path, file, name } of pictures)
    if (path === undefined) faults.add('absent-picture', () => `${file}: ${name}`);
  const sizes = await readPictureSizes(
    present.map(({ path }) => path!),
    onProgress,
  );
  const sizeOf = new Map(present.map((picture, place) => [picture, sizes[place]!]));
  const ids = idsOf(pictures);
  const settled = pictures.flatMap((picture, place) => {
    const size = sizeOf.get(picture);
    if (size instanceof Error) faults.add('unreadable-picture', () => `${picture.path}: ${size.message}`);
    const known = size instanceof Error ? undefined : size;
    return settlePicture(picture, ids[place]!, part.boxes, known, faults) ?? [];
  });
  settled.sort((one, other) => one.id - other.id);
  numberBoxes(part, settled);
  return settled;
}

/** Returns the ids of the file, or the numbers that are the names of all pictures, or places. */
function idsOf(pictures: readonly RawPicture[]): number[] {
  const own = [pictures.map(({ id }) => id ?? Number.NaN), pictures.map(({ name }) => numberOfName(name))].find(
    (ids) => ids.every((id) => Number.isSafeInteger(id) && id >= 0) && new Set(ids).size === ids.length,
  );
  return own ?? pictures.map((_, place) => place + 1);
}

/** Returns the number that is a picture's name: 262145 of "000000262145.jpg". */
function numberOfName(name: string): number {
  const stem = (byName(name) === 'picture' ? stemOf(name) : name).split('/').at(-1)!;
  return /^\d{1,15}$/.test(stem) ? Number(stem) : Number.NaN;
}

/** Numbers the boxes of formats without ids. */
function numberBoxes({ boxes: unit, pictures }: RawPart, settled: DetectionDataset['pictures']): void {
  const numbered = unit === 'pixels' && pictures.some(({ boxes }) => boxes.some(({ line }) => line === undefined));
  if (numbered) return;
  let next = 1;
  for (const { boxes } of settled) for (const box of boxes) box.id = next++;
}
