// Reads the architecture of a study's trial, for STUDY.db or STUDY.db#TRIAL.

import { existsSync } from 'node:fs';
import { InputError } from '../../failure.ts';
import { bestTrials } from '../../selection/finalist-race.ts';
import type { Architecture } from '../../space/architecture.ts';
import { Candidate } from '../../study/candidate.ts';
import { openSearch } from '../../study/parse-settings.ts';

/**
 * Returns the architecture of a trial; default: the best one. @throws InputError if there is no such study or finished
 * trial
 */
export function readTrial(
  path: string,
  trial: number | undefined,
  say: (sentence: string) => void = () => {},
): Architecture {
  if (!existsSync(path)) throw new InputError(`${path}: expected a study, got no such file`);
  const study = openSearch(path, { readOnly: true });
  try {
    const record = trial === undefined ? bestTrials(study)[0] : study.trial(trial);
    if (record && trial === undefined) say(`The best trial of ${path} is ${record.number}`);
    if (record) return new Candidate(record.decisions, study.settings.space).architecture;
    if (trial === undefined || study.asked === 0)
      throw new InputError(`${path}: expected a finished trial, got none yet`);
    throw new InputError(`${path}#${trial}: expected a trial from 0 to ${study.asked - 1}, got ${trial}`);
  } finally {
    study.close();
  }
}
