// The objects found so far in many pictures, in a file from which the next run resumes. The file does not say of which
// detector and pictures: it is named by them.

import { readFileSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';
import type { Detection } from '../coco/box.ts';
import { Failure } from '../failure.ts';
import { makeFolder, writeWhole } from '../whole-file.ts';

export interface Found {
  /** By picture, best first. */
  detections: Detection[];
  /** Sentences about pictures that could not be read. */
  unreadable: string[];
}

const format = 1;
const count = z.int().nonnegative();

const state = z.object({
  format: z.literal(format),
  /** Numbers of pictures, and of those that were looked at. */
  count,
  done: count,
  detections: z.array(
    z.object({
      ...{ picture: count, category: count, score: z.number() },
      ...{ x: z.number(), y: z.number(), width: z.number(), height: z.number() },
    } satisfies Record<keyof Detection, z.ZodType>),
  ),
  unreadable: z.array(z.string()),
});

/** Least seconds between two writes, and the share of the time that writes take at most. */
const leastSeconds = 5;
const mostShare = 0.05;

export class SavedObjects {
  readonly #path: string;
  readonly #count: number;
  readonly #onUnsaved: (reason: string) => void;
  #savedAt = performance.now();
  #pause = 1000 * leastSeconds; // ms
  #saves = true;

  /**
   * @param count number of pictures
   * @param onUnsaved called once if the file cannot be written; the search for objects continues
   */
  constructor(path: string, count: number, onUnsaved: (reason: string) => void) {
    this.#path = path;
    this.#count = count;
    this.#onUnsaved = onUnsaved;
  }

  /** Returns what an earlier run found; undefined if it saved nothing, or the file is damaged. */
  read(): (Found & { done: number }) | undefined {
    try {
      const saved = state.parse(JSON.parse(readFileSync(this.#path, 'utf8')));
      return saved.count === this.#count && saved.done <= saved.count ? saved : undefined;
    } catch {
      return undefined;
    }
  }

  /** Saves what was found in the first `done` pictures, if the last time is long ago or the search is stopped. */
  offer(done: number, found: Found, isStopped: boolean): void {
    const began = performance.now();
    if (!this.#saves || (!isStopped && began - this.#savedAt < this.#pause)) return;
    try {
      makeFolder(dirname(this.#path));
      writeWhole(this.#path, [JSON.stringify({ format, count: this.#count, done, ...found })]);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      this.#saves = false;
      this.#onUnsaved(error.message);
    }
    this.#savedAt = performance.now();
    this.#pause = Math.max(this.#pause, (this.#savedAt - began) / mostShare);
  }

  remove(): void {
    if (this.#saves) rmSync(this.#path, { force: true });
  }
}
