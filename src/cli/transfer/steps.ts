// The trainings of a transfer as commands of `nasnet train`, which anybody can also run by hand.

import { join } from 'node:path';
import { namedModels } from '../../plan/named-models.ts';
import type { RecipeName } from '../../train/recipe.ts';
import { recipes } from '../../train/recipe.ts';
import type { DeviceFlags } from '../flags/device-flags.ts';
import { programName } from '../terminal/program-name.ts';
import { shellPath } from '../terminal/shell-path.ts';
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

/** Returns the epochs of the best cell, and those that each has before. */
function epochsOf({ recipe, epochs = recipes[recipe].epochs, shortEpochs }: Schedule) {
  return { short: shortEpochs ?? Math.max(1, Math.round(shortShare * epochs)), final: epochs };
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
