// Finds the images for an evaluation with the network's class indices: in class folders, or with a label file. It reads
// names and dates only.

import { existsSync, statSync } from 'node:fs';
import { basename, join, relative, sep } from 'node:path';
import { InputError } from '../failure.ts';
import { ClassNames, fewNames, type LabelOrder } from './class-names.ts';
import { partOf } from './folder-names.ts';
import { type ImageFile, imageFilesBelow, OmittedFiles, visibleFolders } from './image-files.ts';
import type { ListedImage } from './image-listing.ts';
import { type LabelFile, LabelsByName, readLabelFile } from './label-file.ts';

export interface LabelOptions {
  /** A label file instead of class folders. */
  labels?: string | undefined;
  /** The order of its numbers. */
  labelOrder?: LabelOrder | undefined;
}

export interface LabelledImages {
  /** The folder that is used: the named one, or its test part. */
  folder: string;
  images: ListedImage[];
  /** Counts of omitted files. */
  omitted: OmittedFiles;
}

/**
 * Finds the images of `folder` for a network with these classes, sorted by path. Without labels: `folder/<class>/**`,
 * where class folders have the class's name or, for ImageNet, its wnid; classes may be missing. If no folder is a
 * class, the test part is used, else the validation part. With labels: all images below the folder.
 * @throws InputError for a missing folder, names that are not classes, and images without a label
 */
export function findLabelledImages(folder: string, classes: readonly string[], options: LabelOptions): LabelledImages {
  if (!existsSync(folder)) throw new InputError(`${folder}: expected a folder of images, got no such folder`);
  if (!statSync(folder).isDirectory()) throw new InputError(`${folder}: expected a folder of images, got a file`);
  const names = new ClassNames(classes);
  const omitted = new OmittedFiles();
  const found =
    options.labels === undefined
      ? fromClassFolders(folder, names, omitted)
      : { folder, images: fromLabelFile(folder, names, readLabelFile(options.labels), options.labelOrder, omitted) };
  if (found.images.length === 0) throw new InputError(`${found.folder}: expected images, found none`);
  return { ...found, omitted };
}

type Found = Omit<LabelledImages, 'omitted'>;

function fromClassFolders(folder: string, names: ClassNames, omitted: OmittedFiles): Found {
  const folders = visibleFolders(folder, omitted).sort();
  const strangers = folders.filter((name) => names.place(name) === undefined);
  if (folders.length > 0 && strangers.length === 0) {
    const images = folders.flatMap((name) =>
      imageFilesBelow(join(folder, name), omitted).map((file) => ({ ...file, label: names.place(name)! })),
    );
    return { folder, images };
  }
  const parts = (['test', 'validation'] as const).map((part) => folders.filter((name) => partOf(name) === part));
  const [part, another] = parts.find((found) => found.length > 0) ?? [];
  if (part && strangers.length === folders.length) {
    if (another) throw new InputError(`${folder}: expected one folder to test on, got ${fewNames([part, another])}`);
    return fromClassFolders(join(folder, part), names, omitted);
  }
  const expected = `folders named as the network's classes${names.areImagenets ? ' or their wnids' : ''} (${fewNames(names.classes)})`;
  if (folders.length === 0) {
    throw new InputError(
      `${folder}: expected ${expected}, got none; if the images have a file of labels, name that file`,
      { code: 'no-class-folders' },
    );
  }
  const also = strangers.length < folders.length ? 'also ' : '';
  throw new InputError(`${folder}: expected ${expected}, got ${also}${fewNames(strangers)}`);
}

function fromLabelFile(
  folder: string,
  names: ClassNames,
  file: LabelFile,
  order: LabelOrder | undefined,
  omitted: OmittedFiles,
): ListedImage[] {
  requireOneKind(file, names);
  const images = imageFilesBelow(folder, omitted);
  const place = (label: string, line: number) => classOf(label, line, file, names, order);
  if (file.column) {
    if (images.length !== file.lines.length) {
      throw new InputError(
        `${file.path}: expected a label for each of the ${images.length} images of ${folder}, got ${file.lines.length}`,
      );
    }
    return images.map((image, index) => ({
      ...image,
      label: place(file.lines[index]!.label, file.lines[index]!.line),
    }));
  }
  const lines = new LabelsByName(file);
  const nameOf = ({ path }: ImageFile) => relative(folder, path).split(sep).join('/');
  const without = images.filter((image) => !lines.find(nameOf(image)));
  if (without.length > 0) {
    throw new InputError(
      `${file.path}: expected a label for each image, got none for ${fewNames(without.map(nameOf))}`,
    );
  }
  return images.map((image) => {
    const { label, line } = lines.find(nameOf(image))!;
    return { ...image, label: place(label, line) };
  });
}

/** Refuses a mix of names and numbers. @throws InputError with the first line of the other kind */
function requireOneKind({ path, lines }: LabelFile, names: ClassNames): void {
  const isNumber = (label: string) => names.place(label) === undefined && /^\d+$/.test(label);
  const isName = (label: string) => names.place(label) !== undefined;
  const named = lines.find(({ label }) => isName(label));
  const numbered = lines.find(({ label }) => isNumber(label));
  if (!named || !numbered) return;
  const [first, other] = named.line < numbered.line ? [named, numbered] : [numbered, named];
  const [expected, got] = first === named ? ['the name of a class', 'the number'] : ['a number', 'the name'];
  throw new InputError(
    `${path}:${other.line}: expected ${expected} as on line ${first.line}, got ${got} ${JSON.stringify(other.label)}`,
  );
}

/** Returns the network's class index of a label. @throws InputError with the line */
function classOf(
  label: string,
  line: number,
  file: LabelFile,
  names: ClassNames,
  order: LabelOrder | undefined,
): number {
  const named = names.place(label);
  if (named !== undefined) return named;
  if (!/^\d+$/.test(label)) {
    const expected = `a class of the network${names.areImagenets ? ', a wnid' : ''} or a number`;
    throw new InputError(`${file.path}:${line}: expected ${expected}, got ${JSON.stringify(label)}`);
  }
  const counted = order ?? usualOrder(file, names);
  const place = names.numbered(Number(label), counted);
  if (place !== undefined) return place;
  const others = counted === 'sorted' ? '; numbers from 1 are the order sorted-from-1 or devkit' : '';
  throw new InputError(`${file.path}:${line}: expected a number from ${names.range(counted)}, got ${label}${others}`, {
    code: 'label-order',
  });
}

/** Returns the default order of a file's numbers: that of the devkit for its file name; from 0 for lines with names. */
function usualOrder(file: LabelFile, names: ClassNames): LabelOrder {
  if (!names.areImagenets || !file.column) return 'sorted';
  if (/validation_ground_truth/i.test(basename(file.path))) return 'devkit';
  throw new InputError(
    `${file.path}: a column of numbers does not say in which order it counts ImageNet's classes: state the order devkit ` +
      `(the challenge's ground truth, 1 to 1000), sorted (by wnid, 0 to 999) or sorted-from-1`,
    { code: 'label-order' },
  );
}
