// Datasets with boxes, made for one test: pictures of any size and orientation, and files in the three formats.

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import type { FaultName } from '../../src/detection-data/faults.ts';
import {
  type DetectionData,
  type DetectionDataOptions,
  readDetectionData,
} from '../../src/detection-data/read-detection-data.ts';

export function writeText(path: string, text: string): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}

/** Writes a grey JPEG or PNG. @param orientation EXIF's, of a picture stored with this width and height */
export async function writePicture(path: string, width: number, height: number, orientation = 1): Promise<string> {
  mkdirSync(dirname(path), { recursive: true });
  const picture = sharp({ create: { width, height, channels: 3, background: '#777777' } });
  await (orientation === 1 ? picture : picture.withMetadata({ orientation })).toFile(path);
  return path;
}

export interface CocoParts {
  images?: object[];
  categories?: object[];
  annotations?: object[];
}

/** A 100 × 80 picture with id 7, called 7.jpg, and a class with id 1. */
const picture = { id: 7, file_name: '7.jpg', width: 100, height: 80 };

/** Returns an annotation of that picture, of 10 × 20 pixels, with what differs. */
export const annotation = (more: object = {}): object => ({
  ...{ id: 1, image_id: 7, category_id: 1, bbox: [10, 10, 10, 20], area: 200, iscrowd: 0 },
  ...more,
});

/** Writes annotations/instances_train.json and the picture. */
export async function writeCoco(
  folder: string,
  { images = [picture], categories = [{ id: 1, name: 'cat' }], annotations = [annotation()] }: CocoParts = {},
): Promise<string> {
  await writePicture(join(folder, 'train', '7.jpg'), 100, 80);
  return writeText(
    join(folder, 'annotations', 'instances_train.json'),
    JSON.stringify({ images, categories, annotations }),
  );
}

export const vocObject = (xmin: number, ymin: number, xmax: number, ymax: number, name = 'cat'): string =>
  `<object>\n<name>${name}</name>\n<bndbox><xmin>${xmin}</xmin><ymin>${ymin}</ymin><xmax>${xmax}</xmax><ymax>${ymax}</ymax></bndbox>\n</object>\n`;

/** Writes Annotations/a.xml of a 100 × 80 picture with these objects. */
export async function writeVoc(folder: string, objects: string, filename = 'a.jpg', size = [100, 80]): Promise<string> {
  await writePicture(join(folder, 'JPEGImages', 'a.jpg'), 100, 80);
  writeText(
    join(folder, 'Annotations', 'a.xml'),
    `<annotation>\n<filename>${filename}</filename>\n<size><width>${size[0]}</width><height>${size[1]}</height></size>\n${objects}</annotation>\n`,
  );
  return folder;
}

/** Writes images/train/a.jpg of 100 × 80 pixels with its lines, and data.yaml. */
export async function writeYolo(
  folder: string,
  lines: string,
  yaml = 'train: images/train\nnames: [cat, dog]\n',
): Promise<string> {
  await writePicture(join(folder, 'images', 'train', 'a.jpg'), 100, 80);
  writeText(join(folder, 'labels', 'train', 'a.txt'), lines);
  if (yaml) writeText(join(folder, 'data.yaml'), yaml);
  return folder;
}

/** Reads and returns one kind of fault with the boxes as [class, x, y, width, height]. */
export async function faultOf(path: string, name: FaultName, options: DetectionDataOptions = {}) {
  const data = await readDetectionData(path, { mend: true, ...options });
  const fault = data.faults.report().find(({ kind }) => kind === name);
  return { fault, boxes: boxesOf(data), data };
}

export const boxesOf = ({ parts }: DetectionData): number[][] =>
  parts.flatMap(({ dataset }) =>
    dataset.pictures.flatMap(({ boxes }) =>
      boxes.map(({ category, x, y, width, height }) =>
        [category, x, y, width, height].map((value) => Number(value.toFixed(6))),
      ),
    ),
  );
