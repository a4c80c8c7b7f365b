// Reads Pascal VOC: one XML file for each picture, of <object> elements with a name and corners.

import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname, extname, join, relative, sep } from 'node:path';
import { partOf } from '../data/folder-names.ts';
import { InputError } from '../failure.ts';
import { readNamedText } from '../named-file.ts';
import { rounded } from './corners.ts';
import type { Category } from './detection-dataset.ts';
import type { Faults } from './faults.ts';
import { filesBelow, type PictureFinder, pictureFinder, stemOf, withoutPictureEnding } from './find-pictures.ts';
import type { RawBox, RawPart, RawPicture } from './raw-part.ts';
import { childOf, childrenOf, parseXml, type XmlElement } from './xml.ts';

export interface VocOptions {
  /** The folder of the pictures, where it is not JPEGImages. */
  pictures?: string | undefined;
  /**
   * Number of the first pixel in corners: VOC's own files count from 1 and the last pixel belongs to the box; many
   * tools count from 0 without it. By default 0 if some corner of the dataset is 0, else 1.
   */
  firstPixel?: 0 | 1 | undefined;
}

/** An annotation has some kilobytes. */
const mostBytes = 16 << 20;
/** The list of classes that `nasnet convert` writes; also what others have. */
const classFiles = ['labels.txt', 'classes.txt', 'labelmap.txt'];

/** Reads all parts that ImageSets/Main names, or all files as one part. @throws InputError if there are none */
export function readVoc(path: string, faults: Faults, options: VocOptions = {}): RawPart[] {
  const layout = layoutOf(path);
  const listed = listedClasses(layout.root);
  const finder = pictureFinder([
    options.pictures,
    join(layout.root, 'JPEGImages'),
    join(layout.root, 'images'),
    layout.root,
  ]);
  const files = new Map(layout.files.map((file) => [stemOf(relative(layout.annotations, file)), file]));
  const parts = partsOf(layout.root, [...files.keys()]);
  const classes = listed ?? [];
  const names = new Map(classes.map((name, place) => [name, place]));
  const read = (stem: string): RawPicture | undefined => {
    const file = files.get(stem);
    return file === undefined ? withoutFile(stem, finder, faults) : readFile(file, stem, finder, faults, classOf);
  };
  const classOf = (name: string, where: () => string): number | undefined => {
    const known = names.get(name);
    if (known !== undefined) return known;
    if (listed) {
      faults.add('unknown-class', () => `${where()}: ${JSON.stringify(name)}`);
      return undefined;
    }
    names.set(name, classes.length);
    return classes.push(name) - 1;
  };
  const raw = parts.map(({ name, stems }) => ({
    name,
    pictures: stems.map(read).filter((each) => each !== undefined),
  }));
  const order = listed
    ? undefined
    : sortClasses(
        classes,
        raw.flatMap(({ pictures }) => pictures),
      );
  countFromZero(
    raw.flatMap(({ pictures }) => pictures),
    faults,
    options.firstPixel,
  );
  const categories = (order ?? classes).map((name, place): Category => ({ id: place + 1, name }));
  return raw.map(({ name, pictures }) => ({ name, categories, pictures, boxes: 'pixels' as const }));
}

interface VocLayout {
  root: string;
  annotations: string;
  files: string[];
}

/** The names of files count from the folder that holds all of them: Annotations, or whatever it is called. */
function layoutOf(path: string): VocLayout {
  if (!statSync(path).isDirectory()) return { root: dirname(path), annotations: dirname(path), files: [path] };
  const own = join(path, 'Annotations');
  const files = filesBelow(existsSync(own) ? own : path, '.xml');
  if (files.length === 0) throw new InputError(`${path}: expected Pascal VOC's XML files, found none`);
  const root = basename(path) === 'Annotations' ? dirname(path) : path;
  return { root, annotations: existsSync(own) ? own : commonFolder(files), files };
}

function commonFolder(files: readonly string[]): string {
  const folders = files.map((file) => dirname(file).split(sep));
  const [first = []] = folders;
  const differs = first.findIndex((name, depth) => folders.some((folder) => folder[depth] !== name));
  return first.slice(0, differs === -1 ? first.length : differs).join(sep);
}

function listedClasses(root: string): string[] | undefined {
  const file = classFiles.map((name) => join(root, name)).find(existsSync);
  if (file === undefined) return undefined;
  const names = readNamedText(file, 'a list of classes', mostBytes)
    .split(/\r?\n/)
    .map((line) => line.replace(/:.*/, '').trim()) // CVAT's labelmap.txt has colours behind a colon
    .filter((line) => line !== '' && !line.startsWith('#'));
  return names.length > 0 ? [...new Set(names)] : undefined;
}

/**
 * Returns the stems of each part: of ImageSets/Main/train.txt, val.txt, test.txt, or of trainval.txt, or of folders
 * with the names of parts, or all.
 */
function partsOf(root: string, stems: string[]): { name: string; stems: string[] }[] {
  const folder = join(root, 'ImageSets', 'Main');
  const lists = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.txt')) : [];
  // aeroplane_train.txt: signs of one class
  const names = lists.map(stemOf).filter((name) => !/_(?:train|val|trainval|test)$/.test(name));
  const whole = names.filter((name) => name !== 'trainval' || !(names.includes('train') && names.includes('val')));
  if (whole.length === 0) return partsByFolder(stems);
  return whole.sort().map((name) => ({
    name,
    stems: readNamedText(join(folder, `${name}.txt`), 'a list of pictures')
      .split(/\r?\n/)
      .map((line) => line.trim().replace(/\s+-?\d+$/, ''))
      .filter(Boolean)
      .map(withoutPictureEnding),
  }));
}

function partsByFolder(stems: string[]): { name: string; stems: string[] }[] {
  const byFolder = Map.groupBy(stems, (stem) => (stem.includes(sep) ? stem.split(sep)[0]! : ''));
  if (![...byFolder.keys()].every(partOf)) return [{ name: 'train', stems }];
  return [...byFolder].map(([name, stems]) => ({ name, stems }));
}

function withoutFile(stem: string, finder: PictureFinder, faults: Faults): RawPicture {
  const path = finder(stem);
  faults.add('no-annotations', () => path ?? stem);
  return {
    name: path === undefined ? `${stem}.jpg` : `${stem}${extname(path)}`,
    path,
    id: undefined,
    width: undefined,
    height: undefined,
    file: `ImageSets (${stem})`,
    boxes: [],
  };
}

type ClassOf = (name: string, where: () => string) => number | undefined;

function readFile(
  file: string,
  stem: string,
  finder: PictureFinder,
  faults: Faults,
  classOf: ClassOf,
): RawPicture | undefined {
  let root: XmlElement;
  try {
    root = parseXml(readNamedText(file, 'an annotation in XML', mostBytes));
    if (root.name.toLowerCase() !== 'annotation')
      throw new Error(`line ${root.line}: expected <annotation>, got <${root.name}>`);
  } catch (error) {
    const reason = (error as Error).message;
    faults.add('bad-file', () => (reason.startsWith(file) ? reason : `${file}, ${reason}`));
    return undefined;
  }
  const stated = childOf(root, 'filename')?.text ?? '';
  const path = finder(stem) ?? (stated === '' ? undefined : finder(stated));
  if (stated !== '' && withoutPictureEnding(stated.split(/[\\/]/).at(-1)!) !== stem.split(sep).at(-1))
    faults.add('other-name', () => `${file}: ${stated}`);
  const size = childOf(root, 'size');
  const boxes = childrenOf(root, 'object').flatMap((object) => boxOf(object, file, faults, classOf) ?? []);
  return {
    name: `${stem}${extname(path ?? stated) || '.jpg'}`.split(sep).join('/'),
    path,
    id: undefined,
    width: sideOf(size, 'width'),
    height: sideOf(size, 'height'),
    file,
    boxes,
  };
}

function sideOf(size: XmlElement | undefined, name: string): number | undefined {
  const value = Number((size && childOf(size, name)?.text) || 0);
  return Number.isInteger(value) && value > 0 ? value : undefined;
}

/** Returns a box with x, y as the first corner and width, height as the difference to the second. */
function boxOf(object: XmlElement, file: string, faults: Faults, classOf: ClassOf): RawBox | undefined {
  const where = () => `${file}, line ${object.line}`;
  const corners = childOf(object, 'bndbox');
  const values = ['xmin', 'ymin', 'xmax', 'ymax'].map((name) => {
    const text = (corners && childOf(corners, name)?.text) ?? '';
    return text === '' ? Number.NaN : Number(text);
  });
  const name = childOf(object, 'name')?.text ?? '';
  if (!values.every(Number.isFinite) || name === '') {
    faults.add('not-a-box', () => `${where()}: ${name === '' ? 'no name' : values.join(' ')}`);
    return undefined;
  }
  const category = classOf(name, where);
  if (category === undefined) return undefined;
  const [left, top, right, bottom] = values as [number, number, number, number];
  if (!values.every(Number.isInteger)) faults.add('float-corners', () => `${where()}: ${values.join(' ')}`);
  return {
    ...{ x: left, y: top, width: right - left, height: bottom - top },
    ...{ category, crowd: false, area: Number.NaN, id: 0, line: object.line },
    ...(isFlag(childOf(object, 'difficult')?.text) && { difficult: true as const }),
  };
}

const isFlag = (text: string | undefined): boolean => text !== undefined && /^(1|true|yes)$/i.test(text);

/** Moves boxes so that they count from 0 and end behind their last pixel. */
function countFromZero(pictures: RawPicture[], faults: Faults, firstPixel: 0 | 1 | undefined): void {
  const zero = pictures.some(({ boxes }) => boxes.some(({ x, y }) => x < 1 || y < 1));
  const first = firstPixel ?? (zero ? 0 : 1);
  for (const { boxes, file } of pictures) {
    for (const box of boxes) {
      const where = () => `${file}, line ${box.line}: ${box.x} ${box.y} ${box.x + box.width} ${box.y + box.height}`;
      // Counted from 1, a box narrower than a pixel ends before it begins, and one without width a whole pixel before
      if (Math.min(box.width, box.height) < -first) faults.add('inverted-corners', where);
      else if (first === 1 && (box.width === 0 || box.height === 0)) faults.add('equal-corners', where);
      faults.add(first === 1 ? 'first-pixel-1' : 'first-pixel-0', where);
      if (box.width < -first) [box.x, box.width] = [box.x + box.width, -box.width];
      if (box.height < -first) [box.y, box.height] = [box.y + box.height, -box.height];
      if (first === 1) [box.x, box.y, box.width, box.height] = pixelsFromZero(box);
    }
  }
}

const pixelsFromZero = ({ x, y, width, height }: RawBox) =>
  [rounded(x - 1), rounded(y - 1), rounded(width + 1), rounded(height + 1)] as const;

/** Sorts the classes by name and renumbers the boxes; returns the sorted names. */
function sortClasses(classes: string[], pictures: RawPicture[]): string[] {
  const sorted = classes.toSorted();
  const places = new Map(sorted.map((name, place) => [name, place]));
  for (const { boxes } of pictures) for (const box of boxes) box.category = places.get(classes[box.category]!)!;
  return sorted;
}
