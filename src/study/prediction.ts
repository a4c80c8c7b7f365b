// What a child will take, foretold from its plan before it is trained, and corrected by what the finished children of this study took
// on this machine. How the law is fitted is prediction-fit.ts's; what a whole search takes is prediction-estimate.ts's.

import { type Coefficients, lawValue, memoryTerms, startingLaws, trainingTerms } from '../space/cost-law.ts';
import { decode } from '../space/decisions.ts';
import { type Plan, planNetwork } from '../space/plan.ts';
import { defaultSpace, type SpaceName } from '../space/search-space.ts';
import { thisMachine } from './machine.ts';
import { fitLaw, median, type Observation } from './prediction-fit.ts';
import type { SearchSettings, Training } from './preset.ts';
import type { Study } from './study.ts';

/** How many images there are to train on and to hold out, and of how many classes. */
export interface ImageCounts {
  images: number;
  classes: number;
}

export interface Laws {
  /** Of a training on one thread, terms as trainingTerms. */
  seconds: Coefficients;
  /** Of what its worker holds at most, in bytes; terms as memoryTerms. */
  memory: Coefficients;
}

export interface Cost {
  seconds: number;
  /** Bytes that the worker holds at most. */
  memory: number;
}

/** How far predictions were off that were made before what they foretold: the median, relative, of so many. */
export interface PredictionError {
  median: number;
  of: number;
}

/** What a study keeps of it, under the name `prediction`. */
export interface PredictionRecord {
  /** Whose observations count: those of another machine or other workers, before `since`, do not. */
  machine: string;
  workers: number;
  /** Milliseconds since 1970. */
  since: number;
  /** Whether the start was measured on this machine (prediction-probe.ts) or is what the code states. */
  measured: boolean;
  start: Laws;
  /** The start, corrected by `children` finished ones. */
  laws: Laws;
  children: number;
  error?: { seconds?: PredictionError; memory?: PredictionError };
}

/** The terms of a search's trainings: of its children, finalists or final network. */
export class TrainingTerms {
  readonly #training: Training;
  readonly #classes: number;
  readonly #space: SpaceName;
  readonly #steps: number;
  readonly #batch: number;
  readonly #evaluated: number;

  constructor(settings: Pick<SearchSettings, 'validationImages' | 'space'>, training: Training, counts: ImageCounts) {
    const { validationImages = Math.round(counts.images / 10), space = defaultSpace } = settings;
    const { trainingImages = counts.images - validationImages, recipe } = training;
    this.#training = training;
    this.#classes = counts.classes;
    this.#space = space;
    this.#batch = Math.min(recipe.batchSize, trainingImages);
    this.#steps = Math.max(1, Math.round(recipe.epochs * Math.max(1, Math.floor(trainingImages / recipe.batchSize))));
    this.#evaluated = validationImages;
  }

  plan(decisions: readonly number[]): Plan {
    const { cells, filters, resolution: input, recipe } = this.#training;
    const auxiliary = recipe.auxiliaryWeight > 0;
    return planNetwork(decode(decisions, this.#space), { cells, filters, input, classes: this.#classes, auxiliary });
  }

  of(decisions: readonly number[]): { seconds: number[]; memory: number[] } {
    const plan = this.plan(decisions);
    const [steps, batch, evaluated] = [this.#steps, this.#batch, this.#evaluated];
    return { seconds: trainingTerms(plan, { steps, batch, evaluated }), memory: memoryTerms(plan, batch) };
  }

  cost(decisions: readonly number[], { seconds, memory }: Laws): Cost {
    const terms = this.of(decisions);
    return { seconds: lawValue(seconds, terms.seconds), memory: lawValue(memory, terms.memory) };
  }
}

const keptObservations = 200; // the latest: the machine may be busier than it was

/** One law, its observations, and how well it foretold them. */
class LearntLaw {
  readonly #start: Coefficients;
  readonly #observations: Observation[] = [];
  readonly #errors: number[] = [];
  coefficients: Coefficients;

  constructor(start: Coefficients) {
    this.#start = start;
    this.coefficients = start;
  }

  observe(observation: Observation): void {
    if (!(observation.value > 0 && Number.isFinite(observation.value))) return;
    this.#errors.push(Math.abs(lawValue(this.coefficients, observation.terms) / observation.value - 1));
    this.#observations.push(observation);
    if (this.#observations.length > keptObservations) this.#observations.shift();
    if (this.#errors.length > keptObservations) this.#errors.shift();
    this.coefficients = fitLaw(this.#observations, this.#start);
  }

  get error(): PredictionError | undefined {
    return this.#errors.length === 0 ? undefined : { median: median(this.#errors), of: this.#errors.length };
  }
}

export class Prediction {
  readonly terms: TrainingTerms;
  readonly #seconds: LearntLaw;
  readonly #memory: LearntLaw;
  /** Finished children that it has learnt from. */
  children = 0;

  constructor(terms: TrainingTerms, start: Laws = startingLaws) {
    this.terms = terms;
    this.#seconds = new LearntLaw(start.seconds);
    this.#memory = new LearntLaw(start.memory);
  }

  get laws(): Laws {
    return { seconds: this.#seconds.coefficients, memory: this.#memory.coefficients };
  }

  of(decisions: readonly number[]): Cost {
    return this.terms.cost(decisions, this.laws);
  }

  /** A child was trained: `seconds` of its worker, and the bytes that this held at most where it says so. */
  observe(decisions: readonly number[], { seconds, memory }: { seconds: number; memory?: number | undefined }): void {
    const terms = this.terms.of(decisions);
    this.#seconds.observe({ terms: terms.seconds, value: seconds });
    if (memory !== undefined) this.#memory.observe({ terms: terms.memory, value: memory });
    this.children++;
  }

  get error(): { seconds?: PredictionError; memory?: PredictionError } {
    const [seconds, memory] = [this.#seconds.error, this.#memory.error];
    return { ...(seconds && { seconds }), ...(memory && { memory }) };
  }
}

const recordName = 'prediction';

/** What a study keeps of its prediction; undefined before it began to search, and in older studies. */
export function keptPrediction(study: Study<object>): PredictionRecord | undefined {
  return study.result(recordName) as PredictionRecord | undefined;
}

/** The machine in one line: what was observed on another one says nothing here. */
export function machineName(): string {
  const { processor, cores, system } = thisMachine();
  return `${processor}, ${cores} cores, ${system}`;
}

/**
 * The prediction of a study's children where they are trained by so many workers here: with what the study kept and its latest
 * finished children taught. `start` replaces what was kept of the start.
 */
export function predictionOf(
  study: Study<SearchSettings>,
  counts: ImageCounts,
  workers: number,
  start?: { laws: Laws; measured: boolean },
): { prediction: Prediction; record: PredictionRecord } {
  const kept = keptPrediction(study);
  const machine = machineName();
  const same = kept?.machine === machine && kept.workers === workers;
  const begun = start ?? (kept?.machine === machine ? { laws: kept.start, measured: kept.measured } : undefined);
  const { laws, measured } = begun ?? { laws: startingLaws, measured: false };
  const since = same ? kept.since : Date.now();
  const { settings } = study;
  const prediction = new Prediction(new TrainingTerms(settings, settings.child, counts), laws);
  if (same) {
    for (const trial of study.trials({ from: Math.max(0, study.asked - 2 * keptObservations) })) {
      if (trial.state !== 'done' || trial.sameAs !== null || (trial.finishedAt ?? 0) < since) continue;
      prediction.observe(trial.decisions, { seconds: trial.workerSeconds!, memory: memoryOf(trial.details) });
    }
  }
  const record = { machine, workers, since, measured, start: laws, ...learnt(prediction) };
  return { prediction, record };
}

/** Keeps in the study what the prediction has learnt. */
export function keepPrediction(study: Study<object>, record: PredictionRecord, prediction: Prediction): void {
  study.keep(recordName, { ...record, ...learnt(prediction) });
}

function learnt(prediction: Prediction): Pick<PredictionRecord, 'laws' | 'children' | 'error'> {
  return { laws: prediction.laws, children: prediction.children, error: prediction.error };
}

/** Bytes that a child's worker held at most, of what it said beside the reward. */
export function memoryOf(details: unknown): number | undefined {
  const { peakMemory } = (details ?? {}) as { peakMemory?: unknown };
  return typeof peakMemory === 'number' ? peakMemory : undefined;
}
