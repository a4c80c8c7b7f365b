// `nasnet tell STUDY TRIAL REWARD`: reports the outcome of a trial of `nasnet ask`.

import type { Command } from 'commander';
import { tellTrial } from '../experiment/asked-trials.ts';
import { InputError } from '../failure.ts';
import { openSearch } from '../study/parse-settings.ts';
import { countFromZero } from './flags/parsers.ts';
import { whenFree } from './flags/when-free.ts';

const failureKind = 'reported';

export function registerTell(program: Command): void {
  program
    .command('tell')
    .description('report the reward of a trial that "ask" returned, or its failure')
    .argument('<study>', 'the study file')
    .argument('<trial>', 'its number, as "ask" returned it', countFromZero('trial'))
    .argument('[reward]', 'a number from 0 to 1, higher is better')
    .option('--failed <why>', 'report a failure instead of a reward')
    .addHelpText(
      'after',
      "\nExamples:\n  nasnet tell runs/mine/study.db 0 0.83\n  nasnet tell runs/mine/study.db 1 --failed 'out of memory'",
    )
    .action(async (path: string, trial: number, reward: string | undefined, { failed }: { failed?: string }) => {
      const outcome = outcomeOf(reward, failed);
      using study = await whenFree(() => openSearch(path));
      tellTrial(study, trial, outcome);
    });
}

function outcomeOf(text: string | undefined, failed: string | undefined) {
  if ((text === undefined) === (failed === undefined))
    throw new InputError(
      `reward: expected a number from 0 to 1 or --failed, got ${text === undefined ? 'neither' : 'both'}`,
    );
  if (failed !== undefined) {
    if (failed.trim() === '') throw new InputError('--failed: expected a reason, got none');
    return { failure: { kind: failureKind, message: failed } };
  }
  const reward = Number(text);
  if (text?.trim() !== '' && reward >= 0 && reward <= 1) return { reward };
  throw new InputError(`reward: expected a number from 0 to 1, got ${JSON.stringify(text)}`);
}
