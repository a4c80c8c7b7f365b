// What `nasnet train` trains: the network, its images and its recipe, from MODEL or weights and the flags.

import { requireSplit } from '../../data/split.ts';
import { InputError } from '../../failure.ts';
import { budgetRule } from '../../forecast/budget.ts';
import { layouts } from '../../plan/layouts.ts';
import type { ModelFlags } from '../../plan/model-name.ts';
import { namedModels } from '../../plan/named-models.ts';
import type { Architecture } from '../../space/architecture.ts';
import type { Training } from '../../study/settings.ts';
import { type TrainedNetwork, usedPlan } from '../../study/training-plan.ts';
import { fittingBatch } from '../../train/fitting-batch.ts';
import { shortNormDecay } from '../../train/norm-decay.ts';
import { fittingBatches, type Recipe, recipes, stepsOf, stepsPerEpoch } from '../../train/recipe.ts';
import { whole } from '../../words.ts';
import { requireCifar10Data } from '../flags/dataset-flags.ts';
import type { DeviceFlags } from '../flags/device-flags.ts';
import { type RecipeFlags, recipeOf } from '../flags/recipe-flags.ts';
import { type LiveBlock, SilentBlock } from '../terminal/live-block.ts';
import type { ReplicaFlags } from './replica-flags.ts';
import { skewSentence } from './skew-words.ts';
import { asSourceShows, initialWeights, type SourceWeights, sourceSentences } from './source-weights.ts';
import { sizesWithin, type TimedOptions, TimedTraining, timedWords, timeUnits } from './timed-training.ts';
import type { TrainingPlace } from './train-together.ts';
import { preparedImages, streamedImages, streamReason, type TrainedImages } from './trained-images.ts';
import { type Trainee, traineeOf } from './trainee.ts';
import { trainingFiles } from './training-files.ts';

export interface TrainFlags extends RecipeFlags, DeviceFlags, ReplicaFlags, Pick<ModelFlags, 'filters' | 'layout'> {
  dataset?: string;
  data?: string;
  size?: number;
  stream?: boolean;
  test?: string;
  devkit?: string;
  checkpointEvery?: number;
  keepCheckpoints: number;
  trainingImages?: number;
  validationImages?: number;
  /** Time of the whole training, from which its length and maybe its size follow. */
  minutes?: number;
  hours?: number;
  seed: number;
  seeds: number;
  from?: string;
  threads: number;
  output: string;
  ignoreMemory?: boolean;
  overwrite?: boolean;
  /** A number of images: as if there were so many to train on and to hold out. */
  dryRun?: true | number;
  json?: boolean;
}

/** A training before it starts. */
export interface PlannedTraining {
  /** The network as the user named it. */
  name: string;
  dataset: string;
  /** Files that the network is read from. */
  inputs: string[];
  images: TrainedImages;
  architecture: Architecture;
  training: Training;
  counts: ReturnType<typeof imageCounts>;
  /** Weights to begin with. */
  initial: ReturnType<typeof initialWeights> | undefined;
  /** The training's time, if it has one. */
  timed: TimedTraining | undefined;
}

/**
 * Returns the training of the flags, and says what the user should know of its images, weights and recipe.
 * @throws InputError if the flags do not fit together, or the images or the network are missing
 */
export async function plannedTraining(
  text: string | undefined,
  source: SourceWeights | undefined,
  flags: TrainFlags,
  { block, computing, threads }: Pick<TrainingPlace, 'block' | 'computing' | 'threads'>,
): Promise<PlannedTraining> {
  const time = timeOf(flags);
  const trainee = await traineeOf(text, source, { ...flags, anySize: time !== undefined }, block);
  const { name, architecture, options, resolution, inputs } = trainee;
  const { dataset } = trainee.images;
  const images = await imagesOf(trainee, flags, block);
  const { classes } = images;
  const counts = imageCounts(images, flags);
  const trainingOf = (network: TrainedNetwork, asked: TrainFlags, said: LiveBlock): Training => {
    const fitted = withFittingBatch(asked, counts.train, said);
    const stated = recipeOf(fitted, usedPlan(architecture, network, classes.length));
    const isUsual = source === undefined || flags.augment !== undefined;
    const shown = isUsual ? stated : asSourceShows({ recipe: stated, isStreamed: images.isStreamed }, source);
    const recipe = flags.normDecay === undefined ? withFittingNorms(shown, network, counts.train, said) : shown;
    return { ...network, ...(flags.trainingImages && { trainingImages: flags.trainingImages }), recipe };
  };
  const own: TrainedNetwork | undefined = options && {
    ...options,
    resolution:
      flags.size ??
      (images.isStreamed ? (resolution ?? sideOf(options)) : Math.min(resolution ?? images.most, images.most)),
  };
  const initial = source && initialWeights(source, classes);
  const chooseWithin = (time: Time): Promise<TimedTraining> => {
    if (images.isStreamed)
      throw new InputError(
        `${time.flag}: expected images that are prepared in the cache, as with --no-stream, got streamed pictures`,
      );
    requireSplit(images.labels.length, { validation: counts.validation, training: flags.trainingImages });
    const allCounts = { ...counts, images: counts.train + counts.validation, classes: classes.length };
    const sizes = own
      ? [{ ...own, epochs: budgetRule.epochs.fewest }]
      : sizesWithin(time.seconds, { dataset, counts: allCounts, side: flags.size ?? trainee.images.size });
    return TimedTraining.choose({
      ...{ ...time, architecture, threads, block, computing, seed: flags.seed, counts: allCounts },
      ignoreMemory: flags.ignoreMemory,
      sizes: sizes.map(({ epochs, ...network }) => trainingOf(network, { ...flags, epochs }, silent)),
      content: images.reference.content,
      from: source?.content,
      file: trainingFiles(flags.output).plan,
    });
  };
  const timed = time && (await chooseWithin(time));
  const training = timed
    ? trainingOf(timed.network, { ...flags, epochs: timed.chosen.epochs }, block)
    : trainingOf(own!, flags, block);
  if (timed) block.log(timedWords(training, time!.seconds));
  const { recipe } = training;
  const about = { recipe, isStreamed: images.isStreamed, classes: classes.length, side: training.resolution };
  for (const sentence of source && initial ? sourceSentences(source, initial, about) : []) block.log(sentence);
  const skew = skewSentence({ ...images, name: images.reference.name }, recipe.balance);
  if (skew) block.log(skew);
  return { name, dataset, inputs, images, architecture, training, counts, initial, timed };
}

const silent = new SilentBlock(process.stderr);

type Time = Pick<TimedOptions, 'seconds' | 'flag'>;

/** Returns the time of --minutes or --hours. @throws InputError beside flags that they do not go with */
function timeOf({ minutes, hours, epochs, seeds, replicas }: TrainFlags): Time | undefined {
  if (minutes === undefined && hours === undefined) return undefined;
  const flag = minutes === undefined ? '--hours' : '--minutes';
  if (minutes !== undefined && hours !== undefined)
    throw new InputError(`--hours: expected none with --minutes, got ${hours}`);
  if (epochs !== undefined)
    throw new InputError(`--epochs: expected none with ${flag}, from which they follow, got ${epochs}`);
  if (seeds > 1) throw new InputError(`--seeds: expected one with ${flag}, got ${seeds}`);
  if (replicas !== undefined) throw new InputError(`--replicas: expected none with ${flag}, got ${replicas}`);
  return { flag, seconds: timeUnits[flag] * (minutes ?? hours!) };
}

/** Prepares the images in the cache, or lists those that are streamed. */
async function imagesOf(
  { images: { dataset, size, requireSame }, resolution }: Trainee,
  { stream, recipe, test, devkit, data, size: stated, ...changes }: TrainFlags,
  block: LiveBlock,
): Promise<TrainedImages> {
  const showsParts = (recipes[recipe] as Recipe).randomParts !== undefined;
  const isStudys = requireSame !== undefined; // images of a study are shown as there
  const reason = streamReason({ dataset, side: resolution, stream: isStudys ? (stream ?? false) : stream, showsParts });
  if (reason !== undefined) {
    requireCifar10Data({ dataset, data });
    if (showsParts) requireNoAugment(changes, recipe);
    else requireParts(changes, recipe);
    return streamedImages({ dataset, test, devkit, reason }, block);
  }
  for (const [name, value] of Object.entries({ test, devkit }))
    if (value !== undefined)
      throw new InputError(`--${name}: expected streamed pictures with it, such as with --stream`);
  const flags = { dataset, data, size: dataset === 'cifar10' ? undefined : (size ?? resolution) };
  requireNoStream(changes);
  const { files, images } = await preparedImages(flags, block);
  requireSame?.(files);
  if (stated !== undefined && stated > images.most)
    throw new InputError(`--size: expected at most ${images.most} pixels with ${dataset}, got ${stated}`);
  return images;
}

/** @throws InputError for augmentations of random parts of pictures */
function requireParts({ randAugment, erasing }: Partial<TrainFlags>, recipe: string): void {
  const flag = randAugment ? '--rand-augment' : erasing ? '--erasing' : undefined;
  if (flag) throw new InputError(`${flag}: expected a recipe that shows random parts of pictures, got ${recipe}`);
}

/** @throws InputError for an augmentation of whole pictures */
function requireNoAugment({ augment }: Partial<TrainFlags>, recipe: string): void {
  if (augment !== undefined)
    throw new InputError(
      `--augment: expected none with ${recipe}, which shows random parts of streamed pictures, got ${augment}`,
    );
}

/** @throws InputError for augmentations that only streamed pictures have */
function requireNoStream({ mixup, cutmix, randAugment, erasing }: Partial<TrainFlags>): void {
  const asked = Object.entries({
    '--mixup': mixup,
    '--cutmix': cutmix,
    '--rand-augment': randAugment,
    '--erasing': erasing,
  });
  const [flag] = asked.find(([, value]) => value) ?? [];
  if (flag) throw new InputError(`${flag}: expected streamed pictures with it, such as with --stream`);
}

/** Returns the side of streamed pictures for a network that states none. */
function sideOf({ layout = 'cifar', stemChannels }: Omit<TrainedNetwork, 'resolution'>): number {
  const { large } = namedModels;
  return layout === large.layout && stemChannels === large.stemChannels ? large.input : layouts[layout].input;
}

/** Returns the numbers of images; with --dry-run IMAGES as if there were so many to train on and to hold out. */
function imageCounts({ labels, heldOutOf, tested }: TrainedImages, flags: TrainFlags) {
  const count = typeof flags.dryRun === 'number' ? flags.dryRun : labels.length;
  const { validationImages: validation = heldOutOf(count), trainingImages: train = count - validation } = flags;
  return { train, validation, test: tested };
}

/** Returns the flags with a batch that suits so many images, and says so; unless one is stated. */
function withFittingBatch<Flags extends RecipeFlags>(flags: Flags, images: number, block: LiveBlock): Flags {
  if (flags.batchSize !== undefined || !fittingBatches.includes(flags.recipe)) return flags;
  const { batchSize, epochs } = { ...recipes[flags.recipe], ...(flags.epochs && { epochs: flags.epochs }) };
  const fitting = fittingBatch({ batchSize, epochs }, images);
  if (fitting === batchSize) return flags;
  block.log(
    `Batches of ${fitting} images instead of ${whole(batchSize)}, with which ${whole(images)} images would be too few steps`,
  );
  return { ...flags, batchSize: fitting };
}

/** Returns a recipe whose norms forget their initial statistics in time, and says so. */
function withFittingNorms(
  recipe: Recipe,
  { layout = 'cifar' }: TrainedNetwork,
  images: number,
  block: LiveBlock,
): Recipe {
  const { normDecay: decay = layouts[layout].norm.decay } = recipe;
  const steps = stepsOf(recipe, stepsPerEpoch(images, recipe.batchSize));
  const fitting = shortNormDecay(decay, steps);
  if (fitting === undefined) return recipe;
  block.log(
    `The norms' statistics have a decay of ${fitting} instead of ${decay}, which takes more than these ${whole(steps)} steps`,
  );
  return { ...recipe, normDecay: fitting };
}
