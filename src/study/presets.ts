// Presets: the settings of searches by name, and what the user states in place of theirs.

import { InputError } from '../failure.ts';
import { laptopController, laptopEvolution, microController } from '../search/options.ts';
import { completeOptions } from '../search/strategy.ts';
import { defaultBlocks } from '../space/decisions.ts';
import { defaultSpace, spaceOf } from '../space/search-space.ts';
import { childRecipe, finalRecipe, smallRecipe } from '../train/recipe.ts';
import { publishedDecisions } from './published-cells.ts';
import { changed, printRungs, type RungChange } from './rung-text.ts';
import type { Finalists, SearchSettings, Training } from './settings.ts';

/** η where none is asked for: the usual one, the whole number next to e, which theory prefers (Hyperband, Li et al. 2018). */
export const defaultReduction = 3;

type Asked = 'dataset' | 'seed' | 'strategy' | 'space' | 'remember' | 'known';
export type Preset = Omit<SearchSettings, Asked | 'preset' | 'strategyOptions' | 'budget'> & {
  description: string;
  /** What is searched where no number of trials is asked for. Absent: so many trials as stated. */
  budget?: PresetBudget;
  /** A count of 0: only where some are asked for. */
  finalists: Finalists;
  /** Options that are not a strategy's defaults, by its name. */
  strategyOptions: Record<string, object>;
};

interface PresetBudget {
  seconds: number;
  /** Finalists at most. */
  finalists: number;
  larger: Training[];
}

const storedSize = 32; // pixels of the images that the presets are made for: CIFAR-10's

/** Of networks that are the result of minutes: NASNet-A reaches 71.2% of the test images in 4 epochs (docs/experiments/test-view.md). */
const resultRecipe = { ...smallRecipe, batchSize: 128, learningRate: 0.2 };

export const presets = {
  smoke: {
    description: 'proves in a minute that everything works; its result means nothing',
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
    description: 'eight minutes, planned on this machine; --minutes or --hours for another budget',
    strategyOptions: { ppo: laptopController, evolution: laptopEvolution },
    inOrder: true,
    blocks: defaultBlocks,
    trials: 80,
    budget: {
      seconds: 480,
      finalists: 8,
      // assumed: where a larger network is the better use of the time is not measured yet (bench/budget.ts)
      larger: [
        { cells: 1, filters: 16, resolution: 32, recipe: { ...resultRecipe, epochs: 10 } },
        { cells: 2, filters: 32, resolution: 32, recipe: { ...resultRecipe, epochs: 20 } },
      ],
    },
    validationImages: 2000,
    child: {
      cells: 1,
      filters: 8,
      resolution: 16, // a quarter of the work of 32 × 32
      trainingImages: 4000,
      recipe: { ...smallRecipe, epochs: 1, learningRate: 0.1 },
    },
    finalists: {
      count: 0, // of so many trials only with --finalists: what a race brings there is in docs/paper.md
      training: {
        cells: 1, // as the final network, on a quarter of the images
        filters: 16,
        resolution: 16,
        trainingImages: 12_000,
        recipe: { ...smallRecipe, epochs: 1, learningRate: 0.1 },
      },
      seeds: { least: 2, most: 4 },
    },
    final: { cells: 1, filters: 16, resolution: 16, recipe: { ...resultRecipe, epochs: 4 } },
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
        filters: 16, // four times the products of filters, four times the pixels, five times the images seen
        resolution: 16,
        trainingImages: 10_000,
        recipe: { ...smallRecipe, epochs: 2 },
      },
      seeds: { least: 2, most: 2 }, // as many of each: strategies are compared by them
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
      training: { cells: 6, filters: 32, resolution: 32, recipe: finalRecipe }, // "to convergence": as the final network
      seeds: { least: 2, most: 5 },
    },
    final: { cells: 6, filters: 32, resolution: 32, recipe: finalRecipe },
  },
} as const satisfies Record<string, Preset>;

/** What is made for a search of its preset and of what is asked for. */
type Made = 'preset' | 'strategyOptions' | 'budget' | 'child' | 'ladder' | 'finalists' | 'final';

/** What a search asks for in place of its preset's: settings as they are stored, and what others are made of. */
export type Wanted = Pick<SearchSettings, 'dataset' | 'seed' | 'strategy'> &
  Partial<Omit<SearchSettings, Made>> & {
    /** Seconds, or none whatever the preset has. Default: the preset's, unless trials are asked for. */
    budget?: number | 'none';
    /** Of the child. */
    epochs?: number;
    /** How many finalists; 0: none. */
    finalists?: number;
    finalistEpochs?: number;
    /** From the lowest, which is the child, up; none: no ladder. */
    rungs?: RungChange[];
    /** Of the ladder. */
    reduction?: number;
    randomShare?: number;
  };

/**
 * The settings of a search that follows a preset. With a `size` of its images other than the preset's, all resolutions change in
 * proportion. @throws InputError for an unknown preset
 */
export function settingsOf(preset: string, given: Wanted): SearchSettings {
  if (!Object.hasOwn(presets, preset)) {
    throw new InputError(`preset: expected one of ${Object.keys(presets).join(', ')}, got "${preset}"`);
  }
  const { description: _, budget: usual, ...settings } = presets[preset as keyof typeof presets] as Preset;
  const { size, trials = settings.trials, space = defaultSpace, remember = true, budget: asked, ...more } = given;
  const { blocks = given.space ? spaceOf(given.space).blocks : settings.blocks } = given;
  const seconds = asked ?? (given.trials === undefined ? usual?.seconds : undefined);
  const budgeted = typeof seconds === 'number';
  const usually = budgeted
    ? { count: usual?.finalists ?? settings.finalists.count, known: publishedDecisions(space, blocks) }
    : { count: settings.finalists.count, known: [] };
  const { finalists: count = usually.count, known = usually.known, finalistEpochs, ...several } = more;
  const { epochs, rungs, reduction = defaultReduction, randomShare = 0, ...others } = several;
  const scaled = (training: Training): Training => {
    return { ...training, resolution: Math.round((training.resolution * (size ?? storedSize)) / storedSize) };
  };
  const { ppo } = settings.strategyOptions;
  const taught: Record<string, object> =
    given.limits?.beyond === 'penalise' ? { ppo: { ...ppo, failureWeight: 1 } } : {};
  const strategyOptions = completeOptions(given.strategy, { ...settings.strategyOptions, ...taught });
  const [child, ...above] = climb(lasting(scaled(settings.child), epochs), rungs);
  const final = scaled(settings.final);
  const { finalists, ...stated } = settings;
  const seeds = budgeted ? { ...finalists.seeds, most: finalists.seeds.least } : finalists.seeds; // so many can be planned
  return {
    preset,
    ...stated,
    ...others,
    ...(size && { size }),
    trials,
    ...(budgeted && { budget: { seconds, larger: (usual?.larger ?? []).map(scaled) } }),
    space,
    blocks,
    remember,
    known,
    strategyOptions,
    child,
    ...(rungs && { ladder: { stated: printRungs(rungs), rungs: above, reduction, randomShare } }),
    ...(count > 0 && {
      finalists: {
        count,
        training: lasting(scaled(finalists.training), finalistEpochs),
        seeds,
        ...(budgeted && { withKnown: true }),
      },
    }),
    final,
  };
}

/** The trainings of the rungs, each changed from the one below; without rungs the child's. */
function climb(child: Training, rungs: readonly RungChange[] = [{}]): [Training, ...Training[]] {
  const trainings: Training[] = [];
  for (const change of rungs) trainings.push(changed(trainings.at(-1) ?? child, change));
  return trainings as [Training, ...Training[]];
}

function lasting(training: Training, epochs = training.recipe.epochs): Training {
  return { ...training, recipe: { ...training.recipe, epochs } };
}

const aTenth = (images: number): number => Math.round(images / 10);

/** How many of so many images are held out of the training part. */
export const heldOut = ({ validationImages }: Pick<SearchSettings, 'validationImages'>, images: number): number =>
  validationImages ?? aTenth(images);

/** The same settings for a dataset with fewer training images than the preset counts on. */
export function fitted(settings: SearchSettings, images: number): SearchSettings {
  const validationImages = Math.min(settings.validationImages ?? images, Math.max(1, aTenth(images)));
  const fit = (training: Training): Training =>
    training.trainingImages === undefined
      ? training
      : { ...training, trainingImages: Math.min(training.trainingImages, images - validationImages) };
  const { budget, child, ladder, finalists, final } = settings;
  return {
    ...settings,
    validationImages,
    ...(budget && { budget: { ...budget, larger: budget.larger.map(fit) } }),
    child: fit(child),
    ...(ladder && { ladder: { ...ladder, rungs: ladder.rungs.map(fit) } }),
    ...(finalists && { finalists: { ...finalists, training: fit(finalists.training) } }),
    final: fit(final),
  };
}
