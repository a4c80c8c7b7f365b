// Finds the images of a folder that holds one sub-folder per class. Names, sizes and dates only: nothing is decoded here.

import { statSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '../failure.ts';
import { RandomStream } from '../random/stream.ts';
import { fewNames } from './class-names.ts';
import { namesOf, type Part, partOf } from './folder-names.ts';
import { countLoose, type ImageFile, imageFilesBelow, LeftOut, visibleFolders } from './image-files.ts';

/** Readable images a class must have: enough that training, validation and test each get at least one. */
export const fewest = {
  /** Where the test images are held out of them. */
  images: 5,
  /** Where the test has a folder of its own. */
  train: 5,
  test: 1,
};
export const mostClasses = 10_000;
/** Without a test folder one image in six of every class is held out for the test, as in CIFAR-10. */
export const testShare = 1 / 6;

export interface ListedImage extends ImageFile {
  label: number;
}

export interface Listing {
  classes: string[];
  train: ListedImage[];
  test: ListedImage[];
  /** Whether the test images come from a folder of their own. */
  testFolder: boolean;
  layout: Layout;
  leftOut: LeftOut;
}

/** Which folders were taken for what. */
export interface Layout {
  train: string[];
  /** One of `train` whose images join the training images: validation images are drawn from all of them. */
  validation?: string;
  test?: string;
}

/**
 * The images of `folder/<class>/**`, or of `folder/train/<class>/**` with `folder/test` (or, without it, the validation folder) to
 * test on, under the names of folder-names.ts; if there is both a test and a validation folder, the latter's images join the training
 * images. Classes are sorted by name; links are followed; what is left out is counted. Throws an InputError with the name of what is
 * wrong: no folder, no sub-folders, one class only, a class with too few images, parts beside other folders.
 */
export function listImages(folder: string): Listing {
  const leftOut = new LeftOut();
  const layout = findLayout(folder, leftOut);
  const classes = [...new Set(layout.train.flatMap((part) => visibleFolders(part)))].sort();
  countBeside(folder, layout, leftOut);
  requireClasses(folder, layout, classes);
  const listing: Listing = { classes, train: [], test: [], testFolder: layout.test !== undefined, layout, leftOut };
  const below = (part: string, name: string, label: number) =>
    imageFilesBelow(join(part, name), leftOut).map((file): ListedImage => Object.assign(file, { label }));
  for (const [label, name] of classes.entries()) {
    const train = layout.train.flatMap((part) => below(part, name, label));
    if (layout.test) {
      for (const image of train) listing.train.push(image);
      for (const image of below(layout.test, name, label)) listing.test.push(image);
    } else {
      const count = Math.max(fewest.test, Math.round(train.length * testShare));
      const order = new RandomStream('test images').split(name).shuffle(train.length);
      const heldOut = new Set(order.subarray(0, count));
      for (const [index, image] of train.entries()) listing[heldOut.has(index) ? 'test' : 'train'].push(image);
    }
  }
  requireEnough(folder, listing, listing.train, listing.test);
  return listing;
}

/** What lies in the parts, or beside them, and is no class. */
function countBeside(folder: string, { train, test }: Layout, leftOut: LeftOut): void {
  const parts = [...train, ...(test ? [test] : [])].filter((part) => part !== folder);
  for (const part of parts) visibleFolders(part, leftOut);
  for (const part of [folder, ...parts]) countLoose(part, leftOut);
}

function requireClasses(folder: string, layout: Layout, classes: string[]): void {
  if (classes.length === 0)
    throw new InputError(`${folder}: expected one sub-folder of images for each class, found none`);
  if (classes.length === 1) {
    const within = layout.train.flatMap((part) => visibleFolders(join(part, classes[0]!)));
    const hint = within.length > 1 ? `; are the classes or parts in ${join(layout.train[0]!, classes[0]!)}?` : '';
    throw new InputError(`${folder}: expected sub-folders for at least two classes, found only "${classes[0]}"${hint}`);
  }
  refusePartsWithin(folder, layout, classes);
  if (classes.length > mostClasses)
    throw new InputError(
      `${folder}: expected sub-folders for at most ${mostClasses.toLocaleString('en-US')} classes, found ${classes.length}`,
    );
  if (layout.train[0] !== folder && classes.every((name) => partOf(name)))
    throw new InputError(
      `${layout.train[0]}: expected one sub-folder for each class, got the parts ${fewNames(classes)}`,
    );
  const known = new Set(classes);
  const stranger = layout.test && visibleFolders(layout.test).find((name) => !known.has(name));
  if (stranger)
    throw new InputError(`${join(layout.test!, stranger)}: there is no class of this name among the training images`);
}

/** Classes looked into for parts that stand within them. */
const lookedInto = 20;

/** `cat/train`, `cat/test`, `dog/train` …: taken as they are, what is to be tested on would be trained on. */
function refusePartsWithin(folder: string, layout: Layout, classes: string[]): void {
  const some = classes.slice(0, lookedInto);
  const within = some.flatMap((name) => {
    const found = visibleFolders(join(layout.train[0]!, name)).find((each) => partOf(each) === 'train');
    return found === undefined ? [] : [`${name}/${found}`];
  });
  if (2 * within.length <= some.length) return;
  throw new InputError(
    `${folder}: expected parts that hold the classes, got classes that hold parts (${fewNames(within)})`,
  );
}

const countsOf = (listing: Listing, images: readonly ListedImage[]): number[] => {
  const counts = listing.classes.map(() => 0);
  for (const { label } of images) counts[label]! += 1;
  return counts;
};

/** Throws an InputError that names the first class with too few images among those given. */
export function requireEnough(folder: string, listing: Listing, train: ListedImage[], test: ListedImage[]): void {
  const [training, testing] = [countsOf(listing, train), countsOf(listing, test)];
  const leastTraining = listing.testFolder ? fewest.train : fewest.images - fewest.test;
  const poor = listing.classes.findIndex(
    (_, label) => training[label]! < leastTraining || testing[label]! < fewest.test,
  );
  if (poor === -1) return;
  const name = listing.classes[poor]!;
  const left = listing.leftOut.words();
  const besides = left === '' ? '' : ` (left out: ${left})`;
  const got = training[poor]! + testing[poor]!;
  if (!listing.testFolder && got < fewest.images) {
    const where = join(listing.layout.train[0]!, name);
    throw new InputError(`${where}: expected at least ${fewest.images} images, got ${got}${besides}`);
  }
  throw new InputError(
    `${folder}: expected at least ${leastTraining} images to train and ${fewest.test} to test of class "${name}", ` +
      `got ${training[poor]} and ${testing[poor]}${besides}`,
  );
}

function findLayout(folder: string, leftOut: LeftOut): Layout {
  requireFolder(folder);
  const names = visibleFolders(folder, leftOut).sort();
  const holds = (name: string) => visibleFolders(join(folder, name)).length > 0;
  const parts = names.filter((name) => partOf(name) !== undefined);
  const holding = parts.filter(holds);
  if (holding.length === 0) {
    const all = parts.length === names.length && parts.some((name) => partOf(name) === 'train');
    if (all)
      throw new InputError(`${folder}: expected one sub-folder for each class in ${fewNames(parts)}, found none`);
    return { train: [folder] }; // classes, of which one may be called "test"
  }
  const others = names.filter((name) => partOf(name) === undefined);
  if (others.length > 0)
    throw new InputError(
      `${folder}: expected either classes or parts (${fewNames(parts)}), got also ${fewNames(others)}: ` +
        'move what is no part away, or name a folder of classes',
    );
  for (const name of parts) if (!holds(name)) leftOut.add(`folder ${JSON.stringify(name)} without class folders`);
  const find = (part: Part) =>
    only(
      folder,
      part,
      holding.filter((name) => partOf(name) === part),
    );
  const [train, test, validation] = [find('train'), find('test'), find('validation')];
  if (!train)
    throw new InputError(`${folder}: expected a folder to train on (${namesOf('train')}), got ${fewNames(holding)}`);
  const joined = test && validation;
  const held = test ?? validation;
  return {
    train: joined ? [train, joined] : [train],
    ...(joined && { validation: joined }),
    ...(held && { test: held }),
  };
}

function requireFolder(folder: string): void {
  let isFolder: boolean | undefined;
  try {
    isFolder = statSync(folder, { throwIfNoEntry: false })?.isDirectory();
  } catch (error) {
    throw new InputError(`${folder}: expected a folder of images, but it cannot be read (${(error as Error).message})`);
  }
  if (isFolder === undefined) throw new InputError(`${folder}: expected a folder of images, but it does not exist`);
  if (!isFolder) throw new InputError(`${folder}: expected a folder of images, but it is a file`);
}

function only(folder: string, part: Part, names: string[]): string | undefined {
  if (names.length < 2) return names[0] === undefined ? undefined : join(folder, names[0]);
  throw new InputError(`${folder}: expected one folder for the ${part} images, got ${fewNames(names)}`);
}

const classesShown = 10;

/** What a listing took for what, a line each: the classes, the parts, what was left out. */
export function layoutLines(folder: string, listing: Listing): string[] {
  const { classes, train, test, layout } = listing;
  const [training, testing] = [countsOf(listing, train), countsOf(listing, test)];
  const counts = classes.map((_, label) => training[label]! + testing[label]!);
  const [least, largest] = counts.reduce(
    ([low, high], count, label) => [count < counts[low]! ? label : low, count > counts[high]! ? label : high],
    [0, 0],
  );
  const whole = (count: number) => count.toLocaleString('en-US');
  const named = (label: number) => `${classes[label]} (${whole(counts[label]!)})`;
  const shown = classes.slice(0, classesShown).map((_, label) => named(label));
  const more = classes.length > classesShown ? ` and ${whole(classes.length - classesShown)} more` : '';
  const within = (path: string) => (path === folder ? 'the class folders' : path.slice(join(folder).length + 1));
  const trained = layout.train.map(within).join(' and ');
  const tested = layout.test ? `in ${within(layout.test)}` : 'held out of them, one in six of each class';
  const left = listing.leftOut.words();
  const extremes = counts[least] === counts[largest] ? 'all alike' : `fewest ${named(least)}, most ${named(largest)}`;
  return [
    `${folder}: ${whole(train.length + test.length)} images of ${whole(classes.length)} classes: ${shown.join(', ')}${more}; ${extremes}`,
    `${folder}: ${whole(train.length)} images to train on in ${trained}, validation images drawn from them; ${whole(test.length)} to test on ${tested}`,
    ...(left === '' ? [] : [`${folder}: left out ${left}`]),
  ];
}
