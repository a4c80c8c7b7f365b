// Writes a dataset as a block of bytes (training images, test images, labels) and a description, both by rename, so
// that readers see either all or nothing.

import { createHash } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { basename } from 'node:path';
import { type DatasetFiles, type Description, imageBytes } from './dataset-files.ts';
import type { ClassContent } from './folder-content.ts';

export class DatasetWriter {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #hash = createHash('sha256');
  readonly #labels = { train: [] as number[], test: [] as number[] };
  #bytes = 0;

  private constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
  }

  /** Starts a block, which is at `path` (ending in .bin) when it is finished. */
  static async create(path: string): Promise<DatasetWriter> {
    return new DatasetWriter(path, await open(temporary(path), 'w'));
  }

  /** Adds planar images (all red, all green, all blue bytes of each) and their labels. Training images come first. */
  async add(part: 'train' | 'test', pixels: Uint8Array, labels: ArrayLike<number>): Promise<void> {
    if (part === 'train' && this.#labels.test.length > 0) throw new Error('training images come before test images');
    for (let index = 0; index < labels.length; index++) this.#labels[part].push(labels[index]!);
    await this.#append(pixels);
  }

  /**
   * Writes labels and description, and renames both. Returned paths are relative to the cache; `sha256` is that of the
   * block.
   */
  async finish(
    description: Description,
    rest: { format: number; skipped: string[]; again?: string[]; classContents?: ClassContent[] },
  ): Promise<{ files: Omit<DatasetFiles, 'content'>; sha256: string }> {
    const { train, test } = this.#labels;
    if (this.#bytes !== (train.length + test.length) * imageBytes(description)) {
      throw new Error(`${train.length + test.length} labels do not fit ${this.#bytes} bytes of images`);
    }
    await this.#append(new Uint8Array(-this.#bytes & 7)); // labels start at a multiple of 8
    const labelsAt = this.#bytes;
    await this.#append(new Uint8Array(BigInt64Array.from([...train, ...test], BigInt).buffer));
    const path = basename(this.#path);
    const files: Omit<DatasetFiles, 'content'> = {
      ...description,
      train: { path, count: train.length, images: 0, labels: labelsAt },
      test: {
        path,
        count: test.length,
        images: train.length * imageBytes(description),
        labels: labelsAt + 8 * train.length,
      },
    };
    await this.#file.sync();
    await this.#file.close();
    await rename(temporary(this.#path), this.#path);
    const sha256 = this.#hash.digest('hex');
    const entry = { ...rest, files, bytes: this.#bytes, sha256 };
    await writeWhole(this.#path.replace(/\.bin$/, '.json'), `${JSON.stringify(entry, null, 2)}\n`);
    return { files, sha256 };
  }

  /** Removes the unfinished files. */
  async discard(): Promise<void> {
    await this.#file.close().catch(() => {});
    await rm(temporary(this.#path), { force: true });
  }

  async #append(bytes: Uint8Array): Promise<void> {
    this.#hash.update(bytes);
    this.#bytes += bytes.length;
    await this.#file.writeFile(bytes); // appends at the file's position
  }
}

async function writeWhole(path: string, text: string): Promise<void> {
  const file = await open(temporary(path), 'w');
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary(path), path);
}

/**
 * Returns a temporary path in the same folder, so that a rename is atomic. The lock of the entry ensures one writer.
 */
function temporary(path: string): string {
  return `${path}.tmp`;
}
