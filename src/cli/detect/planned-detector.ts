// What `nasnet detect train` trains: the network, the detector around it, its recipe and its pictures, from MODEL and
// the flags.

import { contentIdentity } from '../../content-identity.ts';
import { type DetectionRecipe, type DetectionRecipeName, detectionRecipes } from '../../detect/detection-recipe.ts';
import { type DetectorPlan, planDetector } from '../../detect/detector-plan.ts';
import { type DetectorSettings, detectorSettings } from '../../detect/detector-settings.ts';
import type { DetectionDataset } from '../../detection-data/detection-dataset.ts';
import { InputError } from '../../failure.ts';
import { readModelDescription } from '../../model/model-file.ts';
import { defaultOptimizer, type OptimizerName } from '../../train/recipe-choices.ts';
import type { LiveBlock } from '../terminal/live-block.ts';
import { type DetectionDataFlags, readDataset, splitParts } from './detection-flags.ts';
import {
  type DetectorSizeFlags,
  type NamedNetwork,
  namedNetwork,
  networkSizes,
  sizeSettings,
} from './detector-size.ts';

/** The flags that decide what is trained. */
export interface PlannedFlags extends DetectionDataFlags, DetectorSizeFlags {
  dataset: string;
  test?: string;
  anchor?: number;
  frozenNorms?: boolean;
  recipe: DetectionRecipeName;
  epochs?: number;
  batchSize?: number;
  accumulate?: number;
  learningRate?: number;
  warmup?: number;
  weightDecay?: number;
  optimizer?: OptimizerName;
  jitter?: readonly [number, number];
  flip: boolean;
}

export interface PlannedDetector extends TrainedNetwork {
  settings: DetectorSettings;
  plan: DetectorPlan;
  recipe: DetectionRecipe;
  training: DetectionDataset;
  /** Absent: the training pictures are evaluated. */
  test?: DetectionDataset | undefined;
}

/** @throws InputError if the flags do not fit together, or the pictures or the network are missing */
export async function plannedDetector(model: string, flags: PlannedFlags, block: LiveBlock): Promise<PlannedDetector> {
  const named = await networkOf(model, flags);
  const settings = settingsOf(flags, named.network, named.weights !== undefined);
  const recipe = recipeOf(flags);
  const { training, test } = await datasetsOf(flags, block);
  const plan = planDetector(named.architecture, settings, training.categories.length);
  return { ...named, settings, plan, recipe, training, test };
}

/** Returns what tells the pictures of a training from others: their number, and a hash of names and boxes. */
export const picturesIdentity = ({ categories, pictures }: DetectionDataset) => ({
  count: pictures.length,
  content: contentIdentity({
    categories: categories.map(({ name }) => name),
    pictures: pictures.map(({ name, boxes }) => [
      name,
      ...boxes.map(({ x, y, width, height, category }) => [x, y, width, height, category]),
    ]),
  }),
});

interface TrainedNetwork extends NamedNetwork {
  /** The classifier's file. */
  weights?: string;
}

/** Returns the network that MODEL names. @throws InputError for CIFAR's layout, whose strides are too small */
async function networkOf(model: string, flags: PlannedFlags): Promise<TrainedNetwork> {
  if (/\.safetensors$/i.test(model)) {
    if (flags.filters !== undefined) throw new InputError(`--filters: expected none with ${model}, which has its own`);
    const { architecture, network } = readModelDescription(model);
    if (network.layout !== 'imagenet')
      throw new InputError(
        `${model}: expected a network in the ImageNet layout, got CIFAR's, which shrinks a picture only by 4`,
      );
    return { architecture, network: networkSizes(network), weights: model };
  }
  const { architecture, network } = await namedNetwork(model, flags);
  return { architecture, network };
}

function settingsOf(flags: PlannedFlags, network: DetectorSettings['network'], hasWeights: boolean): DetectorSettings {
  const { head, hidden, anchor } = flags;
  if (hidden !== undefined && head === 'paper')
    throw new InputError('--hidden: expected the head fpn with it, got paper');
  return detectorSettings({
    head,
    network,
    ...sizeSettings(flags),
    ...(anchor !== undefined && { anchor }),
    frozenNorms: flags.frozenNorms ?? hasWeights,
  });
}

function recipeOf(flags: PlannedFlags): DetectionRecipe {
  const { epochs, batchSize, accumulate, learningRate, warmup, weightDecay, optimizer, jitter, flip } = flags;
  const named: DetectionRecipe = detectionRecipes[flags.recipe];
  return {
    ...named,
    ...(epochs !== undefined && { epochs }),
    ...(batchSize !== undefined && { batchSize }),
    ...(accumulate !== undefined && { accumulate }),
    ...(learningRate !== undefined && { learningRate }),
    ...(warmup !== undefined && { warmup }),
    ...(weightDecay !== undefined && { weightDecay }),
    ...(optimizer && { optimizer: defaultOptimizer(optimizer) }),
    ...(jitter && { jitter }),
    flip: named.flip && flip,
  };
}

async function datasetsOf(flags: PlannedFlags, block: LiveBlock) {
  const parts = splitParts(flags.dataset, (await readDataset(flags.dataset, flags, block)).parts);
  if (flags.test === undefined) return parts;
  const { format: _, ...others } = flags;
  const named = splitParts(flags.test, (await readDataset(flags.test, others, block)).parts);
  return { training: parts.training, test: named.test ?? named.training };
}
