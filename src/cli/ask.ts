// `nasnet ask STUDY`: returns the next trial of a study for a script that evaluates it, as one document.

import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { allowAtOnce, askTrial } from '../experiment/asked-trials.ts';
import type { TrialRequest } from '../experiment/evaluated-search.ts';
import { InputError } from '../failure.ts';
import { shellPath } from '../shell-path.ts';
import { describeCell } from '../space/print.ts';
import type { SearchSettings } from '../study/settings.ts';
import { Study } from '../study/study.ts';
import { aimAt } from '../study/target.ts';
import { wholeNumber } from './flags/parsers.ts';
import { type UserFlags, userFlagsOf } from './flags/user-flags.ts';
import { whenFree } from './flags/when-free.ts';
import { type EvaluatedFlags, evaluatedSettings, reopen } from './search/open-study.ts';
import { addSettingFlags, evaluatedNames } from './search/setting-flags.ts';
import { programName } from './terminal/program-name.ts';

interface AskFlags extends EvaluatedFlags {
  create?: boolean;
  again?: boolean;
  atOnce: number;
  json?: boolean;
}

export function registerAsk(program: Command): void {
  const command = program
    .command('ask')
    .description('the next trial of a study, for scripts that evaluate it themselves and report its reward')
    .argument('<study>', 'the study file')
    .option('--json', 'one JSON document')
    .option('--again', 'the oldest trial without an outcome again; a new one if there is none')
    .option('--create', 'create the study if it does not exist, from the flags below')
    .option(
      '--at-once <n>',
      'with --create: number of trials that may be open at once',
      wholeNumber('--at-once', 'workers'),
      1,
    );
  addSettingFlags(command.optionsGroup('With --create, what is searched:'), evaluatedNames)
    .addHelpText(
      'after',
      '\nExamples:\n  nasnet ask runs/mine/study.db --create --strategy ppo --trials 200 --json\n  nasnet tell runs/mine/study.db 0 0.83\n  nasnet ask runs/mine/study.db --again --json',
    )
    .action((path: string, flags: AskFlags, command: Command) => ask(path, flags, userFlagsOf(command)));
}

async function ask(path: string, flags: AskFlags, userFlags: UserFlags): Promise<void> {
  using study = await whenFree(() => studyFor(path, flags, userFlags));
  const trials = aimAt(study, flags.trials);
  const request = askTrial(study, { trials, again: flags.again });
  const { done, failed } = study.summary().trials;
  const [best] = study.best(1);
  if (request) {
    process.stdout.write(flags.json ? `${JSON.stringify(request)}\n` : describe(request, path));
  } else if (flags.json) {
    const bestTrial = best ? { trial: best.number, reward: best.reward } : null;
    process.stdout.write(`${JSON.stringify({ finished: true, trials: done + failed, best: bestTrial })}\n`);
  } else {
    const words = best ? `the best is trial ${best.number} with the reward ${best.reward}` : 'none has a reward';
    process.stdout.write(`All ${trials} trials have outcomes; ${words}.\n`);
  }
}

async function studyFor(path: string, flags: AskFlags, userFlags: UserFlags): Promise<Study<SearchSettings>> {
  const study = await openOrCreate(path, flags, userFlags);
  try {
    const atOnce = allowAtOnce(study, flags.atOnce);
    if (!userFlags.has('atOnce') || atOnce === flags.atOnce) return study;
    throw new InputError(`--at-once: expected ${atOnce}, with which ${path} was started, got ${flags.atOnce}`);
  } catch (error) {
    study.close();
    throw error;
  }
}

async function openOrCreate(path: string, flags: AskFlags, userFlags: UserFlags): Promise<Study<SearchSettings>> {
  if (existsSync(path)) return reopen(path, flags, userFlags);
  if (!flags.create) throw new InputError(`${path}: expected a study, or --create to create one, got no such file`);
  const note = (line: string) => process.stderr.write(`${line}\n`);
  const settings = await evaluatedSettings(flags, {}, note);
  try {
    return Study.create(path, settings);
  } catch (error) {
    if (existsSync(path)) return reopen(path, flags, userFlags); // another script has created it
    throw error;
  }
}

function describe({ trial, decisions, architecture, seed }: TrialRequest, path: string): string {
  return [
    `trial ${trial}, seed ${seed}`,
    `decisions ${decisions.join(' ')}`,
    ...(['normal', 'reduction'] as const).flatMap((kind) => [
      kind,
      ...describeCell(architecture[kind]).map((line) => `  ${line}`),
    ]),
    '',
    `Report its outcome: ${programName} tell ${shellPath(path)} ${trial} REWARD`,
    '',
  ].join('\n');
}
