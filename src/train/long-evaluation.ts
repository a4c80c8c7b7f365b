// An evaluation that may take hours: every few seconds its counts are written to a small file, and the next run goes on with them
// after a Ctrl-C or a kill.

import { readFileSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { z } from 'zod';
import { Failure } from '../failure.ts';
import type { Network } from '../model/network.ts';
import { makeFolder, writeWhole } from '../whole-file.ts';
import { type Accuracy, Tally } from './evaluation.ts';
import type { ImageSource } from './image-source.ts';

export interface Evaluation extends Accuracy {
  /** Images that could not be read, one sentence each. They are no part of any figure. */
  unreadable: string[];
}

export interface EvaluationProgress {
  /** Images done, and in all; those that could not be read included. */
  done: number;
  count: number;
  /** Images a second, of this run. */
  speed: number;
  /** Of the images so far. */
  accuracy: number;
}

export interface LongEvaluationOptions {
  /** The file that keeps the counts. Another one for another model or other images: its content does not tell. */
  state: string;
  /** How often it is written. Default: 5. */
  seconds?: number;
  /** Aborted: the counts are written and the signal's reason is thrown. */
  signal?: AbortSignal;
  /** Is told where an earlier run is continued. */
  onResume?: (done: number) => void;
  onProgress?: (progress: EvaluationProgress) => void;
  /** Is told once if the counts cannot be kept; the evaluation goes on. */
  onUnsaved?: (reason: string) => void;
}

/** Classifies every image of a source once. @throws TrainingFailure if the network's answers are not numbers */
export async function evaluateLong(
  network: Network,
  source: ImageSource,
  options: LongEvaluationOptions,
): Promise<Evaluation> {
  const { state, seconds = 5, signal, onResume, onProgress, onUnsaved } = options;
  const { classes } = network.plan;
  const kept = readState(state, classes, source.count);
  const tally = new Tally(classes, kept?.counts);
  const unreadable = kept?.unreadable ?? [];
  const begun = kept?.done ?? 0;
  let done = begun;
  if (begun > 0) onResume?.(begun);
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
  const speed = () => (1000 * (done - begun)) / (performance.now() - started);
  let savedAt = started;
  for await (const { taken, batch, unreadable: failed } of source.batches(begun)) {
    if (batch) tally.add(network, batch);
    batch?.images.dispose();
    batch?.labels.dispose();
    unreadable.push(...failed);
    done += taken;
    onProgress?.({ done, count: source.count, speed: speed(), accuracy: tally.accuracy().accuracy });
    await setImmediate(); // signals get their turn
    if (signal?.aborted || performance.now() - savedAt >= 1000 * seconds) {
      save();
      savedAt = performance.now();
    }
    signal?.throwIfAborted();
  }
  if (saving) rmSync(state, { force: true });
  return { ...tally.accuracy(), imagesPerSecond: speed(), unreadable };
}

const format = 1;
const whole = z.int().nonnegative();
const stateSchema = z.object({
  format: z.literal(format),
  count: whole,
  done: whole,
  counts: z.object({ loss: z.number(), inFive: whole, seen: z.array(whole), right: z.array(whole) }),
  unreadable: z.array(z.string()),
});
type State = z.infer<typeof stateSchema>;

/** What an earlier run wrote; undefined for a missing or damaged file, which costs its time only. */
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
