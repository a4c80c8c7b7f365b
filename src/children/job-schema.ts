// Checks jobs and setups that come from another machine: plain data of a known shape, which names no path. What a
// training does with it is limited by its type.

import { z } from 'zod';
import { checked } from '../checked.ts';
import { parseArchitecture } from '../space/parse.ts';
import { storedTraining } from '../study/parse-settings.ts';
import type { KeptModels, TrainingJob, TrainingSetup } from './training-job.ts';

type Fields<Whole> = Record<keyof Whole, z.ZodType>;

const seed = z.union([z.number(), z.string().max(1000)]);
/** A key of an artifact; no part of it leaves its folder. */
const key = z.string().regex(/^[a-z]{1,20}\/[a-z0-9-]{1,100}(\.[a-z0-9-]{1,20})?\.safetensors$/);
const seeded = { training: storedTraining, seed };

/** Searches start from new weights, so a job of theirs has no initial ones; clocks of machines differ. */
const job = z.strictObject({
  architecture: z.unknown(),
  ...seeded,
  earlier: z.array(z.strictObject(seeded)).max(100).exactOptional(),
  paused: z.strictObject({ from: key.exactOptional(), to: key.exactOptional() }).exactOptional(),
  checkpoint: z
    .strictObject({
      key,
      seconds: z.number().nonnegative().exactOptional(),
      keep: z.int().positive().max(1000).exactOptional(),
    })
    .exactOptional(),
  keepModel: z
    .strictObject({ weights: key, best: key.exactOptional(), last: key.exactOptional() } satisfies Fields<KeptModels>)
    .exactOptional(),
} satisfies Fields<Omit<TrainingJob, 'initial' | 'deadline'>>);

const setup: z.ZodType<TrainingSetup> = z.strictObject({
  dataset: z.strictObject({ name: z.string().max(1000), content: z.string().regex(/^[0-9a-f]{64}$/) }),
  training: z.strictObject({
    resolution: z.int().positive().max(4096),
    trainingImages: z.int().positive().exactOptional(),
  }),
  validationImages: z.int().nonnegative().exactOptional(),
  splitSeed: seed,
} satisfies Fields<TrainingSetup>);

/** @throws InputError if this is no training */
export function checkTrainingJob(value: unknown): void {
  const { architecture } = checked(job, value, 'queue', 'job');
  parseArchitecture(architecture, 'queue');
}

/** @throws InputError if this is no setup of trainings */
export const readTrainingSetup = (value: unknown): TrainingSetup => checked(setup, value, 'queue', 'setup');
