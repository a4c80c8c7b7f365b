// A source to train on: the pictures of its part `train`, of which some are held out to validate, and those to test on.

import { existsSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { contentIdentity } from '../content-identity.ts';
import { splitByClass } from '../data/split.ts';
import { InputError } from '../failure.ts';
import { whole } from '../words.ts';
import { type ImageSource, openPart, openSource, type SourceOptions } from './open-source.ts';

/** Some pictures of a source. */
export interface PicturesOf {
  source: ImageSource;
  /** Ascending. */
  places: Int32Array;
}

export interface TrainingSource extends Disposable {
  /** The folder's or file's name. */
  name: string;
  path: string;
  classes: readonly string[];
  /** Identity of all pictures, their classes and order; not of their place on this machine. */
  content: string;
  /** The pictures to train on and to hold out. */
  train: PicturesOf;
  test: PicturesOf;
  /** Sentences about what the source is and what is unusual in it. */
  remarks: readonly string[];
}

export interface TrainingSourceOptions extends Pick<SourceOptions, 'devkit' | 'cache' | 'onListed'> {
  /** The source of the pictures to test on. Default: the part `validation`, else some of the training pictures. */
  test?: string | undefined;
}

const imagenet = { train: 'ILSVRC2012_img_train.tar', validation: 'ILSVRC2012_img_val.tar' };
/** One picture in six is held out for the test, at most so many, if the source has no part for it. */
const mostTest = 50_000;
const testShare = 1 / 6;

/** @throws InputError if there is no such source, or if its parts have different classes */
export async function openTrainingSource(path: string, options: TrainingSourceOptions = {}): Promise<TrainingSource> {
  const root = trainingPath(resolve(path));
  const train = await openSource(root, { ...options, part: 'train' });
  try {
    const test = await openTest(root, train, options);
    requireSameClasses(root, train, test);
    return made(root, train, test);
  } catch (error) {
    train[Symbol.dispose]();
    throw error;
  }
}

/** Returns the name of the source to train on at a path, by which a model file knows it. */
export const trainingName = (path: string): string => basename(trainingPath(resolve(path)));

/**
 * Opens the pictures to evaluate another network on: the part `validation` of a source, or all.
 * @throws InputError if there is no such source
 */
export async function openEvaluationSource(
  path: string,
  options: Omit<TrainingSourceOptions, 'test'>,
): Promise<ImageSource> {
  const root = trainingPath(resolve(path));
  if (basename(root) === imagenet.train) {
    const archive = join(dirname(root), imagenet.validation);
    return openSource(existsSync(archive) ? archive : root, options);
  }
  return (await openPart(root, { ...options, part: 'validation' })) ?? openSource(root, options);
}

/** A folder with ImageNet's training archive stands for it. */
function trainingPath(root: string): string {
  const archive = join(root, imagenet.train);
  return existsSync(archive) ? archive : root;
}

/** Opens the pictures to test on; undefined if the source has none of its own. */
async function openTest(
  root: string,
  train: ImageSource,
  { test, ...options }: TrainingSourceOptions,
): Promise<ImageSource | undefined> {
  if (test !== undefined) return openSource(test, { ...options, part: 'validation' });
  if (basename(root) === imagenet.train) {
    const archive = join(dirname(root), imagenet.validation);
    return existsSync(archive) ? openSource(archive, options) : undefined;
  }
  if (statSync(root).isFile()) return undefined;
  const source = await openPart(root, { ...options, part: 'validation' });
  if (source?.identity !== train.identity) return source;
  source[Symbol.dispose]();
  return undefined;
}

function requireSameClasses(root: string, train: ImageSource, test: ImageSource | undefined): void {
  if (!test || test.classes.join('\n') === train.classes.join('\n')) return;
  const other = test.classes.find((name) => !train.classes.includes(name));
  throw new InputError(
    `${root}: expected the pictures to test on to have the ${train.classes.length} classes of those to train on, got ` +
      (other === undefined ? `${test.classes.length} classes` : JSON.stringify(other)),
  );
}

function made(root: string, train: ImageSource, test: ImageSource | undefined): TrainingSource {
  const all = (source: ImageSource) => Int32Array.from({ length: source.count }, (_, place) => place);
  const tested = Math.min(mostTest, Math.max(train.classes.length, Math.round(train.count * testShare)));
  const [trainPlaces, testPlaces] = test ? [all(train), all(test)] : heldOut(all(train), train, tested);
  const from = test ? '' : ', held out of them';
  const count = `${whole(train.classes.length)} classes`;
  return {
    name: basename(root),
    path: root,
    classes: train.classes,
    content: contentIdentity({ train: train.identity, test: test?.identity ?? tested }),
    train: { source: train, places: trainPlaces },
    test: { source: test ?? train, places: testPlaces },
    remarks: [
      `${root}: ${count}, ${whole(trainPlaces.length)} pictures to train on, ${whole(testPlaces.length)} to test on${from}`,
      ...train.remarks,
      ...(test?.remarks ?? []).filter((remark) => !train.remarks.includes(remark)),
    ],
    [Symbol.dispose]: () => {
      train[Symbol.dispose]();
      test?.[Symbol.dispose]();
    },
  };
}

/** Returns the places to train on, and so many that are held out for the test, of each class its share. */
function heldOut(places: Int32Array, { classes, label }: ImageSource, tested: number): [Int32Array, Int32Array] {
  const { train, validation } = splitByClass(places.map(label), classes.length, { validation: tested, seed: 'test' });
  return [train, validation];
}
