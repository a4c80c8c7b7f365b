// The model file that a command reads: a file, or the trained network of a study's trial.

import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { InputError } from '../../failure.ts';
import { parseTrial } from '../../plan/model-name.ts';
import { shellPath } from '../../shell-path.ts';
import { programName } from '../terminal/program-name.ts';

/**
 * Returns the path of a model file. `STUDY.db`, `STUDY.db#TRIAL` and `best-of STUDY.db` name the final network that the
 * study's search trained, next to the study.
 * @throws InputError if the trial has no trained network
 */
export async function modelFileOf(text: string): Promise<string> {
  const trial = parseTrial(text);
  if (!trial) return text;
  const { openSearch } = await import('../../study/parse-settings.ts'); // loads SQLite
  const { bestTrials } = await import('../../selection/finalist-race.ts');
  if (!existsSync(trial.path)) throw new InputError(`${trial.path}: expected a study, got no such file`);
  using study = openSearch(trial.path, { readOnly: true });
  const final = study.result('final model');
  const wanted = trial.trial ?? bestTrials(study)[0]?.number;
  if (wanted === undefined) throw new InputError(`${trial.path}: expected a finished trial, got none yet`);
  const path = final && join(dirname(trial.path), final.weights);
  if (final?.trial === wanted && path && existsSync(path)) return path;
  const train = `${programName} train ${shellPath(`${trial.path}#${wanted}`)}`;
  throw new InputError(`${trial.path}#${wanted}: expected a trained network, got none yet: "${train}" trains one`);
}
