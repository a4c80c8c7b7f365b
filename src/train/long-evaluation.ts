// Evaluations that may take hours: the counts are written to a file every few seconds, from which the next run resumes.

import { readFileSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { z } from 'zod';
import { Failure } from '../failure.ts';
import type { Network } from '../model/network.ts';
import { makeFolder, writeWhole } from '../whole-file.ts';
import { type Accuracy, type Counts, Tally, type WrongAnswer } from './evaluation.ts';
import type { ImageSource } from './image-source.ts';

export interface Evaluation extends Accuracy {
  /** A sentence for each unreadable image. These do not count in any figure. */
  unreadable: string[];
}

export interface EvaluationProgress {
  /** Numbers of evaluated and of all images, including unreadable ones. */
  done: number;
  count: number;
  /** Images per second in this run. */
  speed: number;
  /** Top-1 accuracy so far. */
  accuracy: number;
}

export interface LongEvaluationOptions {
  /**
   * The file of the counts. Use another file for another model or other images, since the file does not identify them.
   */
  state: string;
  /** Seconds between two writes. Default: 5. */
  seconds?: number;
  /** When it is aborted, the counts are written and its reason is thrown. */
  signal?: AbortSignal;
  /** Called if an earlier run is resumed. */
  onResume?: (done: number) => void;
  onProgress?: (progress: EvaluationProgress) => void;
  /** Called once if the counts cannot be written; the evaluation continues. */
  onUnsaved?: (reason: string) => void;
}

/** Evaluates a network on every image of a source once. @throws TrainingFailure if the logits are not finite */
export async function evaluateLong(
  network: Network,
  source: ImageSource,
  options: LongEvaluationOptions,
): Promise<Evaluation> {
  const { state, seconds = 5, signal, onResume, onProgress, onUnsaved } = options;
  const { classes } = network.plan;
  const earlier = readState(state, classes, source.count);
  const tally = new Tally(classes, { counts: earlier?.counts });
  const unreadable = earlier?.unreadable ?? [];
  const firstImage = earlier?.done ?? 0;
  let done = firstImage;
  if (firstImage > 0) onResume?.(firstImage);
  let saving = true;
  const save = () => {
    try {
      if (saving) writeState(state, { format, count: source.count, done, counts: tally.counts, unreadable });
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      saving = false;
      onUnsaved?.(error.message);
    }
  };

  network.train(false);
  const started = performance.now();
  const speed = () => (1000 * (done - firstImage)) / (performance.now() - started);
  let savedAt = started;
  for await (const { imageCount, batch, places, unreadable: failed } of source.batches(firstImage)) {
    if (batch) tally.take(network, batch, (row) => places[row]!);
    unreadable.push(...failed);
    done += imageCount;
    onProgress?.({ done, count: source.count, speed: speed(), accuracy: tally.accuracy().accuracy });
    await setImmediate(); // let signals be handled
    if (signal?.aborted || performance.now() - savedAt >= 1000 * seconds) {
      save();
      savedAt = performance.now();
    }
    signal?.throwIfAborted();
  }
  if (saving) rmSync(state, { force: true });
  return { ...tally.accuracy(), imagesPerSecond: speed(), unreadable };
}

const format = 2;
const whole = z.int().nonnegative();
const stateSchema = z.object({
  format: z.literal(format),
  count: whole,
  done: whole,
  counts: z.object({
    loss: z.number(),
    inFive: whole,
    seen: z.array(whole),
    right: z.array(whole),
    wrong: z.record(z.string(), whole),
    worst: z.array(
      z.object({
        place: whole,
        label: whole,
        answer: whole,
        probability: z.number(),
        labelProbability: z.number(),
      } satisfies Record<keyof WrongAnswer, z.ZodType>),
    ),
  } satisfies Record<keyof Counts, z.ZodType>),
  unreadable: z.array(z.string()),
});
type State = z.infer<typeof stateSchema>;

/** Reads the state of an earlier run; undefined if the file is missing or damaged. */
function readState(path: string, classes: number, count: number): State | undefined {
  try {
    const state = stateSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
    const { seen, right } = state.counts;
    const fits = state.count === count && state.done <= count && seen.length === classes && right.length === classes;
    return fits ? state : undefined;
  } catch {
    return undefined;
  }
}

function writeState(path: string, state: State): void {
  makeFolder(dirname(path));
  writeWhole(path, [JSON.stringify(state)]);
}
