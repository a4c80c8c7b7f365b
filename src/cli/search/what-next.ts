// The commands that a finished search suggests, as one pastes them into a shell.

import { join } from 'node:path';
import { weightsName } from '../../children/study-artifacts.ts';
import { settingsOf } from '../../study/presets.ts';
import type { SearchSettings } from '../../study/settings.ts';
import { programName } from '../terminal/program-name.ts';
import { shellPath } from '../terminal/shell-path.ts';
import { anotherStudy, defaultPreset } from './default-study.ts';

export interface FinishedSearch {
  settings: SearchSettings;
  /** Its file. */
  study: string;
  /** Of the results. */
  directory: string;
  /** Whether they are in another folder than the study. */
  elsewhere: boolean;
  trials: number;
}

/** Of words as a shell takes them. */
export const commandOf = (...words: string[]): string => [programName, ...words].join(' ');

/** The command that goes on with a study, with other flags if any. */
export const goOnCommand = (
  { study, directory, elsewhere }: Pick<FinishedSearch, 'study' | 'directory' | 'elsewhere'>,
  ...flags: string[]
): string =>
  commandOf('search', '--study', shellPath(study), ...(elsewhere ? ['--output', shellPath(directory)] : []), ...flags);

/** Lines: commands, and what the last ones are for. */
export function whatNext(search: FinishedSearch): string[] {
  const { settings, study, directory, trials } = search;
  const { dataset, seed } = settings;
  const images = dataset === 'cifar10' ? [] : ['--dataset', shellPath(dataset)];
  return [
    'What next:',
    `  ${commandOf('show', shellPath(study))}`,
    `  ${commandOf('evaluate', shellPath(join(directory, weightsName)), ...images)}`,
    'More cells in the same study:',
    `  ${goOnCommand(search, '--trials', String(2 * trials))}`,
    'This study is finished. To start a new search, name another file:',
    `  ${commandOf('search', ...differing(settings), '--seed', String(seed + 1), '--study', shellPath(anotherStudy(settings, seed + 1)))}`,
  ];
}

/** The flags of what the search has otherwise than one without flags. */
function differing({ preset, dataset, strategy, size, seed }: SearchSettings): string[] {
  const usual = settingsOf(preset, { dataset, strategy, seed });
  return [
    ...(preset === defaultPreset ? [] : ['--preset', preset]),
    ...(dataset === 'cifar10' ? [] : ['--dataset', shellPath(dataset)]),
    ...(size === undefined || size === usual.size ? [] : ['--size', String(size)]),
    ...(strategy === 'ppo' ? [] : ['--strategy', strategy]),
  ];
}
