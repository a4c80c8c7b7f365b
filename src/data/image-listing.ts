// Lists the images of a folder with one sub-folder per class. It reads names, sizes and dates only.

import { statSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '../failure.ts';
import { RandomStream } from '../random/stream.ts';
import { whole } from '../words.ts';
import { fewNames } from './class-names.ts';
import { namesOf, type Part, partOf } from './folder-names.ts';
import { countLoose, type ImageFile, imageFilesBelow, OmittedFiles, visibleFolders } from './image-files.ts';

/** Minimum number of readable images per class, so that training, validation and test have at least one each. */
export const fewest = {
  /** If the test images are held out of them. */
  images: 5,
  /** If there is a test folder. */
  train: 5,
  test: 1,
};
const mostClasses = 10_000;
/** Share of test images that are held out of every class without a test folder, as in CIFAR-10. */
const testShare = 1 / 6;

export interface ListedImage extends ImageFile {
  label: number;
}

export interface Listing {
  classes: string[];
  train: ListedImage[];
  test: ListedImage[];
  /** Whether there is a test folder. */
  testFolder: boolean;
  layout: Layout;
  omitted: OmittedFiles;
}

/** The folders of each part. */
export interface Layout {
  train: string[];
  /** A folder of `train`: its images join the training images, from which validation images are sampled. */
  validation?: string;
  test?: string;
}

/**
 * Lists the images of `folder/<class>/**`, or of `folder/train/<class>/**` with `folder/test` (or the validation
 * folder) as test images; names are in folder-names.ts. If there is both a test and a validation folder, the latter's
 * images join the training images. Classes are sorted by name; links are followed; omitted files are counted.
 * @throws InputError that names the problem: no folder, no sub-folders, only one class, a class with too few images,
 * parts next to other folders
 */
export function listImages(folder: string): Listing {
  const omitted = new OmittedFiles();
  const layout = findLayout(folder, omitted);
  const classes = [...new Set(layout.train.flatMap((part) => visibleFolders(part)))].sort();
  countUnclassified(folder, layout, omitted);
  requireClasses(folder, layout, classes);
  const listing: Listing = { classes, train: [], test: [], testFolder: layout.test !== undefined, layout, omitted };
  const below = (part: string, name: string, label: number) =>
    imageFilesBelow(join(part, name), omitted).map((file): ListedImage => Object.assign(file, { label }));
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

/** Counts files in the parts or next to them that belong to no class. */
function countUnclassified(folder: string, { train, test }: Layout, omitted: OmittedFiles): void {
  const parts = [...train, ...(test ? [test] : [])].filter((part) => part !== folder);
  for (const part of parts) visibleFolders(part, omitted);
  for (const part of [folder, ...parts]) countLoose(part, omitted);
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
      `${folder}: expected sub-folders for at most ${whole(mostClasses)} classes, found ${classes.length}`,
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

/** Number of classes that are searched for parts inside classes. */
const classesSearched = 20;

/** Refuses `cat/train`, `cat/test`, `dog/train` …, where test images would be used for training. */
function refusePartsWithin(folder: string, layout: Layout, classes: string[]): void {
  const some = classes.slice(0, classesSearched);
  const within = some.flatMap((name) => {
    const part = visibleFolders(join(layout.train[0]!, name)).find((each) => partOf(each) === 'train');
    return part === undefined ? [] : [`${name}/${part}`];
  });
  if (2 * within.length <= some.length) return;
  throw new InputError(
    `${folder}: expected parts that contain the classes, got classes that contain parts (${fewNames(within)})`,
  );
}

const countsOf = (listing: Listing, images: readonly ListedImage[]): number[] => {
  const counts = listing.classes.map(() => 0);
  for (const { label } of images) counts[label]! += 1;
  return counts;
};

/** Checks the number of images per class. @throws InputError that names the first class with too few */
export function requireEnough(folder: string, listing: Listing, train: ListedImage[], test: ListedImage[]): void {
  const [training, testing] = [countsOf(listing, train), countsOf(listing, test)];
  const leastTraining = listing.testFolder ? fewest.train : fewest.images - fewest.test;
  const poor = listing.classes.findIndex(
    (_, label) => training[label]! < leastTraining || testing[label]! < fewest.test,
  );
  if (poor === -1) return;
  const name = listing.classes[poor]!;
  const left = listing.omitted.words();
  const note = left === '' ? '' : ` (omitted: ${left})`;
  const got = training[poor]! + testing[poor]!;
  if (!listing.testFolder && got < fewest.images) {
    const where = join(listing.layout.train[0]!, name);
    throw new InputError(`${where}: expected at least ${fewest.images} images, got ${got}${note}`);
  }
  throw new InputError(
    `${folder}: expected at least ${leastTraining} images to train and ${fewest.test} to test of class "${name}", ` +
      `got ${training[poor]} and ${testing[poor]}${note}`,
  );
}

function findLayout(folder: string, omitted: OmittedFiles): Layout {
  requireFolder(folder);
  const names = visibleFolders(folder, omitted).sort();
  const holds = (name: string) => visibleFolders(join(folder, name)).length > 0;
  const parts = names.filter((name) => partOf(name) !== undefined);
  const holding = parts.filter(holds);
  if (holding.length === 0) {
    const all = parts.length === names.length && parts.some((name) => partOf(name) === 'train');
    if (all)
      throw new InputError(`${folder}: expected one sub-folder for each class in ${fewNames(parts)}, found none`);
    return { train: [folder] }; // classes, one of which may be called "test"
  }
  const others = names.filter((name) => partOf(name) === undefined);
  if (others.length > 0)
    throw new InputError(
      `${folder}: expected either classes or parts (${fewNames(parts)}), got also ${fewNames(others)}: ` +
        'move the others away, or name a folder of classes',
    );
  for (const name of parts) if (!holds(name)) omitted.add(`folder ${JSON.stringify(name)} without class folders`);
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

/** Describes a listing in lines: classes, parts, omitted files. */
export function layoutLines(folder: string, listing: Listing): string[] {
  const { classes, train, test, layout } = listing;
  const [training, testing] = [countsOf(listing, train), countsOf(listing, test)];
  const counts = classes.map((_, label) => training[label]! + testing[label]!);
  const [least, largest] = counts.reduce(
    ([low, high], count, label) => [count < counts[low]! ? label : low, count > counts[high]! ? label : high],
    [0, 0],
  );
  const named = (label: number) => `${classes[label]} (${whole(counts[label]!)})`;
  const shown = classes.slice(0, classesShown).map((_, label) => named(label));
  const more = classes.length > classesShown ? ` and ${whole(classes.length - classesShown)} more` : '';
  const within = (path: string) => (path === folder ? 'the class folders' : path.slice(join(folder).length + 1));
  const trained = layout.train.map(within).join(' and ');
  const tested = layout.test ? `in ${within(layout.test)}` : 'held out of them, one in six of each class';
  const left = listing.omitted.words();
  const extremes = counts[least] === counts[largest] ? 'all alike' : `fewest ${named(least)}, most ${named(largest)}`;
  return [
    `${folder}: ${whole(train.length + test.length)} images of ${whole(classes.length)} classes: ${shown.join(', ')}${more}; ${extremes}`,
    `${folder}: ${whole(train.length)} images to train on in ${trained}, validation images sampled from them; ${whole(test.length)} to test on ${tested}`,
    ...(left === '' ? [] : [`${folder}: omitted ${left}`]),
  ];
}
