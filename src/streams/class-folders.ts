// Indices of loose files: class folders, in the layouts of src/data, and ImageNet's validation pictures in one folder.

import { readdirSync } from 'node:fs';
import { basename, dirname, relative, sep } from 'node:path';
import { imageFilesBelow } from '../data/image-files.ts';
import { byName } from '../data/image-formats.ts';
import { layoutLines, listImages } from '../data/image-listing.ts';
import { InputError } from '../failure.ts';
import { imagenetWnids, validationLabels } from './imagenet-labels.ts';
import type { OpenFiles } from './random-access.ts';
import { type Entry, indexOf, type StreamIndex, witnessOf } from './stream-index.ts';
import { validationLabel } from './tar-sources.ts';

/** Lists the pictures of a part, sorted by class and path. */
export function classFolderIndex(
  root: string,
  part: 'train' | 'validation',
  onCount: (count: number) => void,
): StreamIndex {
  const listing = listImages(root);
  const images = part === 'train' ? listing.train : listing.test;
  onCount(images.length);
  const entries = images.map(
    ({ path, label, bytes }): Entry => ({ name: relative(root, path).split(sep).join('/'), label, length: bytes }),
  );
  const omitted = listing.omitted.words() === '' ? [] : layoutLines(root, listing).slice(-1);
  return indexOf(
    {
      kind: 'class-folders',
      classes: listing.classes,
      paths: [root],
      witnesses: foldersOf(root, [...listing.train, ...listing.test]).map(witnessOf),
      remarks: omitted,
      run: 1,
    },
    entries,
  );
}

/** Returns all folders between the root and the pictures, whose times change when a file is added or removed. */
function foldersOf(root: string, images: readonly { path: string }[]): string[] {
  const folders = new Set([root]);
  for (const { path } of images)
    for (let folder = dirname(path); !folders.has(folder) && folder.length > root.length; folder = dirname(folder))
      folders.add(folder);
  return [...folders];
}

/** Whether a folder has ImageNet's validation pictures without class folders. @throws InputError for other pictures */
export function isFlat(root: string): boolean {
  const entries = readdirSync(root, { withFileTypes: true });
  const pictures = entries.filter((entry) => entry.isFile() && byName(entry.name) === 'picture');
  if (pictures.length === 0 || entries.some((entry) => entry.isDirectory() && !entry.name.startsWith('.')))
    return false;
  const stranger = pictures.find(({ name }) => !/_val_\d{8}\.\w+$/.test(name));
  if (!stranger) return true;
  throw new InputError(
    `${root}: expected a folder for each class, got pictures without one (${stranger.name}): their classes are unknown`,
  );
}

/** Lists ImageNet's validation pictures of a folder, in their numbers' order. */
export function flatValidationIndex(root: string, devkit: string, files: OpenFiles): StreamIndex {
  const { labels, remarks } = validationLabels(devkit, files);
  const entries = imageFilesBelow(root).map(({ path, bytes }): Entry => {
    const name = basename(path);
    return { name, label: validationLabel(name, labels, devkit), length: bytes };
  });
  return indexOf(
    {
      kind: 'class-folders',
      classes: [...imagenetWnids],
      paths: [root],
      witnesses: [witnessOf(root), witnessOf(devkit)],
      remarks,
      run: 1,
    },
    entries,
  );
}
