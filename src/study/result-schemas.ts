// Schemas of a study's named results and of a training's details: stored as JSON, parsed when they are read.

import { z } from 'zod';
import type { Confusion } from '../train/evaluation.ts';
import type { EpochReport, HeldOutEpoch } from './outcome.ts';
import type {
  BudgetDecisions,
  FinalLatency,
  FinalModel,
  KindPrediction,
  Laws,
  Machine,
  PredictionRecord,
} from './results.ts';
import type { ExternalEvaluator } from './settings.ts';

/** The dataset of a search: name, source, and classes in the order of the logits. */
export interface StoredDataset {
  name: string;
  source: string;
  classes: readonly string[];
}

/** The results by their names in the file. */
export interface StudyResults {
  dataset: StoredDataset;
  machine: Machine;
  prediction: PredictionRecord;
  /** Seconds of the clock that a search with a budget has taken, over all sessions. */
  clock: { seconds: number };
  'budget decisions': BudgetDecisions;
  'final model': FinalModel;
  'final latency': FinalLatency;
  /** The finalists' trials, best first; in a study of several strategies also those of each arm. */
  finalists: { trials: number[]; arms?: number[][] };
  /** The target number of trials, if it was changed since the start of the search. */
  target: number;
  /** The current evaluator, if it was changed. */
  evaluator: ExternalEvaluator;
}

type Fields<Whole> = Record<keyof Whole, z.ZodType>;

const count = z.int().nonnegative();
const real = z.number();
const numbers = z.array(real);

const laws: z.ZodType<Laws> = z.object({ seconds: numbers, memory: numbers } satisfies Fields<Laws>);
const error = z.object({ median: real, of: count }).exactOptional();
const kind: z.ZodType<KindPrediction> = z.object({
  seconds: numbers,
  children: count,
  error,
} satisfies Fields<KindPrediction>);

export const epochReport: z.ZodType<EpochReport> = z.object({
  epoch: real,
  loss: real.exactOptional(),
  accuracy: real.exactOptional(),
  imagesPerSecond: real.exactOptional(),
  details: z.unknown().exactOptional(),
} satisfies Fields<EpochReport>);

const heldOutEpoch: z.ZodType<HeldOutEpoch> = z.object({
  epoch: real,
  accuracy: real,
  balancedAccuracy: real,
  loss: real,
} satisfies Fields<HeldOutEpoch>);

const confusion: z.ZodType<Confusion> = z.object({
  label: count,
  answer: count,
  images: count,
} satisfies Fields<Confusion>);

export const externalEvaluator: z.ZodType<ExternalEvaluator> = z.strictObject({
  command: z.string().exactOptional(),
  timeLimit: real.exactOptional(),
} satisfies Fields<ExternalEvaluator>);

export const resultSchemas: { [Name in keyof StudyResults]: z.ZodType<StudyResults[Name]> } = {
  dataset: z.object({
    name: z.string(),
    source: z.string(),
    classes: z.array(z.string()),
  } satisfies Fields<StoredDataset>),
  machine: z.object({
    processor: z.string(),
    cores: count,
    memory: real,
    system: z.string(),
    node: z.string(),
    device: z.string().exactOptional(),
  } satisfies Fields<Machine>),
  prediction: z.object({
    machine: z.string(),
    workers: count,
    since: real,
    measured: z.boolean(),
    start: laws,
    laws,
    children: count,
    error: z.object({ seconds: error, memory: error }).exactOptional(),
    kinds: z.record(z.string(), kind).exactOptional(),
  } satisfies Fields<PredictionRecord>),
  clock: z.object({ seconds: real }),
  'budget decisions': z.object({
    trials: count.exactOptional(),
    finalists: count.exactOptional(),
    final: z.object({ size: count, epochs: real, once: real.exactOptional() }).exactOptional(),
  } satisfies Fields<BudgetDecisions>),
  'final model': z.object({
    trial: count,
    trainableParameters: count,
    multiplyAdds: count,
    validationAccuracy: real,
    testAccuracy: real,
    testLoss: real,
    testImages: count,
    largestClass: real.exactOptional(),
    balancedAccuracy: real.exactOptional(),
    classImages: z.array(count).exactOptional(),
    confusions: z.array(confusion).exactOptional(),
    best: heldOutEpoch.exactOptional(),
    scheduledEpochs: real.exactOptional(),
    classAccuracies: z.array(real.nullable()),
    trainingSeconds: real,
    trainingImagesPerSecond: real,
    weights: z.string(),
    epochs: z.array(epochReport),
  } satisfies Fields<FinalModel>),
  'final latency': z.object({
    trial: count,
    milliseconds: real,
    foretold: real,
    machine: z.string(),
  } satisfies Fields<FinalLatency>),
  finalists: z.object({ trials: z.array(count), arms: z.array(z.array(count)).exactOptional() }),
  target: count,
  evaluator: externalEvaluator,
};

const accuracies = z.array(z.union([real, z.nan(), z.null()])); // NaN without images; JSON has null

/** The result of the final training's job. */
export const finalResult = z.object({
  reward: real,
  details: z.object({
    trainableParameters: count,
    multiplyAdds: count,
    trainingSeconds: real,
    scheduledEpochs: real.exactOptional(),
    best: heldOutEpoch.exactOptional(),
    test: z.object({
      accuracy: real,
      loss: real,
      images: count,
      classAccuracies: accuracies,
      balancedAccuracy: real.exactOptional(), // this and the following: absent from workers of earlier versions
      classImages: z.array(count).exactOptional(),
      confusions: z.array(confusion).exactOptional(),
    }),
  }),
});

const ofTraining = z.object({
  continued: z.boolean().optional().catch(undefined),
  resumed: z.literal(true).optional().catch(undefined),
  notes: z.array(z.string()).optional().catch(undefined),
  peakMemory: real.optional().catch(undefined),
  machine: z.string().optional().catch(undefined),
});

/** Reads the details that nasnet's own trainings report; missing and invalid fields are undefined. */
export function trainingDetails(details: unknown): z.infer<typeof ofTraining> {
  return ofTraining.safeParse(details).data ?? {};
}

const figure = real.optional().catch(undefined);
const ofEpoch = z.object({
  trainingAccuracy: figure,
  learningRate: figure,
  validationLoss: figure,
  balancedAccuracy: figure,
  validationSide: figure,
  waitingShare: figure,
});

/** Reads the details of an epoch in the same way. */
export function epochDetails(details: unknown): z.infer<typeof ofEpoch> {
  return ofEpoch.safeParse(details).data ?? {};
}
