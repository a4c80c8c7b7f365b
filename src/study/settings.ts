// What a search is: everything that decides its outcome, as its study stores it. Types alone; presets.ts makes such
// settings. How many workers train and where results go is not here: a study may go on with other ones.

import type { Layout } from '../plan/layouts.ts';
import type { Space } from '../space/search-space.ts';
import type { Coefficients } from '../statistics/robust-fit.ts';
import type { Recipe } from '../train/recipe.ts';

/** A network and how it is trained: the child of a search, or the larger one built from its best cell. */
export interface Training {
  /** What stands around the cells (plan/layouts.ts). Absent: CIFAR's. */
  layout?: Layout;
  /** N: normal cells before, between and after the two reductions. */
  cells: number;
  /** F: filters of the first normal cells. */
  filters: number;
  /** Channels of the stem convolution. Absent: the layout's. */
  stemChannels?: number;
  /** Whether the cell after a reduction reads past that one's input, as the released large model does. Absent: no. */
  skipReductionInput?: boolean;
  /** Side of the square input in pixels; smaller than the stored images means they are averaged down. */
  resolution: number;
  /** Training images used; absent: all but the held-out ones. */
  trainingImages?: number;
  recipe: Recipe;
}

/** The best trials, trained again at a higher fidelity to find the very best of them (selection/racing.ts). */
export interface Finalists {
  /** How many; in a study of several strategies, of each arm. */
  count: number;
  training: Training;
  /** Trainings of each, with seeds that all share: before the first comparison, and at most. */
  seeds: { least: number; most: number };
}

/** Rungs above the child's own training, climbed by the best (selection/ladder.ts). */
export interface LadderSettings {
  /** As it was typed, shortest (rung-text.ts). */
  stated: string;
  /** Their trainings, from the lowest up; the child's own is below them. */
  rungs: Training[];
  /** η: one in so many goes up. */
  reduction: number;
  /** The share of those that finish a rung that goes up by lot, so that rungs can be compared on children that nobody selected. */
  randomShare: number;
}

/** What a search is. JSON: it is stored in the study as it is here; parse-settings.ts reads what older versions stored. */
export interface SearchSettings {
  preset: string;
  /** `cifar10`, or the folder of one's own images. */
  dataset: string;
  /** Side in pixels to which a folder's images are brought. */
  size?: number;
  seed: number;
  strategy: string;
  /** The strategy's options, those with their default included: later versions may have others. */
  strategyOptions: object;
  /** Whether outcomes are told in the order of the asks (experiment/search-loop.ts): reproducible, and right for few workers. */
  inOrder: boolean;
  /** Whether a graph that was trained before keeps its reward (experiment/remembered.ts). */
  remember: boolean;
  /** What the final network may cost at most. */
  limits?: Limits;
  /** Decisions of given cells, which are the first trials; none: []. */
  known: number[][];
  /** Who evaluates trials instead of nasnet; `child` and `final` then only say how large its cells may be built. */
  evaluator?: ExternalEvaluator;
  /** Which cells there are: one of the paper's spaces by name, or another by value. */
  space: Space;
  /** How many operations of the table one of the paper's spaces had when the search began. Absent beside a space by value. */
  operations?: number;
  /** B: blocks of a cell. */
  blocks: number;
  trials: number;
  /** Images held out of the training part, whose accuracy is the reward; absent: a tenth of them (heldOut; CIFAR-10: 5,000). */
  validationImages?: number;
  child: Training;
  /** Absent: every child is trained once. */
  ladder?: LadderSettings;
  /** Absent: the final network is built from the best trial as it is. */
  finalists?: Finalists;
  final: Training;
}

/** Whoever evaluates the trials of a study outside nasnet (docs/evaluator.md). */
export interface ExternalEvaluator {
  /** Run by the shell once per worker. Absent: outcomes are told by `nasnet tell`. */
  command?: string;
  /** Seconds that a trial may take. */
  timeLimit?: number;
}

export interface Limits {
  /** Trainable parameters of the final network, at most. */
  parameters?: number;
  /** Its multiply-adds for one image, at most. */
  multiplyAdds?: number;
  /**
   * Bytes that a worker holds at most while it trains a child (of a ladder: in the dearest of its trainings), what earlier children
   * left behind included; foretold by its law.
   */
  memory?: MemoryLimit;
  /** Milliseconds of the final network for one image on one thread, foretold by its law. */
  latency?: LatencyLimit;
  /** 'resample': the strategy draws another. 'penalise': it is told of a failed trial, and learns to stay within. */
  beyond: 'resample' | 'penalise';
}

export interface MemoryLimit {
  bytes: number;
  /** Of memoryTerms, as they were when the study began. */
  law: Coefficients;
}

export interface LatencyLimit {
  milliseconds: number;
  /** Of latencyTerms, fitted to networks that were measured when the study began (latency/measure-plans.ts). */
  law: Coefficients;
  /** How many those were, and the median error for one of them of a law fitted to the others. */
  measured: number;
  error: number;
  /** Where they were measured. */
  machine: string;
}
