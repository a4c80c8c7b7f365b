// `nasnet search --evaluator COMMAND`: a search whose trials a program of the user evaluates. It ends with the best
// cell.

import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ElapsedOutlook } from '../../experiment/elapsed-outlook.ts';
import { aboutSearch, runEvaluatedSearch } from '../../experiment/evaluated-search.ts';
import { SearchControl } from '../../experiment/search-control.ts';
import type { SearchEvent } from '../../experiment/search-loop.ts';
import { Failure, InputError, Interruption } from '../../failure.ts';
import { findingsOf, lackWords, sentences } from '../../report/findings.ts';
import { reportNames } from '../../report/report-names.ts';
import type { ResultFiles } from '../../result-files.ts';
import { evaluatorOf, useEvaluator } from '../../study/external-evaluator.ts';
import type { SearchSettings } from '../../study/settings.ts';
import { Study } from '../../study/study.ts';
import { aimAt, targetOf } from '../../study/target.ts';
import { CommandPool } from '../../workers/command-pool.ts';
import type { UserFlags } from '../flags/user-flags.ts';
import { resultFilesOf } from '../study-results.ts';
import { printDocument, printWords } from '../terminal/answer.ts';
import { onInterrupt } from '../terminal/interrupt.ts';
import { dashboardBeside } from './dashboard-beside.ts';
import { SearchDisplay } from './display.ts';
import type { SearchFlags } from './flags.ts';
import { evaluatedSettings, refuseOwnTraining, reopen } from './open-study.ts';
import { closingWords, resumeCommand, type SearchPlace, whatNextEvaluated } from './what-next.ts';

const pathOf = ({ study }: SearchFlags) => study ?? join('runs', 'evaluator', 'study.db');

export const asksForEvaluator = ({ evaluator, timeLimit, changeEvaluator }: SearchFlags): boolean =>
  evaluator !== undefined || timeLimit !== undefined || changeEvaluator === true;

/** @param opened the study of the flags, if it is open already and has an evaluator */
export async function searchWithEvaluator(
  flags: SearchFlags,
  userFlags: UserFlags,
  opened?: Study<SearchSettings>,
): Promise<void> {
  const path = opened?.path ?? pathOf(flags);
  const directory = flags.output ?? dirname(path);
  const place = { study: path, directory };
  const { workers } = flags;
  refuseOwnTraining(userFlags);
  const display = new SearchDisplay(process.stderr);
  const known = opened ?? (existsSync(path) ? await reopen(path, flags, userFlags) : undefined);
  using study = known ? withEvaluator(known, flags) : await begin(path, flags, display);
  if (study.mayLackChanges) display.log(lackWords);
  const trials = aimAt(study, flags.trials);
  const results = resultFilesOf(study, directory, flags.overwrite);
  results.claim(...reportNames.map((name) => join(directory, name)));

  using control = new SearchControl(path, study.settings);
  using _dashboard = await dashboardBeside(path, flags, (line) => display.log(line));
  const end = await run(study, trials, workers, display, control);
  if (end === 'interrupted') {
    const { done } = study.summary().trials;
    throw new Interruption(
      `stopped with ${done} of ${targetOf(study)} trials finished, all saved. Run the same command to resume, or: ${resumeCommand(place)}`,
    );
  }
  await closeWith(study, { place, trials: targetOf(study), json: flags.json === true, results });
}

/** Searches with the display. When it returns, all programs have ended and their output has been printed. */
async function run(
  study: Study<SearchSettings>,
  trials: number,
  workers: number,
  display: SearchDisplay,
  control: SearchControl,
) {
  const { command = '', timeLimit } = evaluatorOf(study) ?? {};
  using interrupt = onInterrupt(
    () => display.note('Stopping; finished work is saved. Repeat to stop immediately.'),
    'finished work is saved: run the same command to resume',
  );
  const signal = AbortSignal.any([interrupt.signal, control.signal]);
  await using runner = new CommandPool({
    command,
    workers,
    timeLimit,
    about: aboutSearch(study.settings),
    onErrorLine: (line) => display.log(line),
  });
  const outlook = new ElapsedOutlook(study, trials);
  display.begin(study, trials, workers, outlook);
  const onEvent = (event: SearchEvent) => {
    outlook.on(event);
    display.on(event);
  };
  try {
    return await runEvaluatedSearch({ study, runner, trials, workers, signal, control, onEvent });
  } finally {
    display.end();
  }
}

async function begin(path: string, flags: SearchFlags, display: SearchDisplay) {
  const { evaluator: command, timeLimit } = flags;
  if (command === undefined) {
    const flag = timeLimit === undefined ? '--change-evaluator' : '--time-limit';
    throw new InputError(`${flag}: expected --evaluator with it, got none`);
  }
  if (command.trim() === '')
    throw new InputError(`--evaluator: expected a command such as 'python3 train.py', got ${JSON.stringify(command)}`);
  const evaluator = { command, ...(timeLimit !== undefined && { timeLimit }) };
  const settings = await evaluatedSettings(flags, evaluator, (line) => display.log(line));
  return Study.create(path, settings);
}

/** Returns the study with the evaluator of the flags; closes it if they do not fit. */
function withEvaluator(study: Study<SearchSettings>, flags: SearchFlags): Study<SearchSettings> {
  try {
    const { evaluator: command, timeLimit } = flags;
    const wanted = { ...(command !== undefined && { command }), ...(timeLimit !== undefined && { timeLimit }) };
    useEvaluator(study, wanted, flags.changeEvaluator === true);
    return study;
  } catch (error) {
    study.close();
    throw error;
  }
}

interface Closing {
  place: SearchPlace;
  trials: number;
  json: boolean;
  results: ResultFiles;
}

async function closeWith(study: Study<SearchSettings>, { place, trials, json, results }: Closing): Promise<void> {
  if (study.best().length === 0) throw new Failure(`${place.study}: no trial has a reward, so there is no best cell`);
  const { writeReport } = await import('../../report/report-files.ts');
  results.keep();
  const written = writeReport(study, place.directory, results);
  const findings = findingsOf(study);
  if (json) return printDocument(findings);
  const next = whatNextEvaluated(place, findings.top[0]!.trial, trials);
  printWords(closingWords(sentences(findings), written, place, next));
}
