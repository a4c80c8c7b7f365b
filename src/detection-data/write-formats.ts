// The three formats as text: which files hold the boxes of a dataset, and what a format has no place for.

import { posix } from 'node:path';
import { partOf } from '../data/folder-names.ts';
import { InputError } from '../failure.ts';
import { rounded } from './corners.ts';
import type { Category, DetectionPicture } from './detection-dataset.ts';
import type { DetectionFormat } from './detection-format.ts';
import { stemOf } from './find-pictures.ts';
import type { DetectionPart } from './read-detection-data.ts';
import { xmlText } from './xml.ts';

/** A file to write, in chunks. */
export interface TextFile {
  /** Below the folder of the dataset, with slashes. */
  path: string;
  chunks: Iterable<string>;
}

export interface FormatWriter {
  /** Returns where a picture lies, below the folder of the dataset. */
  pictureOf: (part: string, picture: DetectionPicture) => string;
  files: (parts: readonly DetectionPart[]) => Iterable<TextFile>;
}

export const formatWriters: Record<DetectionFormat, FormatWriter> = {
  coco: {
    pictureOf: (part, { name }) => `${part}/${name}`,
    files: (parts) =>
      parts.map((part) => ({ path: `annotations/instances_${part.name}.json`, chunks: cocoChunks(part) })),
  },
  voc: { pictureOf: (_, { name }) => `JPEGImages/${name}`, files: vocFiles },
  yolo: { pictureOf: (part, { name }) => `images/${part}/${name}`, files: yoloFiles },
};

// COCO

function* cocoChunks({ dataset: { categories, pictures } }: DetectionPart): Generator<string> {
  yield '{"info":{"description":"written by nasnet convert"},"images":[';
  yield* listed(pictures, ({ id, name, width, height }) => ({ id, file_name: name, width, height }));
  yield '],"categories":[';
  yield* listed(categories, ({ id, name }) => ({ id, name }));
  yield '],"annotations":[';
  let first = true;
  for (const { id: image, boxes } of pictures) {
    if (boxes.length === 0) continue;
    if (!first) yield ',\n';
    first = false;
    yield* listed(boxes, ({ id, category, x, y, width, height, area, crowd, difficult }) => ({
      id,
      image_id: image,
      category_id: categories[category]!.id,
      bbox: [x, y, width, height].map(rounded),
      area: rounded(area),
      iscrowd: crowd ? 1 : 0,
      ...(difficult && { difficult: 1 }),
    }));
  }
  yield ']}\n';
}

function* listed<T>(values: readonly T[], documentOf: (value: T) => object): Generator<string> {
  for (const [place, value] of values.entries())
    yield `${place === 0 ? '' : ',\n'}${JSON.stringify(documentOf(value))}`;
}

// Pascal VOC

function* vocFiles(parts: readonly DetectionPart[]): Generator<TextFile> {
  const categories = parts[0]?.dataset.categories ?? [];
  const odd = categories.find(({ name }) => name.trim() !== name || name === '' || /[\r\n:]|^#/.test(name));
  if (odd)
    throw new InputError(
      `class ${JSON.stringify(odd.name)}: expected a name without line ends, colon and outer spaces`,
    );
  yield { path: 'labels.txt', chunks: categories.map(({ name }) => `${name}\n`) };
  for (const { name, dataset } of parts) {
    yield { path: `ImageSets/Main/${name}.txt`, chunks: dataset.pictures.map(({ name }) => `${stemOf(name)}\n`) };
    for (const picture of dataset.pictures)
      yield { path: `Annotations/${stemOf(picture.name)}.xml`, chunks: [vocText(picture, categories)] };
  }
}

/** Corners count from 1 and the last pixel belongs to the box, as in VOC's own files. */
function vocText({ name, width, height, boxes }: DetectionPicture, categories: readonly Category[]): string {
  const objects = boxes.map(
    ({ category, x, y, width: boxWidth, height: boxHeight, crowd, difficult }) => `  <object>
    <name>${xmlText(categories[category]!.name)}</name>
    <pose>Unspecified</pose>
    <truncated>0</truncated>
    <difficult>${crowd || difficult ? 1 : 0}</difficult>
    <bndbox>
      <xmin>${rounded(x + 1)}</xmin>
      <ymin>${rounded(y + 1)}</ymin>
      <xmax>${rounded(x + boxWidth)}</xmax>
      <ymax>${rounded(y + boxHeight)}</ymax>
    </bndbox>
  </object>
`,
  );
  return `<annotation>
  <folder>JPEGImages</folder>
  <filename>${xmlText(posix.basename(name))}</filename>
  <size>
    <width>${width}</width>
    <height>${height}</height>
    <depth>3</depth>
  </size>
  <segmented>0</segmented>
${objects.join('')}</annotation>
`;
}

// YOLO

function* yoloFiles(parts: readonly DetectionPart[]): Generator<TextFile> {
  yield { path: 'data.yaml', chunks: yamlLines(parts) };
  for (const { name: part, dataset } of parts)
    for (const picture of dataset.pictures)
      yield { path: `labels/${part}/${stemOf(picture.name)}.txt`, chunks: [yoloText(picture)] };
}

function yamlLines(parts: readonly DetectionPart[]): string[] {
  const byKey = Map.groupBy(parts, ({ name }, place) => yoloPart(name) ?? (place === 0 ? 'train' : 'test'));
  const folders = (key: string) =>
    (byKey.get(key as 'train') ?? []).map(({ name }) => JSON.stringify(`images/${name}`));
  const line = (key: string) => (folders(key).length === 1 ? folders(key)[0] : `[${folders(key).join(', ')}]`);
  const keys = ['train', 'val', 'test'].filter((key) => folders(key).length > 0);
  const names = (parts[0]?.dataset.categories ?? []).map(({ name }, place) => `  ${place}: ${JSON.stringify(name)}\n`);
  return [...keys.map((key) => `${key}: ${line(key)}\n`), `nc: ${names.length}\n`, 'names:\n', ...names];
}

/** Returns the key of data.yaml for a part: train for "train2017". */
function yoloPart(name: string): 'train' | 'val' | 'test' | undefined {
  const part = partOf(name.replace(/\d+$/, ''));
  return part === 'validation' ? 'val' : part;
}

function yoloText({ width, height, boxes }: DetectionPicture): string {
  const share = (value: number) => Number(value.toPrecision(15));
  return boxes
    .map((box) => {
      const centre = [(box.x + box.width / 2) / width, (box.y + box.height / 2) / height];
      return `${[box.category, ...[...centre, box.width / width, box.height / height].map(share)].join(' ')}\n`;
    })
    .join('');
}

// What has no place in a format

export interface Loss {
  what: string;
  count: number;
}

const sizesLost = 'sizes of absent pictures, without which their boxes cannot be read back';

/** Counts what a format cannot hold of a dataset, which is lost in it. */
export function lossesIn(format: DetectionFormat, parts: readonly DetectionPart[]): Loss[] {
  if (format === 'coco') return [];
  const pictures = parts.flatMap(({ dataset }) => dataset.pictures);
  const boxes = pictures.flatMap((picture) => picture.boxes);
  const categories = parts[0]?.dataset.categories ?? [];
  const crowd = format === 'voc' ? 'crowds, written as difficult objects' : 'crowds, written as ordinary boxes';
  const masks = boxes.filter(
    ({ width, height, area }) => Math.abs(area - width * height) > 1e-6 * width * height + 1e-6,
  );
  const losses: Loss[] = [
    { what: crowd, count: boxes.filter(({ crowd }) => crowd).length },
    { what: 'areas of outlines: width × height takes their place', count: masks.length },
    { what: 'ids of classes: places in the list take their place', count: unlike(categories.map(({ id }) => id)) },
    { what: 'ids of annotations', count: unlike(boxes.map(({ id }) => id)) },
    {
      what: 'ids of pictures that are not their names',
      count: pictures.filter(({ id, name }) => Number(stemOf(posix.basename(name))) !== id).length,
    },
  ];
  if (format === 'yolo') {
    losses.push({ what: sizesLost, count: pictures.filter(({ absent }) => absent).length });
    losses.push({ what: 'marks of difficult objects', count: boxes.filter(({ difficult }) => difficult).length });
  }
  return losses.filter(({ count }) => count > 0);
}

/** Counts the ids that are not 1, 2, 3 and so on. */
const unlike = (ids: readonly number[]): number => ids.filter((id, place) => id !== place + 1).length;
