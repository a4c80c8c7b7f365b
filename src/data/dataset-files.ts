// A dataset as plain data: name, classes, and the files of images and labels on this machine. It is JSON for worker
// processes of this machine; jobs refer to a dataset by content. dataset.ts opens it as tensors.

import { closeSync, openSync, readSync } from 'node:fs';
import { Failure } from '../failure.ts';

/**
 * Images and labels of one part of a dataset. The images are uint8 [count, 3, height, width], the labels int64 [count].
 */
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
  /** The source of the images for reports: a package or a folder. */
  source: string;
  /** Class names; labels are indices into them. */
  classes: string[];
  height: number;
  width: number;
  /** How split() samples validation images: uniformly as in the paper, or the same share of every class. */
  holdOut: 'uniform' | 'stratified';
  /** Hash of images, labels and classes, independent of machine, source and name. */
  content: string;
  train: DatasetPart;
  test: DatasetPart;
}

/** The description of a dataset, without its images. */
export type Description = Omit<DatasetFiles, 'train' | 'test' | 'content'>;

/** A dataset in a job: identified by content; the name is for messages. */
export type DatasetReference = Pick<DatasetFiles, 'name' | 'content'>;

export const referenceTo = ({ name, content }: DatasetFiles): DatasetReference => ({ name, content });

/**
 * Returns the dataset of a reference among those of a machine, with the reference's name. @throws Failure if there is
 * none with this content
 */
export function datasetAmong(datasets: readonly DatasetFiles[], { name, content }: DatasetReference): DatasetFiles {
  const dataset = datasets.find((files) => files.content === content);
  if (dataset) return { ...dataset, name };
  const had = datasets.map((files) => `${files.name} (${shortly(files.content)})`).join(', ') || 'none';
  throw new Failure(`dataset: expected ${name} with the content ${shortly(content)}, got ${had}`);
}

const shortly = (content: string) => content.slice(0, 12);

/** Returns the bytes of one image. */
export function imageBytes(files: { height: number; width: number }): number {
  return 3 * files.height * files.width;
}

/** Reads the labels [count] of one part, without the engine. */
export function readLabels(part: DatasetPart): Int32Array {
  const labels = new BigInt64Array(readRange(part.path, part.labels, 8 * part.count).buffer);
  return Int32Array.from(labels, Number);
}

/** Reads bytes of a file. @throws Failure if the file is missing or too short */
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
