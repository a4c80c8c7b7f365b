// Presets: settings of searches by name, which the user's settings replace in part.

import { InputError } from '../failure.ts';
import { auxiliaryFits } from '../plan/plan-auxiliary.ts';
import { laptopController, laptopEvolution, microController } from '../search/options.ts';
import { completeOptions } from '../search/strategy.ts';
import { defaultBlocks } from '../space/decisions.ts';
import { operationNames } from '../space/operations.ts';
import { defaultSpace, spaceOf } from '../space/search-space.ts';
import {
  childRecipe,
  finalRecipe,
  type Recipe,
  type RecipeName,
  recipeFor,
  recipes,
  smallRecipe,
  stepsPerEpoch,
} from '../train/recipe.ts';
import { noDataset } from './external-evaluator.ts';
import { namedDecisions } from './named-decisions.ts';
import { changed, printRungs, type RungChange } from './rung-text.ts';
import type { Finalists, SearchSettings, Training } from './settings.ts';

/** The default η: the integer next to e, which is optimal in theory (Hyperband, Li et al. 2018). */
export const defaultReduction = 3;

type Asked = 'dataset' | 'seed' | 'strategy' | 'space' | 'remember' | 'known';
export type Preset = Omit<SearchSettings, Asked | 'preset' | 'strategyOptions' | 'budget'> & {
  description: string;
  /** The time of a search for which no number of trials is asked. Absent: the preset's number of trials. */
  budget?: PresetBudget;
  /** With a count of 0 there are finalists only if the user asks for them. */
  finalists: Finalists;
  /** Whether fewer images than a training's number are shown more often: as many steps. Default: true. */
  keepsSteps?: boolean;
  /** Options that differ from a strategy's defaults, by its name. */
  strategyOptions: Record<string, object>;
};

interface PresetBudget {
  seconds: number;
  /** Maximum number of finalists. */
  finalists: number;
  larger: Training[];
  /** The child of budgets that have time for it: its filters, pixels and epochs as multiples of the preset's child. */
  child: Record<'filters' | 'resolution' | 'epochs', number>;
}

/**
 * Up to this number of trials a search for a result, as the preset laptop is one, is made by the surrogate, which finds
 * better cells with a third of PPO's trials (docs/experiments/search-variants.md); beyond it is not measured. A budget
 * has time for a few dozen to some hundred trials. The other presets follow the paper.
 */
const mostSurrogateTrials = 400;

const storedSize = 32; // pixels; the image size of the presets (CIFAR-10)
const presetImages = 48_000; // all of CIFAR-10 that are not held out
const smallestSide = 4; // pixels; the minimum input of a network

/**
 * The recipe of final networks that are trained in minutes. It is better than smallRecipe in most comparisons
 * (docs/experiments/fast-recipe.md).
 */
const resultRecipe = recipes.fast;

/** Returns a final network for which a budget must have at least so many epochs. */
const finalFrom = (epochs: number, cells: number, filters: number, resolution: number): Training => ({
  ...{ cells, filters, resolution, recipe: { ...resultRecipe, epochs } },
});

/**
 * The larger final networks of a budget, from the epochs on with which they are better than the next smaller one in the
 * same time. F = 8, 16 and 32 with N = 1 follow measurements (docs/experiments/budget.md), the others are assumptions.
 */
const largerFinals: Training[] = [
  finalFrom(2.5, 1, 8, 32), // fewer filters, but whole images
  // With AVX-512 F = 12 takes almost the time of F = 16, and F = 20 that of F = 24. Without it F = 16 takes half as
  // long again as F = 12, and begins to be better later.
  finalFrom(3.5, 1, 16, 32),
  finalFrom(13, 1, 24, 32),
  // In the same time better than F = 24, which has 1.4 to 1.7 times as many epochs, and than N = 2 with F = 24.
  finalFrom(12, 1, 32, 32),
  finalFrom(18, 2, 32, 32),
  finalFrom(25, 4, 32, 32),
  finalFrom(30, 6, 32, 32),
];

export const presets = {
  smoke: {
    description: 'checks in a minute that everything works; its result has no meaning',
    keepsSteps: false,
    strategyOptions: { ppo: { batchSize: 2 }, evolution: { populationSize: 3, sampleSize: 2 } },
    inOrder: true,
    blocks: defaultBlocks,
    trials: 6,
    validationImages: 500,
    child: {
      cells: 0,
      filters: 4,
      resolution: 8,
      trainingImages: 1000,
      recipe: { ...smallRecipe, epochs: 1, batchSize: 50 },
    },
    finalists: {
      count: 2,
      training: {
        cells: 0,
        filters: 4,
        resolution: 8,
        trainingImages: 2000,
        recipe: { ...smallRecipe, epochs: 1, batchSize: 50 },
      },
      seeds: { least: 2, most: 2 },
    },
    final: {
      cells: 1,
      filters: 4,
      resolution: 16,
      trainingImages: 2000,
      recipe: { ...smallRecipe, epochs: 1, batchSize: 50 },
    },
  },
  laptop: {
    description: 'eight minutes, planned on this machine; or another budget of minutes or hours',
    strategyOptions: { ppo: laptopController, evolution: laptopEvolution },
    inOrder: true,
    blocks: defaultBlocks,
    trials: 80,
    budget: {
      seconds: 480,
      finalists: 8,
      larger: largerFinals,
      // Of 26 cells it puts Quick, the best, first, with Kendall's τ 0.72 where six epochs of the small child have 0.37
      // (docs/experiments/fidelity.md).
      child: { filters: 2, resolution: 2, epochs: 3 },
    },
    validationImages: 2000,
    // As small as its training is short, so that what a cell can learn counts as in the final network, not only how
    // fast it begins to (docs/experiments/fidelity.md).
    child: {
      cells: 1,
      filters: 4,
      resolution: 8,
      trainingImages: presetImages,
      recipe: { ...resultRecipe, epochs: 1 },
    },
    finalists: {
      count: 0, // only with --finalists; docs/paper.md has the benefit of a race
      // The images and the recipe of a budget's final network, and at least so long: what is ahead after half of it may
      // be a cell that learns fast, not a better one (docs/experiments/fidelity.md).
      training: {
        cells: 1,
        filters: 8,
        resolution: 32,
        trainingImages: presetImages,
        recipe: { ...resultRecipe, epochs: 6 },
      },
      seeds: { least: 2, most: 4 },
    },
    final: { cells: 1, filters: 16, resolution: 16, recipe: { ...resultRecipe, epochs: 5 } },
  },
  micro: {
    description: 'thousands of tiny children: compares strategies on real training (docs/experiments/)',
    strategyOptions: { ppo: microController },
    inOrder: true,
    blocks: defaultBlocks,
    trials: 1500,
    validationImages: 5000,
    child: {
      cells: 1,
      filters: 8,
      resolution: 8,
      trainingImages: 4000,
      recipe: { ...smallRecipe, epochs: 1, learningRate: 0.1 },
    },
    finalists: {
      count: 10,
      training: {
        cells: 1,
        filters: 16, // four times the products of filters, four times the pixels, five times the images
        resolution: 16,
        trainingImages: 10_000,
        recipe: { ...smallRecipe, epochs: 2 },
      },
      seeds: { least: 2, most: 2 }, // the same number for each: strategies are compared by them
    },
    final: { cells: 2, filters: 16, resolution: 16, recipe: { ...smallRecipe, epochs: 1, learningRate: 0.1 } },
  },
  paper: {
    description: "the paper's own search: 20,000 children of 20 epochs, made for hundreds of GPUs",
    strategyOptions: {},
    inOrder: false,
    blocks: defaultBlocks,
    trials: 20_000,
    child: { cells: 2, filters: 32, resolution: 32, recipe: childRecipe },
    finalists: {
      count: 250,
      // "to convergence": as the final network
      training: { cells: 6, filters: 32, resolution: 32, recipe: finalRecipe },
      seeds: { least: 2, most: 5 },
    },
    final: { cells: 6, filters: 32, resolution: 32, recipe: finalRecipe },
  },
} as const satisfies Record<string, Preset>;

/** Settings that are derived from the preset and the request. */
type Derived = 'preset' | 'strategyOptions' | 'askedEpochs' | 'budget' | 'child' | 'ladder' | 'finalists' | 'final';

/** Values of the final network's recipe that replace its own. An average of 0 epochs: the last weights. */
export type FinalChanges = Partial<
  Pick<Recipe, 'patience' | 'balance' | 'averageEpochs' | 'labelSmoothing' | 'accumulate'>
>;

/** A request: settings that replace the preset's, and values from which other settings are derived. */
export type SearchRequest = Pick<SearchSettings, 'dataset' | 'seed'> &
  Partial<Omit<SearchSettings, Derived>> & {
    /** Seconds, or 'none' for no budget. Default: the preset's, unless a number of trials is asked for. */
    budget?: number | 'none';
    /** Epochs of the child. */
    epochs?: number;
    /** Epochs of the final network. Default: the preset's. */
    finalEpochs?: number;
    finalFilters?: number;
    /** Input side of the final network in pixels. Default: `size`. */
    finalSize?: number;
    finalChanges?: FinalChanges;
    /** Number of finalists; 0: none. */
    finalists?: number;
    finalistEpochs?: number;
    /** Rungs, the lowest (the child) first; none: no ladder. */
    rungs?: RungChange[];
    /** η of the ladder. */
    reduction?: number;
    randomShare?: number;
  };

/** Runs of each finalist in a search with a budget: few long ones say more than many short ones. */
const runsWithBudget = 2;

/**
 * The confidence at which a found cell takes the place of a known one. At 95% a lead of 1.2 points after three runs
 * each is not enough (docs/experiments/fidelity.md): what is chosen wrongly at 80% is hardly worse.
 */
const confidence = 0.8;

/**
 * The law of seconds (forecast/cost-law.ts) by which new searches compare the costs of final networks, made by
 * bench/cost-laws.ts on two cores of an AMD EPYC (Zen 5, AVX-512): 56 final networks of N, F, pixels = 1, 8, 32 to
 * 2, 24, 32; 90% are within 10%.
 */
const costLaw = [3.21e-11, 4.21e-11, 8.18e-10, 3.1e-4, 0.0186];

/** @throws InputError for an unknown preset */
function presetOf(name: string): Preset {
  if (Object.hasOwn(presets, name)) return presets[name as keyof typeof presets];
  throw new InputError(`preset: expected one of ${Object.keys(presets).join(', ')}, got "${name}"`);
}

/**
 * Returns the settings of a search from a preset and a request. `size` is the input side of the final network; children
 * and finalists have the same fraction of it as in the preset of CIFAR-10's. The images of a folder are stored at the
 * largest of these sides.
 * @throws InputError for an unknown preset, and for a network whose input is larger than the stored images
 */
export function settingsOf(preset: string, request: SearchRequest): SearchSettings {
  const { description: _, keepsSteps: __, budget: presetBudget, ...settings } = presetOf(preset);
  const { size, trials = settings.trials, space = defaultSpace, remember = true, budget, ...more } = request;
  const { blocks = request.space ? spaceOf(request.space).blocks : settings.blocks } = request;
  const { epochs, finalEpochs, finalFilters, finalSize = size, finalChanges = {}, ...several } = more;
  const hasFixedLength = request.trials !== undefined || finalEpochs !== undefined;
  const seconds = budget ?? (hasFixedLength ? undefined : presetBudget?.seconds);
  const hasBudget = typeof seconds === 'number';
  const isForSurrogate = hasBudget || (presetBudget !== undefined && trials <= mostSurrogateTrials);
  const { strategy = isForSurrogate ? 'surrogate' : 'ppo' } = request;
  const mostFinalists = (hasBudget ? presetBudget?.finalists : undefined) ?? settings.finalists.count;
  // a search for a result is to be no worse than the published cell
  const isForResult = (hasBudget || presetBudget !== undefined) && request.dataset !== noDataset;
  const { known = isForResult ? namedDecisions(space, blocks) : [] } = request;
  const { finalists: count = mostFinalists, finalistEpochs, ...ladderRequest } = several;
  const { rungs, reduction = defaultReduction, randomShare = 0, ...others } = ladderRequest;
  const scaled = (training: Training): Training => {
    const resolution = Math.round((training.resolution * (size ?? storedSize)) / storedSize);
    return { ...training, resolution: Math.max(smallestSide, resolution) };
  };
  const { ppo } = settings.strategyOptions;
  const strategyChanges: Record<string, object> =
    request.limits?.beyond === 'penalise' ? { ppo: { ...ppo, failureWeight: 1 } } : {};
  const strategyOptions = completeOptions(strategy, { ...settings.strategyOptions, ...strategyChanges });
  const { recipes: named = {} } = request;
  const asFinal = (training: Training): Training => withChanges(byRecipe(training, named.final), finalChanges);
  const { filters, resolution } = settings.final;
  const final = withEpochs(
    asFinal({ ...settings.final, filters: finalFilters ?? filters, resolution: finalSize ?? resolution }),
    finalEpochs,
  );
  const [lowest, ...higher] = climb(withEpochs(within(scaled(settings.child), final), epochs), rungs);
  const child = byRecipe(lowest, named.child);
  const above = higher.map((rung) => byRecipe(rung, named.child));
  const { finalists, ...stated } = settings;
  const sizeIsRequested = finalFilters !== undefined || request.finalSize !== undefined;
  const larger = hasBudget && !sizeIsRequested ? largerThan(final, presetBudget?.larger ?? [], size).map(asFinal) : [];
  const racer = scaled(finalists.training);
  const racers = {
    ...finalists,
    count,
    training: byRecipe(
      withEpochs(hasBudget ? within(racer, larger.at(-1) ?? final) : racer, finalistEpochs),
      named.final,
    ),
    // with a budget each has the same number of runs, which can be planned
    ...(hasBudget && {
      seeds: { least: runsWithBudget, most: runsWithBudget },
      ...{ withKnown: true, prefersKnown: confidence, equalCost: true },
    }),
  };
  const trainings: [string, Training][] = [
    ['child', child],
    ...above.map((rung, index): [string, Training] => [`rung ${index + 1}`, rung]),
    ['final network', final],
    ...larger.map((training): [string, Training] => ['final network', training]),
    ...(count > 0 ? [['finalists', racers.training] as [string, Training]] : []),
  ];
  return {
    preset,
    ...stated,
    ...others,
    ...sizeOf(request.dataset, size, trainings),
    trials,
    ...(hasBudget && { budget: { seconds, larger } }),
    space,
    ...(typeof space === 'string' && { operations: operationNames.length }),
    blocks,
    remember,
    known,
    strategy,
    strategyOptions,
    ...askedEpochs(epochs, finalistEpochs),
    child,
    ...(hasBudget && { costLaw }),
    ...(rungs && { ladder: { stated: printRungs(rungs), rungs: above, reduction, randomShare } }),
    ...(count > 0 && { finalists: racers }),
    final,
  };
}

function askedEpochs(child?: number, finalists?: number): Pick<SearchSettings, 'askedEpochs'> {
  const asked = { ...(child !== undefined && { child }), ...(finalists !== undefined && { finalists }) };
  return Object.keys(asked).length === 0 ? {} : { askedEpochs: asked };
}

/** Returns the larger final networks of a budget. If an input side is asked for, it is that of all. */
function largerThan(final: Training, sizes: readonly Training[], side: number | undefined): Training[] {
  return sizes
    .map((training) => ({ ...training, resolution: side ?? training.resolution }))
    .filter(
      ({ cells, filters, resolution }) =>
        cells > final.cells || filters > final.filters || resolution > final.resolution,
    );
}

/**
 * Returns the side to which a folder's images are resized: the requested one, else the largest input of a network. The
 * images of CIFAR-10 have a fixed size.
 * @param asked the requested side in pixels
 * @param trainings all trainings by their names in messages
 * @throws InputError for a training whose input is larger than the images
 */
function sizeOf(dataset: string, asked: number | undefined, trainings: [string, Training][]): { size?: number } {
  const isFolder = dataset !== 'cifar10' && dataset !== noDataset;
  const most = asked ?? (isFolder ? Number.POSITIVE_INFINITY : storedSize);
  const beyond = trainings.find(([, { resolution }]) => resolution > most);
  if (beyond) {
    const [name, { resolution }] = beyond;
    throw new InputError(`${name}: expected at most ${most} pixels, the side of the images, got ${resolution}`, {
      code: 'image-side',
    });
  }
  return isFolder ? { size: asked ?? Math.max(...trainings.map(([, { resolution }]) => resolution)) } : {};
}

/** Returns the trainings of the rungs, each derived from the one below; without rungs only the child's. */
function climb(child: Training, rungs: readonly RungChange[] = [{}]): [Training, ...Training[]] {
  const trainings: Training[] = [];
  for (const change of rungs) trainings.push(changed(trainings.at(-1) ?? child, change));
  return trainings as [Training, ...Training[]];
}

/**
 * Returns the training by a named recipe, with its own epochs, and without an auxiliary head if the images are too
 * small for it; without a name the same training.
 */
function byRecipe(training: Training, name: RecipeName | undefined): Training {
  if (name === undefined) return training;
  const { resolution, recipe } = training;
  const { auxiliaryWeight, ...named } = recipeFor(name, resolution);
  return {
    ...training,
    recipe: { ...named, epochs: recipe.epochs, auxiliaryWeight: auxiliaryFits(resolution) ? auxiliaryWeight : 0 },
  };
}

function withChanges(training: Training, changes: FinalChanges): Training {
  const recipe: Recipe = { ...training.recipe, ...changes };
  if (recipe.averageEpochs === 0) delete recipe.averageEpochs;
  return { ...training, recipe };
}

/** Returns the training with a network that is not larger than another one in cells, filters or pixels. */
const within = (training: Training, { cells, filters, resolution }: Training): Training => ({
  ...training,
  cells: Math.min(cells, training.cells),
  filters: Math.min(filters, training.filters),
  resolution: Math.min(resolution, training.resolution),
});

/**
 * Returns the larger child of a search whose budget has time for it, no larger than the smallest final network;
 * undefined if its preset has none.
 */
export function largerChild({
  preset,
  child,
  final,
}: Pick<SearchSettings, 'preset' | 'child' | 'final'>): Training | undefined {
  const times = presetOf(preset).budget?.child;
  if (!times) return undefined;
  const { filters, resolution, recipe } = child;
  const larger = { ...child, filters: times.filters * filters, resolution: times.resolution * resolution };
  return withEpochs(within(larger, final), times.epochs * recipe.epochs);
}

/** Returns the training with another number of epochs. */
export function withEpochs(training: Training, epochs = training.recipe.epochs): Training {
  return { ...training, recipe: { ...training.recipe, epochs } };
}

/** Returns the training with so many epochs of `images` that it has the steps of its epochs of `stated` images. */
function inSteps(training: Training, stated: number, images: number): Training {
  const { epochs, batchSize } = training.recipe;
  const ratio = stepsPerEpoch(stated, batchSize) / stepsPerEpoch(images, batchSize);
  return withEpochs(training, Number((epochs * ratio).toFixed(2)));
}

const aTenth = (images: number): number => Math.round(images / 10);

/** Returns the number of validation images, which are held out of `images` training images. */
export const heldOut = ({ validationImages }: Pick<SearchSettings, 'validationImages'>, images: number): number =>
  validationImages ?? aTenth(images);

/**
 * Returns the settings for a dataset with fewer training images than the preset uses, or more classes: each class has
 * at least one training and one validation image, and the images that there are have more epochs, unless epochs are
 * asked for. After an epoch of 240 images, four steps, no cell could be told from another. The larger networks of a
 * budget need as many steps, too.
 * @throws InputError if there are too few images for that
 */
export function fitted(
  settings: SearchSettings,
  { images, classes }: { images: number; classes: number },
): SearchSettings {
  if (images < 2 * classes)
    throw new InputError(
      `images: expected at least ${2 * classes} to train on, two of each of ${classes} classes, got ${images}`,
    );
  const tenth = Math.min(settings.validationImages ?? images, aTenth(images));
  const validationImages = Math.max(tenth, classes);
  const fit = (training: Training): Training => {
    const { trainingImages: wanted } = training;
    const available = images - validationImages;
    return wanted === undefined
      ? training
      : { ...training, trainingImages: Math.min(Math.max(wanted, classes), available) };
  };
  const keepsSteps = presetOf(settings.preset).keepsSteps ?? true;
  const fitSteps = (training: Training, isAsked: boolean): Training => {
    const few = fit(training);
    if (isAsked || !keepsSteps || few.trainingImages === training.trainingImages) return few;
    return inSteps(few, training.trainingImages!, few.trainingImages!);
  };
  const fitLarger = (training: Training): Training =>
    inSteps(training, presetImages, Math.min(presetImages, images - validationImages));
  const { askedEpochs, budget, child, ladder, finalists, final } = settings;
  return {
    ...settings,
    validationImages,
    ...(budget && { budget: { ...budget, larger: budget.larger.map(fitLarger) } }),
    child: fitSteps(child, askedEpochs?.child !== undefined || ladder !== undefined),
    ...(ladder && { ladder: { ...ladder, rungs: ladder.rungs.map(fit) } }),
    ...(finalists && {
      finalists: { ...finalists, training: fitSteps(finalists.training, askedEpochs?.finalists !== undefined) },
    }),
    final: fit(final),
  };
}
