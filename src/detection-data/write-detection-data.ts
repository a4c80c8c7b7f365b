// Writes a dataset with boxes as a folder of one format, whole or not at all: next to its place, then renamed.

import {
  copyFileSync,
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, posix, resolve, sep } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { InputError } from '../failure.ts';
import { makeFolder, writeWhole } from '../whole-file.ts';
import type { DetectionPicture } from './detection-dataset.ts';
import type { DetectionFormat } from './detection-format.ts';
import { stemOf } from './find-pictures.ts';
import type { DetectionPart } from './read-detection-data.ts';
import { formatWriters } from './write-formats.ts';

export const pictureTreatments = ['link', 'copy', 'none'] as const;
export interface WriteOptions {
  /**
   * How pictures get there: `link` as further names of the same files (copies on another disk), `copy`, or `none`.
   */
  pictures?: (typeof pictureTreatments)[number];
  /** Writes into a folder that exists; what else it has stays. */
  overwrite?: boolean | undefined;
  /** The report next to the dataset, `reportName`: the input, and what was mended and lost. */
  report?: object;
  onProgress?: (done: number, total: number) => void;
}

export const reportName = 'conversion.json';

export interface Written {
  files: number;
  pictures: number;
}

/** @throws InputError if the folder has files, or if two pictures would have one file of boxes */
export async function writeDetectionData(
  folder: string,
  format: DetectionFormat,
  source: readonly DetectionPart[],
  { pictures = 'link', overwrite = false, report, onProgress = () => {} }: WriteOptions = {},
): Promise<Written> {
  checkTarget(folder, overwrite);
  const parts = withSafeNames(source);
  const unfinished = unfinishedFolder(folder);
  makeFolder(unfinished);
  try {
    const files = await writeTexts(unfinished, format, parts);
    if (report) writeWhole(join(unfinished, reportName), [`${JSON.stringify(report, null, 1)}\n`]);
    const placed = pictures === 'none' ? 0 : await placePictures(unfinished, format, parts, pictures, onProgress);
    moveInto(folder, unfinished);
    return { files, pictures: placed };
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}

/** @throws InputError if the place is no folder, or one that has files and may not be overwritten */
export function checkTarget(folder: string, overwrite = false): void {
  const status = statSync(folder, { throwIfNoEntry: false });
  if (!status) return;
  if (!status.isDirectory()) throw new InputError(`${folder}: expected a new folder, got a file`);
  if (readdirSync(folder).length > 0 && !overwrite)
    throw new InputError(`${folder}: exists already and is not empty; name another place, or let it be replaced`, {
      code: 'result-exists',
    });
}

/**
 * Returns the folder in which a dataset is written until it is complete; what is left of it after a stop is useless.
 */
export const unfinishedFolder = (folder: string): string =>
  join(dirname(resolve(folder)), `${basename(resolve(folder))}.${process.pid}.part`);

/** Files between two pauses in which signals are heard. */
const filesAtOnce = 100;

async function writeTexts(folder: string, format: DetectionFormat, parts: readonly DetectionPart[]): Promise<number> {
  let count = 0;
  const made = new Set<string>();
  for (const { path, chunks } of formatWriters[format].files(parts)) {
    const file = join(folder, path);
    if (!made.has(dirname(file))) mkdirSync(dirname(file), { recursive: true });
    made.add(dirname(file));
    // Single small texts are not synced to disk one by one: the folder gets its name only when all are there
    if (Array.isArray(chunks) && chunks.length === 1) writeFileSync(file, chunks[0]);
    else writeWhole(file, chunks);
    if (++count % filesAtOnce === 0) await setImmediate();
  }
  return count;
}

async function placePictures(
  folder: string,
  format: DetectionFormat,
  parts: readonly DetectionPart[],
  treatment: 'link' | 'copy',
  onProgress: (done: number, total: number) => void,
): Promise<number> {
  const total = parts.reduce((sum, { dataset }) => sum + dataset.pictures.length, 0);
  let [done, placed] = [0, 0];
  for (const { name, dataset } of parts) {
    for (const picture of dataset.pictures) {
      onProgress(++done, total);
      if (picture.absent) continue;
      place(picture.path, join(folder, formatWriters[format].pictureOf(name, picture)), treatment);
      if (++placed % filesAtOnce === 0) await setImmediate();
    }
  }
  return placed;
}

function place(path: string, target: string, treatment: 'link' | 'copy'): void {
  mkdirSync(dirname(target), { recursive: true });
  const source = realpathSync(path);
  if (treatment === 'copy' || !linked(source, target)) copyFileSync(source, target);
}

/** Whether a further name could be made; not on another disk, or where the file system has none. */
function linked(source: string, target: string): boolean {
  try {
    linkSync(source, target);
    return true;
  } catch {
    return false;
  }
}

function moveInto(folder: string, unfinished: string): void {
  if (existsSync(folder) && readdirSync(folder).length > 0) {
    cpSync(unfinished, folder, { recursive: true, force: true });
    return;
  }
  if (existsSync(folder)) rmdirSync(folder);
  renameSync(unfinished, folder);
}

/**
 * Returns parts whose pictures have names that stay within the folder and that differ in more than their endings. Where
 * parts share names, all get their part's name in front.
 */
function withSafeNames(parts: readonly DetectionPart[]): DetectionPart[] {
  const safe = parts.map(({ name, dataset }) => ({
    name: name.replace(/[^\w.-]+/g, '_'),
    dataset: {
      ...dataset,
      pictures: dataset.pictures.map((picture) => ({ ...picture, name: safeName(picture.name) })),
    },
  }));
  for (const { dataset } of safe) refuseDoubled(dataset.pictures);
  const stems = safe.map(({ dataset }) => new Set(dataset.pictures.map(({ name }) => stemOf(name))));
  const shared = stems.some((own, place) =>
    stems.slice(place + 1).some((other) => [...other].some((stem) => own.has(stem))),
  );
  if (!shared) return safe;
  return safe.map(({ name: part, dataset: { categories, pictures } }) => ({
    name: part,
    dataset: { categories, pictures: pictures.map((each) => ({ ...each, name: `${part}/${each.name}` })) },
  }));
}

function safeName(name: string): string {
  const path = posix.normalize(name.split(sep).join('/').replaceAll('\\', '/'));
  return /^(?:\/|[a-z]:|\.\.(?:\/|$))/i.test(path) ? posix.basename(path) : path;
}

function refuseDoubled(pictures: readonly DetectionPicture[]): void {
  const names = new Map<string, string>();
  for (const { name, path } of pictures) {
    const other = names.get(stemOf(name));
    if (other !== undefined)
      throw new InputError(`${path}: expected a name that differs from ${other} in more than its ending or folder`);
    names.set(stemOf(name), path);
  }
}
