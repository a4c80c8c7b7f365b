// A dataset as plain data: what it is called, its classes, and where its images and labels lie on this machine's disk.
// It is JSON, so worker processes of the machine are told of it; jobs name a dataset by its content. dataset.ts turns it into tensors.

import { closeSync, openSync, readSync } from 'node:fs';
import { Failure } from '../failure.ts';

/** Images and labels of one part of a dataset. The images are uint8 [count, 3, height, width], the labels int64 [count]. */
export interface DatasetPart {
  path: string;
  count: number;
  /** Byte offset of the first image in the file. */
  images: number;
  /** Byte offset of the first label in the file, a multiple of 8. */
  labels: number;
}

export interface DatasetFiles {
  name: string;
  /** Where the images came from, in words for reports: a package or a folder. */
  source: string;
  /** A label is an index into these. */
  classes: string[];
  height: number;
  width: number;
  /** How split() holds out images: uniformly at random as in the paper, or the same share of every class. */
  holdOut: 'uniform' | 'stratified';
  /** The same on every machine for the same images, labels and classes, wherever they came from and however they are called. */
  content: string;
  train: DatasetPart;
  test: DatasetPart;
}

/** What a dataset is, without its images. */
export type Description = Omit<DatasetFiles, 'train' | 'test' | 'content'>;

/** A dataset as jobs name it: its content decides, the name is for people. */
export type DatasetReference = Pick<DatasetFiles, 'name' | 'content'>;

export const referenceTo = ({ name, content }: DatasetFiles): DatasetReference => ({ name, content });

/** The dataset of a reference among those that a machine has, by the reference's name. @throws Failure if it has none of that content */
export function datasetAmong(datasets: readonly DatasetFiles[], { name, content }: DatasetReference): DatasetFiles {
  const found = datasets.find((files) => files.content === content);
  if (found) return { ...found, name };
  const had = datasets.map((files) => `${files.name} (${shortly(files.content)})`).join(', ') || 'none';
  throw new Failure(`dataset: expected ${name} with the content ${shortly(content)}, got ${had}`);
}

const shortly = (content: string) => content.slice(0, 12);

/** Bytes of one image. */
export function imageBytes(files: { height: number; width: number }): number {
  return 3 * files.height * files.width;
}

/** The labels of one part, read without the engine: [count]. */
export function readLabels(part: DatasetPart): Int32Array {
  const labels = new BigInt64Array(readRange(part.path, part.labels, 8 * part.count).buffer);
  return Int32Array.from(labels, Number);
}

/** Some bytes of a file, in memory of their own. Throws a Failure if the file is missing or ends before them. */
export function readRange(path: string, offset: number, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    throw new Failure(`${path}: the cached dataset cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  try {
    for (let done = 0; done < length; ) {
      const read = readSync(file, bytes, done, length - done, offset + done);
      if (read === 0) throw new Failure(`${path}: the cached dataset ends early; delete it and prepare it again`);
      done += read;
    }
  } finally {
    closeSync(file);
  }
  return bytes;
}
