// Made pictures of coloured shapes on noise, whose boxes are known exactly: a detection dataset of any size from a
// seed.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import type { TruthBox } from '../../src/coco/box.ts';
import type { DetectionDataset, DetectionPicture } from '../../src/detection-data/detection-dataset.ts';
import { RandomStream } from '../../src/random/stream.ts';

export const shapeNames = ['circle', 'square', 'triangle', 'cross'] as const;

export interface ShapesOptions {
  count: number;
  seed: number;
  /** Side of a picture in pixels. */
  side: number;
  /** Shapes of a picture, at most. */
  most?: number;
  /** Least and greatest size of a shape, as shares of the side. Default: 0.12 to 0.42. */
  sizes?: readonly [number, number];
}

interface Shape {
  kind: number;
  left: number;
  top: number;
  size: number;
  colour: readonly [number, number, number];
}

/** Whether a point of [0, 1]² belongs to a shape. Each touches all four sides. */
const inside: readonly ((x: number, y: number) => boolean)[] = [
  (x, y) => (x - 0.5) ** 2 + (y - 0.5) ** 2 <= 0.25,
  () => true,
  (x, y) => Math.abs(x - 0.5) <= y / 2,
  (x, y) => Math.abs(x - 0.5) <= 1 / 6 || Math.abs(y - 0.5) <= 1 / 6,
];

/** Writes the pictures as PNG files to a folder. */
export async function makeShapes(folder: string, options: ShapesOptions): Promise<DetectionDataset> {
  mkdirSync(folder, { recursive: true });
  const seeds = new RandomStream(options.seed);
  const pictures: DetectionPicture[] = [];
  let id = 1;
  for (let index = 0; index < options.count; index++) {
    const random = seeds.split(`picture ${index}`);
    const shapes = chooseShapes(random, options);
    const name = `${String(index).padStart(5, '0')}.png`;
    const path = join(folder, name);
    const { side } = options;
    await sharp(paint(shapes, side, random), { raw: { width: side, height: side, channels: 3 } })
      .png()
      .toFile(path);
    const boxes = shapes.map(
      ({ kind, left, top, size }): TruthBox => ({
        x: left,
        y: top,
        width: size,
        height: size,
        category: kind,
        crowd: false,
        area: size ** 2,
        id: id++,
      }),
    );
    pictures.push({ path, name, id: index + 1, width: side, height: side, boxes });
  }
  return { categories: shapeNames.map((name, place) => ({ id: place + 1, name })), pictures };
}

/** Writes a dataset as COCO's JSON. */
export function writeCoco(path: string, { categories, pictures }: DetectionDataset): void {
  const images = pictures.map(({ id, name, width, height }) => ({ id, file_name: name, width, height }));
  const annotations = pictures.flatMap((picture) =>
    picture.boxes.map(({ id, x, y, width, height, category, area }) => ({
      id,
      image_id: picture.id,
      category_id: categories[category]!.id,
      bbox: [x, y, width, height],
      area,
      iscrowd: 0,
    })),
  );
  writeFileSync(path, JSON.stringify({ images, annotations, categories }));
}

/** Shapes whose boxes do not overlap. */
function chooseShapes(
  random: RandomStream,
  { side, most = 4, sizes: [least, greatest] = [0.12, 0.42] }: ShapesOptions,
): Shape[] {
  const shapes: Shape[] = [];
  const wanted = 1 + random.integer(most);
  for (let attempt = 0; attempt < 50 && shapes.length < wanted; attempt++) {
    const size = Math.round(side * (least + (greatest - least) * random.uniform()));
    const [left, top] = [random.integer(side - size), random.integer(side - size)];
    const isFree = shapes.every(
      (other) =>
        left + size < other.left ||
        other.left + other.size < left ||
        top + size < other.top ||
        other.top + other.size < top,
    );
    const colour = [0, 1, 2].map(() => random.integer(256)) as [number, number, number];
    const kind = random.integer(shapeNames.length);
    // A colour near the noise's grey could not be seen.
    if (isFree && Math.max(...colour) - Math.min(...colour) > 100) shapes.push({ kind, left, top, size, colour });
  }
  return shapes;
}

function paint(shapes: readonly Shape[], side: number, random: RandomStream): Uint8Array {
  const pixels = new Uint8Array(3 * side * side);
  for (let place = 0; place < pixels.length; place++) pixels[place] = 96 + random.integer(64);
  for (const { kind, left, top, size, colour } of shapes) {
    for (let y = 0; y < size; y++) {
      for (let x = 0; x < size; x++) {
        if (!inside[kind]!((x + 0.5) / size, (y + 0.5) / size)) continue;
        for (let channel = 0; channel < 3; channel++) {
          const noise = random.integer(32) - 16;
          const value = colour[channel]! + noise;
          pixels[3 * ((top + y) * side + left + x) + channel] = Math.min(255, Math.max(0, value));
        }
      }
    }
  }
  return pixels;
}
