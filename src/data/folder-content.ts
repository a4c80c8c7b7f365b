// A summary of an image folder's content, class by class, to detect and describe changes later.

import { createHash } from 'node:crypto';

export interface ClassContent {
  name: string;
  /** Numbers of training and test images. */
  train: number;
  test: number;
  /** Hashes of the images' paths without the class, and of their bytes, independent of their order. */
  paths: string;
  bytes: string;
}

/** Collects the summary while images are prepared. */
export class ContentRecord {
  readonly #classes: { name: string; train: number; test: number; paths: string[]; bytes: string[] }[];

  constructor(classes: readonly string[]) {
    this.#classes = classes.map((name) => ({ name, train: 0, test: 0, paths: [], bytes: [] }));
  }

  /** Adds an image. @param path path without the class @param hash hash of the file's bytes */
  add(label: number, part: 'train' | 'test', path: string, hash: string): void {
    const found = this.#classes[label]!;
    found[part] += 1;
    found.paths.push(path);
    found.bytes.push(hash);
  }

  content(): ClassContent[] {
    return this.#classes.map(({ paths, bytes, ...counts }) => ({
      ...counts,
      paths: ofAll(paths),
      bytes: ofAll(bytes),
    }));
  }
}

const ofAll = (texts: readonly string[]): string =>
  createHash('sha256').update(texts.toSorted().join('\n')).digest('hex').slice(0, 24);

/**
 * Describes the changes of the classes: 'class "red" is now called "zebra"', 'class "blue" had 30 images and has 31'.
 */
export function changesOf(before: readonly ClassContent[], now: readonly ClassContent[]): string[] {
  const [had, has] = [before, now].map((classes) => new Map(classes.map((each) => [each.name, each])));
  const gone = before.filter(({ name }) => !has!.has(name));
  const come = now.filter(({ name }) => !had!.has(name));
  const comeByBytes = new Map(come.map((each) => [each.bytes, each]));
  const renamed = gone.flatMap((each) => {
    const found = comeByBytes.get(each.bytes);
    return found && comeByBytes.delete(each.bytes) ? [[each, found] as const] : [];
  });
  const known = new Set(renamed.flat());
  return [
    ...renamed.map(([each, found]) => `class ${quoted(each)} is now called ${quoted(found)}`),
    ...gone.filter((each) => !known.has(each)).map((each) => `class ${quoted(each)} was removed`),
    ...come.filter((each) => !known.has(each)).map((each) => `class ${quoted(each)} is new`),
    ...before.flatMap((each) => {
      const change = has!.has(each.name) ? changeOf(each, has!.get(each.name)!) : undefined;
      return change === undefined ? [] : [`class ${quoted(each)} ${change}`];
    }),
  ];
}

const quoted = ({ name }: ClassContent) => JSON.stringify(name);

function changeOf(before: ClassContent, now: ClassContent): string | undefined {
  const [had, has] = [before, now].map(({ train, test }) => train + test);
  if (had !== has) return `had ${had} images and has ${has}`;
  if (before.bytes !== now.bytes) return `has other images, ${has} as before`;
  if (before.train !== now.train)
    return `had ${before.train} images to train on and ${before.test} to test on, and has ${now.train} and ${now.test}`;
  return before.paths === now.paths ? undefined : 'has images under other names';
}
