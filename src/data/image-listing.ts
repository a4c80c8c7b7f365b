// Finds the images of a folder that holds one sub-folder per class. Names, sizes and dates only: nothing is decoded here.

import { type Dirent, existsSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { extname, join, relative } from 'node:path';
import { InputError } from '../failure.ts';
import { RandomStream } from '../random/stream.ts';

export const extensions = ['.jpg', '.jpeg', '.png', '.webp', '.gif', '.tif', '.tiff', '.avif'];

/** Readable images a class must have: enough that training, validation and test each get at least one. */
export const fewest = { train: 5, test: 1 };
/** Without a test folder one image in six of every class is held out for the test, as in CIFAR-10. */
export const testShare = 1 / 6;

export interface ImageFile {
  path: string;
  bytes: number;
  modified: number;
}

export interface ListedImage extends ImageFile {
  label: number;
}

export interface Listing {
  classes: string[];
  train: ListedImage[];
  test: ListedImage[];
  /** Whether the test images come from a folder of their own. */
  testFolder: boolean;
}

/**
 * The images of `folder/<class>/**`, or of `folder/train/<class>/**` with `folder/test` (or, without it, `val`, `valid` or
 * `validation`) to test on; if there is both a test and a validation folder, the latter's images join the training images. Classes
 * are sorted by name; hidden files and folders are left out, links are followed, other files are no images. Throws an InputError
 * with the name of what is wrong: no folder, no sub-folders, one class only, a class with too few images.
 */
export function listImages(folder: string): Listing {
  const layout = findLayout(folder);
  const classes = [...new Set(layout.train.flatMap((part) => visibleFolders(part)))].sort();
  if (classes.length === 0)
    throw new InputError(`${folder}: expected one sub-folder of images for each class, found none`);
  if (classes.length === 1) {
    throw new InputError(`${folder}: expected sub-folders for at least two classes, found only "${classes[0]}"`);
  }
  const stranger = layout.test && visibleFolders(layout.test).find((name) => !classes.includes(name));
  if (stranger)
    throw new InputError(`${join(layout.test!, stranger)}: there is no class of this name among the training images`);
  const listing: Listing = { classes, train: [], test: [], testFolder: layout.test !== undefined };
  for (const [label, name] of classes.entries()) {
    const train = layout.train.flatMap((part) => imagesBelow(join(part, name), label));
    if (layout.test) {
      listing.train.push(...train);
      listing.test.push(...imagesBelow(join(layout.test, name), label));
    } else {
      const count = Math.max(fewest.test, Math.round(train.length * testShare));
      const order = new RandomStream('test images').split(name).shuffle(train.length);
      const heldOut = new Set(order.subarray(0, count));
      listing.train.push(...train.filter((_, index) => !heldOut.has(index)));
      listing.test.push(...train.filter((_, index) => heldOut.has(index)));
    }
  }
  requireEnough(folder, listing, listing.train, listing.test);
  return listing;
}

/** Throws an InputError that names the first class with too few images among those given. */
export function requireEnough(folder: string, listing: Listing, train: ListedImage[], test: ListedImage[]): void {
  const perClass = (images: ListedImage[]) => {
    const counts = listing.classes.map(() => 0);
    for (const { label } of images) counts[label]! += 1;
    return counts;
  };
  const [training, testing] = [perClass(train), perClass(test)];
  const poor = listing.classes.findIndex(
    (_, label) => training[label]! < fewest.train || testing[label]! < fewest.test,
  );
  if (poor === -1) return;
  const name = listing.classes[poor]!;
  const readable = `(readable are ${extensions.map((extension) => extension.slice(1)).join(', ')})`;
  const [got, least] = [training[poor]! + testing[poor]!, fewest.train + fewest.test];
  if (!listing.testFolder && got < least) {
    throw new InputError(`${join(folder, name)}: expected at least ${least} images, got ${got} ${readable}`);
  }
  throw new InputError(
    `${folder}: expected at least ${fewest.train} images to train and ${fewest.test} to test of class "${name}", ` +
      `got ${training[poor]} and ${testing[poor]} ${readable}`,
  );
}

function findLayout(folder: string): { train: string[]; test: string | undefined } {
  if (!existsSync(folder)) throw new InputError(`${folder}: expected a folder of images, but it does not exist`);
  if (!statSync(folder).isDirectory()) throw new InputError(`${folder}: expected a folder of images, but it is a file`);
  const names = visibleFolders(folder);
  const find = (...wanted: string[]) => names.find((name) => wanted.includes(name.toLowerCase()));
  const [train, test, validation] = [find('train', 'training'), find('test'), find('val', 'valid', 'validation')];
  const parts = [train, test, validation].filter((name) => name !== undefined);
  if (!train || parts.length < names.length) return { train: [folder], test: undefined };
  const [held, joined] = test ? [test, validation] : [validation, undefined];
  return {
    train: joined ? [join(folder, train), join(folder, joined)] : [join(folder, train)],
    test: held && join(folder, held),
  };
}

const isHidden = (name: string) => name.startsWith('.') || name === '__MACOSX';

function isFolder(parent: string, entry: Dirent): boolean {
  if (!entry.isSymbolicLink()) return entry.isDirectory();
  return statSync(join(parent, entry.name), { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** Names of the folders in a folder, those that links lead to included. */
export function visibleFolders(folder: string): string[] {
  const entries = readdirSync(folder, { withFileTypes: true });
  return entries.filter((entry) => !isHidden(entry.name) && isFolder(folder, entry)).map((entry) => entry.name);
}

const imagesBelow = (folder: string, label: number): ListedImage[] =>
  imageFilesBelow(folder).map((file) => ({ ...file, label }));

/** All images below a folder at any depth, sorted by path. A folder that a link leads back to is entered once. */
export function imageFilesBelow(folder: string): ImageFile[] {
  const images: ImageFile[] = [];
  const entered = new Set<string>();
  const enter = (current: string) => {
    if (!existsSync(current) || entered.has(realpathSync(current))) return;
    entered.add(realpathSync(current));
    for (const entry of readdirSync(current, { withFileTypes: true })) {
      const path = join(current, entry.name);
      if (isHidden(entry.name)) continue;
      if (isFolder(current, entry)) enter(path);
      else if (extensions.includes(extname(entry.name).toLowerCase())) {
        const found = statSync(path, { throwIfNoEntry: false }); // a broken link is found when it is read
        images.push({ path, bytes: found?.size ?? 0, modified: found?.mtimeMs ?? 0 });
      }
    }
  };
  enter(folder);
  const key = (image: ImageFile) => relative(folder, image.path);
  return images.sort((a, b) => (key(a) < key(b) ? -1 : 1));
}
