// Finds what a YOLO dataset consists of: names of classes, and for each part its pictures and their label files. It is
// described by data.yaml (Ultralytics, Roboflow), by darknet's lists, or by its folders alone.

import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, sep } from 'node:path';
import { parse } from 'yaml';
import { partOf } from '../data/folder-names.ts';
import { imageFilesBelow } from '../data/image-files.ts';
import { InputError } from '../failure.ts';
import { readNamedText } from '../named-file.ts';
import { filesBelow, stemOf } from './find-pictures.ts';

export interface YoloLayout {
  /** Undefined where no file names the classes. */
  names: string[] | undefined;
  /** Values behind the box: key points of a pose, a pair or three numbers each; undefined if it is not stated. */
  keyPoints: { count: number; values: number } | undefined;
  parts: YoloPart[];
}

export interface YoloPart {
  name: string;
  pictures: YoloPicture[];
  /** Label files without a picture. */
  lonely: string[];
}

export interface YoloPicture {
  /** Below the folder of the part's pictures, with slashes. */
  name: string;
  path: string;
  labels: string;
}

const partKeys = ['train', 'val', 'test'] as const;
/** Text files next to labels that are not labels. */
const otherTexts = new Set([
  'classes.txt',
  'labels.txt',
  'obj.names',
  'train.txt',
  'val.txt',
  'test.txt',
  'readme.txt',
]);

/** Returns the layout of a data.yaml, or of a folder. @throws InputError that names what is missing */
export function yoloLayout(path: string, pictures?: string): YoloLayout {
  const description = descriptionFile(path);
  if (description === undefined) return layoutOfFolders(path, pictures);
  const { names, parts, root, keyPoints } = readDescription(description);
  if (parts.length === 0) return { ...layoutOfFolders(root, pictures), ...(names && { names }), keyPoints };
  return { names, keyPoints, parts: parts.map(({ name, places }) => ({ name, ...picturesOf(places) })) };
}

/** Returns the data.yaml of a folder, or the path itself if it is such a file. */
export function descriptionFile(path: string): string | undefined {
  if (!statSync(path).isDirectory()) return path;
  const files = readdirSync(path).filter((name) => /\.ya?ml$/i.test(name));
  const found = files.find((name) => /^data\.ya?ml$/i.test(name)) ?? (files.length === 1 ? files[0] : undefined);
  if (found === undefined && files.length > 1)
    throw new InputError(
      `${path}: expected one YAML file that describes the dataset, got ${files.join(', ')}: name one`,
    );
  return found && join(path, found);
}

interface Described extends Pick<YoloLayout, 'names' | 'keyPoints'> {
  root: string;
  parts: { name: string; places: string[] }[];
}

function readDescription(file: string): Described {
  let fields: Record<string, unknown>;
  try {
    fields = (parse(readNamedText(file, 'a description of a YOLO dataset', 1 << 20)) ?? {}) as Record<string, unknown>;
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(`${file}: expected YAML, got something else (${(error as Error).message.split('\n')[0]})`);
  }
  if (typeof fields !== 'object' || Array.isArray(fields))
    throw new InputError(`${file}: expected YAML with names and parts, got ${typeof fields}`);
  const folder = dirname(file);
  const stated = typeof fields.path === 'string' ? fields.path : '';
  const roots = [isAbsolute(stated) ? stated : join(folder, stated), folder].filter(existsSync);
  const parts = partKeys.flatMap((name) => {
    const places = [fields[name] ?? []]
      .flat()
      .filter((place): place is string => typeof place === 'string' && place !== '');
    return places.length === 0 ? [] : [{ name, places: places.map((place) => placeOf(file, name, place, roots)) }];
  });
  const shape = fields.kpt_shape;
  const keyPoints = Array.isArray(shape) ? { count: Number(shape[0]), values: Number(shape[1]) } : undefined;
  const names = namesOf(file, fields.names);
  if (names && typeof fields.nc === 'number' && fields.nc !== names.length)
    throw new InputError(`${file}: nc: expected ${names.length}, the number of names, got ${fields.nc}`);
  return { names, keyPoints, root: roots[0] ?? folder, parts };
}

/** Returns the folder or list of a part. Roboflow's files have a `../` too many. */
function placeOf(file: string, key: string, place: string, roots: readonly string[]): string {
  const tried = isAbsolute(place)
    ? [place]
    : roots.flatMap((root) => [join(root, place), join(root, place.replace(/^(\.\.?[\\/])+/, ''))]);
  const found = tried.find(existsSync);
  if (found === undefined)
    throw new InputError(`${file}: ${key}: expected a folder of pictures, got ${place}, which does not exist`);
  return found;
}

/** Returns class names from a list, or from a map of numbers to names. */
function namesOf(file: string, names: unknown): string[] | undefined {
  if (Array.isArray(names)) return names.map(String);
  if (typeof names !== 'object' || names === null) return undefined;
  const entries = Object.entries(names);
  const list = new Array<string>(entries.length);
  for (const [key, name] of entries) {
    const place = Number(key);
    if (!Number.isInteger(place) || place < 0 || place >= entries.length)
      throw new InputError(`${file}: names: expected numbers from 0 to ${entries.length - 1}, got ${key}`);
    list[place] = String(name);
  }
  return list;
}

function layoutOfFolders(path: string, pictures?: string): YoloLayout {
  const names = namesBeside(path);
  const images = pictures ?? [join(path, 'images'), path].find(existsSync)!;
  const parts = [images, path].flatMap((folder) =>
    readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && partOf(entry.name))
      .map((entry) => ({ name: entry.name, place: join(folder, entry.name) })),
  );
  const several = pictures === undefined && parts.length > 0;
  const chosen = several
    ? parts.filter(({ name }, place) => parts.findIndex((other) => other.name === name) === place)
    : [{ name: 'train', place: images }];
  return {
    names,
    keyPoints: undefined,
    parts: chosen.map(({ name, place }) => ({ name, ...picturesOf([place], path) })),
  };
}

function namesBeside(path: string): string[] | undefined {
  const places = [path, join(path, 'labels'), join(path, 'data')];
  const files = places.flatMap((place) => ['classes.txt', 'obj.names', 'labels.txt'].map((name) => join(place, name)));
  const file = files.find(existsSync);
  if (file === undefined) return undefined;
  return readNamedText(file, 'a list of classes', 1 << 20)
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter(Boolean);
}

/** Returns the pictures of folders and of lists of paths, and label files that have none. */
function picturesOf(places: readonly string[], root?: string): Omit<YoloPart, 'name'> {
  const found = places.flatMap((place) => {
    if (!statSync(place).isDirectory()) return listedPictures(place);
    return imageFilesBelow(place).map(({ path }): YoloPicture => {
      const name = path
        .slice(join(place).length)
        .replace(/^[\\/]+/, '')
        .split(sep)
        .join('/');
      return { name, path, labels: labelsOf(path, root) };
    });
  });
  const used = new Set(found.map(({ labels }) => labels));
  const folders = new Set(
    places.filter((place) => statSync(place).isDirectory()).map((place) => dirname(labelsOf(join(place, 'x'), root))),
  );
  const lonely = [...folders].filter(existsSync).flatMap((folder) => filesBelow(folder, '.txt'));
  return {
    pictures: found,
    lonely: lonely.filter((file) => !used.has(file) && !otherTexts.has(basename(file).toLowerCase())),
  };
}

/** Returns the pictures of a list of paths, relative to it or to the folder above. */
function listedPictures(list: string): YoloPicture[] {
  const lines = readNamedText(list, 'a list of pictures')
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter(Boolean);
  return lines.map((line) => {
    const tried = isAbsolute(line) ? [line] : [join(dirname(list), line), join(dirname(list), '..', line)];
    const path = tried.find(existsSync) ?? tried[0]!;
    const name = path
      .split(sep)
      .join('/')
      .replace(/^.*\/images\//, '');
    return { name: isAbsolute(name) ? basename(name) : name, path, labels: labelsOf(path) };
  });
}

/**
 * Returns the label file of a picture: in the folder `labels` in place of the last `images` of its path, in `labels`
 * below the dataset's folder, or next to the picture.
 */
function labelsOf(path: string, root?: string): string {
  const parts = `${stemOf(path)}.txt`.split(sep);
  const images = parts.lastIndexOf('images');
  if (images !== -1) return parts.with(images, 'labels').join(sep);
  const labels = root && join(root, 'labels', path.slice(join(root).length));
  return labels && existsSync(join(root, 'labels')) ? `${stemOf(labels)}.txt` : parts.join(sep);
}
