// The trainings of a transfer as commands of `nasnet train`, which anybody can also run by hand.

import { join } from 'node:path';
import { namedModels } from '../../plan/named-models.ts';
import { shellPath } from '../../shell-path.ts';
import { fittingBatch } from '../../train/fitting-batch.ts';
import { fittingBatches, type RecipeName, recipes } from '../../train/recipe.ts';
import type { DeviceFlags } from '../flags/device-flags.ts';
import { programName } from '../terminal/program-name.ts';
import type { SizedCells } from './sized-cells.ts';
import type { Target } from './targets.ts';

/** A training: the words of its command line, without the program. */
export interface Step {
  name: string;
  words: string[];
  /** The file of weights that it writes. */
  weights: string;
}

/** The common settings of a transfer's trainings. */
export interface Schedule extends DeviceFlags {
  folder: string;
  dataset: string;
  /** Number of images to train on. */
  images: number;
  target: Target;
  size?: number;
  recipe: RecipeName;
  shortEpochs?: number;
  epochs?: number;
  batchSize?: number;
  seed: number;
  threads: number;
}

const shortShare = 0.1; // of the epochs of the best one
/** After fewer steps a network from scratch has learned too little to be compared (docs/transfer.md). */
const leastSteps = 500;

/** Returns the epochs of the best cell, and those that each has before. */
function epochsOf({ recipe, images, epochs = recipes[recipe].epochs, batchSize, shortEpochs }: Schedule) {
  const tenth = Math.max(1, Math.round(shortShare * epochs));
  const named = { ...recipes[recipe], epochs: tenth };
  const batch = batchSize ?? (fittingBatches.includes(recipe) ? fittingBatch(named, images) : named.batchSize);
  const needed = Math.ceil(leastSteps / Math.max(1, Math.floor(images / batch)));
  return { short: shortEpochs ?? Math.min(epochs, Math.max(tenth, needed)), final: epochs };
}

/** Returns the file of an architecture, which the first training reads. */
export const architectureFile = (folder: string, { name }: Pick<SizedCells, 'name'>): string =>
  join(folder, `${name}.json`);

/** Returns the first, short training of cells. */
export function shortStep(cells: SizedCells, schedule: Schedule): Step {
  const { folder, target } = schedule;
  const { layout } = namedModels[target.network];
  const model = `${architectureFile(folder, cells)}:${cells.cells}`;
  const network = [model, '--filters', String(cells.filters), '--layout', layout];
  return step(`${cells.name}.short`, network, epochsOf(schedule).short, schedule);
}

/** Returns the training that goes on with the weights of the short one. */
export function finalStep(cells: SizedCells, schedule: Schedule): Step {
  const { weights } = shortStep(cells, schedule);
  return step('network', ['--from', weights], epochsOf(schedule).final, schedule);
}

function step(name: string, network: string[], epochs: number, schedule: Schedule): Step {
  const { folder, dataset, target, recipe, batchSize, seed, threads, device, precision } = schedule;
  const weights = join(folder, `${name}.safetensors`);
  const size = schedule.size ?? namedModels[target.network].input;
  const words = [
    'train',
    ...network,
    ...['--dataset', dataset, '--size', String(size), '--recipe', recipe, '--epochs', String(epochs)],
    ...(batchSize === undefined ? [] : ['--batch-size', String(batchSize)]),
    ...['--seed', String(seed), '--threads', String(threads), '--device', device],
    ...(precision === undefined ? [] : ['--precision', precision]),
    ...['--output', weights],
  ];
  return { name, words, weights };
}

/** Returns the command line of a training for a shell. */
export const commandLine = ({ words }: Step): string =>
  [programName, ...words.map((word) => (/^--[a-z-]+$/.test(word) ? word : shellPath(word)))].join(' ');
