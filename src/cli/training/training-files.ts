// The files that a training leaves next to its weights, and the record by which several seeds go on.

import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { type Precision, precisions } from '../../engine/device.ts';
import { hashOfFile } from '../../file-hash.ts';
import type { EpochReport, TrainingDetails } from '../../study/outcome.ts';
import { epochReport } from '../../study/result-schemas.ts';
import { writeWhole } from '../../whole-file.ts';

const ending = '.safetensors';

/** The names of the files of a training, from the name of its weights. */
export const trainingFiles = (weights: string) => {
  const stem = weights.slice(0, -ending.length);
  const [best, last] = [`${stem}.best${ending}`, `${stem}.last${ending}`];
  return {
    ...{ weights, best, last, models: [weights, best, last] },
    page: `${stem}.training.html`,
    record: `${stem}.training.json`,
    /** The size, length and clock of a training with a time, until it ends. */
    plan: `${stem}.plan.json`,
    /** The weights of one of several seeds. */
    ofSeed: (seed: number) => `${stem}.seed-${seed}${ending}`,
  };
};

/** Details of a training with `keepModel`, which is evaluated on the test images. */
export type FinalDetails = TrainingDetails & Required<Pick<TrainingDetails, 'test'>>;

/** A training that has ended. */
export interface EndedRun {
  seed: number;
  /** The file of its weights. */
  weights: string;
  /** Absent from records of earlier versions. */
  precision?: Precision | undefined;
  /** Accuracy on the held-out images of what is handed over. */
  reward: number;
  details: FinalDetails;
  epochs: EpochReport[];
}

const record = z.looseObject({
  identity: z.string(),
  weightsHash: z.string(),
  run: z.looseObject({
    reward: z.number(),
    precision: z.enum(precisions).optional(),
    details: z.looseObject({ test: z.looseObject({ accuracy: z.number() }) }),
    epochs: z.array(epochReport),
  }),
});

/** Keeps what a seed came to, next to its weights. `identity` says of which training. */
export function keepRun(run: EndedRun, identity: string): void {
  const document = { identity, weightsHash: hashOfFile(run.weights), run };
  writeWhole(trainingFiles(run.weights).record, [`${JSON.stringify(document)}\n`]);
}

/** Returns what a seed came to, if it has ended and its weights are still the ones that it wrote. */
export function endedRun(weights: string, seed: number, identity: string): EndedRun | undefined {
  if (!existsSync(weights)) return undefined;
  const entry = readKept(
    trainingFiles(weights).record,
    record,
    (each) => each.identity === identity && each.weightsHash === hashOfFile(weights),
  ); // damaged: the seed is trained again
  return entry && { ...(entry.run as unknown as Omit<EndedRun, 'seed' | 'weights'>), seed, weights };
}

/** Returns the content of a JSON file; undefined if it is missing, damaged, or of another training or program. */
export function readKept<T>(path: string, schema: z.ZodType<T>, isOwn: (kept: T) => boolean): T | undefined {
  if (!existsSync(path)) return undefined;
  try {
    const { data } = schema.safeParse(JSON.parse(readFileSync(path, 'utf8')));
    return data && isOwn(data) ? data : undefined;
  } catch {
    return undefined;
  }
}

const curves = z.union([
  z.looseObject({ weightsHash: z.string(), epochs: z.array(epochReport) }),
  record.transform(({ weightsHash, run }) => ({ weightsHash, epochs: run.epochs })), // of one of several seeds
]);

/** Returns the epochs of the training that wrote a model file, if its record is next to it. */
export function epochsOf(model: string): EpochReport[] | undefined {
  const path = join(dirname(model), basename(trainingFiles(model).record));
  if (!model.toLowerCase().endsWith(ending)) return undefined;
  return readKept(path, curves, ({ weightsHash }) => weightsHash === hashOfFile(model))?.epochs;
}
