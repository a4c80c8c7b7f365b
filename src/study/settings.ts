// The types of a search's settings, as its study stores them: everything that determines its outcome. presets.ts makes
// them. The number of workers and the results folder are not settings: a study can be resumed with others.

import type { Layout } from '../plan/layouts.ts';
import type { Space } from '../space/search-space.ts';
import type { Coefficients } from '../statistics/robust-fit.ts';
import type { Recipe, RecipeName } from '../train/recipe.ts';

/** A network and its training: the child of a search, or the final network. */
export interface Training {
  /** The layout of the network (plan/layouts.ts). Absent: CIFAR. */
  layout?: Layout;
  /** N: normal cells before, between and after the two reductions. */
  cells: number;
  /** F: filters of the first normal cells. */
  filters: number;
  /** Channels of the stem convolution. Absent: the layout's. */
  stemChannels?: number;
  /** Whether the cell after a reduction skips the reduction's input, as in the released large model. Absent: no. */
  skipReductionInput?: boolean;
  /** Side of the square input in pixels; larger stored images are averaged down. */
  resolution: number;
  /** Number of training images; absent: all but the validation images. */
  trainingImages?: number;
  recipe: Recipe;
}

/** Names of recipes: of children and rungs, and of finalists and final network, with the preset's epochs. */
export interface AskedRecipes {
  child?: RecipeName;
  final?: RecipeName;
}

/** The epochs that were asked for, which neither few images nor a budget change. */
export interface AskedEpochs {
  child?: number;
  finalists?: number;
}

/** The best trials, which are trained again at a higher fidelity to select the best one (selection/racing.ts). */
export interface Finalists {
  /** Number of finalists; in a study of several strategies, of each arm. */
  count: number;
  training: Training;
  /** Number of trainings of each, with shared seeds: before the first comparison, and at most. */
  seeds: { least: number; most: number };
  /** Whether the known cells are finalists, as many as leave a place for another, the first one always. */
  withKnown?: boolean;
  /**
   * The best known cell is chosen unless the leader of the race is better at this confidence; `true`, as in older
   * studies: unless it is eliminated. Absent: no known cell is preferred.
   */
  prefersKnown?: boolean | number;
  /** Whether each has as many epochs as its cost allows (`costLaw`) in place of equal ones. Absent: no. */
  equalCost?: boolean;
}

/**
 * The time of a search, instead of its number of trials. The numbers of trials and finalists, and the size and epochs
 * of the final network are planned (forecast/budget.ts). The study stores each decision.
 */
export interface Budget {
  /** Wall-clock time from the first child to the tested network, without the pauses between sessions. */
  seconds: number;
  /** Share of it for the children. Absent in studies of older versions: by the seconds (forecast/budget.ts). */
  childrenShare?: number;
  /**
   * Whether a race is planned, for which the share is. Absent in studies of older versions, and where no training was
   * measured for the plan: it is decided after the children alone.
   */
  races?: boolean;
  /**
   * Final networks that are larger than `final`, smallest first. Each is chosen only if there is time for the epochs of
   * its recipe.
   */
  larger: Training[];
}

/** Rungs above the child's training, to which the best are promoted (selection/ladder.ts). */
export interface LadderSettings {
  /** The text form (rung-text.ts). */
  stated: string;
  /** Trainings of the rungs above the child's, the lowest first. */
  rungs: Training[];
  /** η: the best 1/η are promoted. */
  reduction: number;
  /** Share of children that are promoted at random, so that rungs can be compared on unselected children. */
  randomShare: number;
}

/** The settings of a search, stored as JSON in the study; parse-settings.ts reads those of older versions. */
export interface SearchSettings {
  preset: string;
  /** `cifar10`, or an image folder. */
  dataset: string;
  /** Side in pixels to which a folder's images are resized. */
  size?: number;
  seed: number;
  strategy: string;
  /** The strategy's options, including defaults, which may change in later versions. */
  strategyOptions: object;
  /**
   * Whether outcomes are reported in the order of the asks (experiment/search-loop.ts): reproducible, suitable for few
   * workers.
   */
  inOrder: boolean;
  /** Whether the reward of a graph that was trained before is reused (experiment/remembered.ts). */
  remember: boolean;
  /** Limits of the final network. */
  limits?: Limits;
  /** The named recipes that were asked for in place of the preset's. */
  recipes?: AskedRecipes;
  /** Absent: none were asked for, or, in a study of an older version, it is not known. */
  askedEpochs?: AskedEpochs;
  /** Decisions of known cells, which are the first trials. */
  known: number[][];
  /** The external evaluator, if any; `child` and `final` then only define the sizes of networks. */
  evaluator?: ExternalEvaluator;
  /** The search space: one of the paper's by name, or a custom one by value. */
  space: Space;
  /** Number of operations that one of the paper's spaces had when the search started. Absent for a custom space. */
  operations?: number;
  /** B: blocks of a cell. */
  blocks: number;
  /** Number of trials; in a search with a budget, the number that was planned at its start. */
  trials: number;
  /** Absent: the numbers of trials and epochs are those of these settings. */
  budget?: Budget;
  /** Number of validation images, whose accuracy is the reward; absent: a tenth (heldOut; CIFAR-10: 5,000). */
  validationImages?: number;
  child: Training;
  /**
   * The law of seconds (forecast/cost-law.ts) by which children and finalists have more or fewer epochs: as the final
   * network of their cell has in the time of that of the first known cell, or of NASNet-A. It decides, so it is stored.
   * Absent: children have equal epochs.
   */
  costLaw?: Coefficients;
  /** Index of the size of the final network whose costs are compared, 0 the smallest. Absent: 0. */
  costSize?: number;
  /** Absent: every child is trained once. */
  ladder?: LadderSettings;
  /** Absent: the final network is built from the best trial. */
  finalists?: Finalists;
  final: Training;
}

/** The evaluator of a study outside nasnet (docs/evaluator.md). */
export interface ExternalEvaluator {
  /** The command, which the shell runs once per worker. Absent: outcomes are reported by `nasnet tell`. */
  command?: string;
  /** Time limit of a trial in seconds. */
  timeLimit?: number;
}

export interface Limits {
  /** Maximum number of trainable parameters of the final network. */
  parameters?: number;
  /** Maximum number of its multiply-adds for one image. */
  multiplyAdds?: number;
  /**
   * Maximum of a worker's predicted peak memory in bytes while it trains a child (with a ladder: in its most expensive
   * training), including the heap growth of earlier children.
   */
  memory?: MemoryLimit;
  /** Maximum of the final network's predicted latency in milliseconds for one image on one thread. */
  latency?: LatencyLimit;
  /**
   * 'resample': the strategy samples another architecture. 'penalise': a failed trial is reported, from which it learns
   * the limits.
   */
  beyond: 'resample' | 'penalise';
}

export interface MemoryLimit {
  bytes: number;
  /** Coefficients of memoryTerms at the start of the study. */
  law: Coefficients;
}

export interface LatencyLimit {
  milliseconds: number;
  /**
   * Coefficients of latencyTerms, fitted to networks that were measured at the start of the study
   * (latency/measure-plans.ts).
   */
  law: Coefficients;
  /** Number of measured networks, and the median leave-one-out error. */
  measured: number;
  error: number;
  /** The machine of the measurements. */
  machine: string;
}
