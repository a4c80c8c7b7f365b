// Predicts the seconds and memory of a child from its plan, corrected by the finished children of this study on this
// machine. statistics/robust-fit.ts fits the law, learning.ts stores it, estimate.ts estimates a whole search.

import type { Plan } from '../plan/plan.ts';
import { median } from '../statistics/order.ts';
import { type Coefficients, fitLaw, type Observation } from '../statistics/robust-fit.ts';
import { heldOut } from '../study/presets.ts';
import type { KindPrediction, Laws, PredictionError } from '../study/results.ts';
import type { SearchSettings, Training } from '../study/settings.ts';
import type { CellPlans } from '../study/training-plan.ts';
import { phasesOf } from '../train/growth.ts';
import { imagesTogether, stepsOf, stepsPerEpoch } from '../train/recipe.ts';
import { lawValue, memoryTerms, startingLaws, stepTerms, trainingTerms } from './cost-law.ts';

/** Numbers of images, of which some are held out, and of classes. */
export interface ImageCounts {
  images: number;
  classes: number;
  /** Number of test images, for the cost of the test. */
  test?: number;
}

export interface Cost {
  seconds: number;
  /** Peak memory of the worker in bytes. */
  memory: number;
}

/** The measured cost of a training. */
export interface MeasuredCost {
  seconds: number;
  /** Peak memory of the worker in bytes. */
  memory?: number | undefined;
  /** The kind of machine of a worker elsewhere. */
  machine?: string | undefined;
}

/** The terms of both laws; computing them from a candidate takes a millisecond. */
export interface CostTerms {
  seconds: readonly number[];
  memory: readonly number[];
}

/** Computes the terms of a search's trainings: of children, finalists or the final network. */
export class TrainingTerms {
  readonly #training: Training;
  readonly #classes: number;
  readonly #steps: number;
  readonly #batch: number;
  readonly #evaluated: number;

  constructor(settings: Pick<SearchSettings, 'validationImages'>, training: Training, counts: ImageCounts) {
    const validationImages = heldOut(settings, counts.images);
    const { trainingImages = counts.images - validationImages, recipe } = training;
    this.#training = training;
    this.#classes = counts.classes;
    this.#batch = Math.min(recipe.batchSize, trainingImages);
    this.#steps = stepsOf(recipe, stepsPerEpoch(trainingImages, recipe.batchSize));
    this.#evaluated = validationImages;
  }

  plan(candidate: CellPlans, resolution = this.#training.resolution): Plan {
    return candidate.trainedPlan({ ...this.#training, resolution }, this.#classes);
  }

  of(candidate: CellPlans): CostTerms {
    const plan = this.plan(candidate);
    const { growth, accumulate = 1 } = this.#training.recipe;
    const [steps, batch] = [this.#steps * accumulate, this.#batch / accumulate];
    const phases = phasesOf(plan, growth).map(({ from, until, side }) => {
      const scaled = side === plan.input[0] ? plan : this.plan(candidate, side);
      const amount = { steps: (until - from) * steps, batch };
      return until === 1 ? trainingTerms(scaled, { ...amount, evaluated: this.#evaluated }) : stepTerms(scaled, amount);
    });
    const seconds = phases.reduce((sum, terms) => sum.map((term, place) => term + terms[place]!));
    return { seconds, memory: memoryTerms(plan, imagesTogether({ batchSize: this.#batch, accumulate })) };
  }

  cost(candidate: CellPlans, laws: Laws): Cost {
    return costOf(this.of(candidate), laws);
  }
}

export function costOf({ seconds, memory }: CostTerms, laws: Laws): Cost {
  return { seconds: lawValue(laws.seconds, seconds), memory: lawValue(laws.memory, memory) };
}

/** Number of latest observations that count, since the load of the machine may change. */
export const maxObservations = 200;

/** A law with its observations and its prediction errors. */
class LearntLaw {
  readonly #start: Coefficients;
  readonly #observations: Observation[] = [];
  readonly #errors: number[] = [];
  coefficients: Coefficients;
  children = 0;

  constructor(start: Coefficients) {
    this.#start = start;
    this.coefficients = start;
  }

  /** Adds an observation. Returns whether it is usable. */
  observe(observation: Observation): boolean {
    if (!(observation.value > 0 && Number.isFinite(observation.value))) return false;
    this.children++;
    this.#errors.push(Math.abs(lawValue(this.coefficients, observation.terms) / observation.value - 1));
    this.#observations.push(observation);
    if (this.#observations.length > maxObservations) this.#observations.shift();
    if (this.#errors.length > maxObservations) this.#errors.shift();
    this.coefficients = fitLaw(this.#observations, this.#start);
    return true;
  }

  get error(): PredictionError | undefined {
    return this.#errors.length === 0 ? undefined : { median: median(this.#errors), of: this.#errors.length };
  }
}

export class Prediction {
  readonly #start: Laws;
  readonly #seconds: LearntLaw;
  readonly #memory: LearntLaw;
  /** The laws of kinds of machines. A kind that is not known yet is predicted by the law of all. */
  readonly #kinds = new Map<string, LearntLaw>();
  /** Number of finished children that corrected the prediction. */
  children = 0;

  constructor(start: Laws = startingLaws) {
    this.#start = start;
    this.#seconds = new LearntLaw(start.seconds);
    this.#memory = new LearntLaw(start.memory);
  }

  get laws(): Laws {
    return { seconds: this.#seconds.coefficients, memory: this.#memory.coefficients };
  }

  /** The predictions of kinds of machines, if there are any. */
  get kinds(): Record<string, KindPrediction> | undefined {
    if (this.#kinds.size === 0) return undefined;
    const all = [...this.#kinds].map(([kind, { coefficients: seconds, children, error }]) => {
      return [kind, { seconds, children, ...(error && { error }) }];
    });
    return Object.fromEntries(all);
  }

  of(terms: CostTerms): Cost {
    return costOf(terms, this.laws);
  }

  /**
   * Returns the seconds that workers of these kinds take for a training in the mean, as their number by kind says: a
   * worker of twice the speed trains twice as many.
   */
  secondsOn(kinds: ReadonlyMap<string, number>, terms: CostTerms): number {
    const usual = this.of(terms).seconds;
    let [workers, perSecond] = [0, 0];
    for (const [kind, count] of kinds) {
      const law = this.#kinds.get(kind);
      const seconds = law ? lawValue(law.coefficients, terms.seconds) : usual;
      workers += count;
      perSecond += count / seconds;
    }
    return workers === 0 ? usual : workers / perSecond;
  }

  /** Adds a trained child: its seconds, its peak memory in bytes and its kind of machine if known. */
  observe(terms: CostTerms, { seconds, memory, machine }: MeasuredCost): void {
    const observation = { terms: terms.seconds, value: seconds };
    if (this.#seconds.observe(observation)) this.children++;
    if (machine !== undefined) this.#lawOn(machine).observe(observation);
    if (memory !== undefined) this.#memory.observe({ terms: terms.memory, value: memory });
  }

  #lawOn(machine: string): LearntLaw {
    const law = this.#kinds.get(machine) ?? new LearntLaw(this.#start.seconds);
    this.#kinds.set(machine, law);
    return law;
  }

  get error(): { seconds?: PredictionError; memory?: PredictionError } {
    const [seconds, memory] = [this.#seconds.error, this.#memory.error];
    return { ...(seconds && { seconds }), ...(memory && { memory }) };
  }
}
