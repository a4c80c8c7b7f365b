// The commands that a finished search suggests, to be pasted into a shell.

import { join } from 'node:path';
import { weightsName } from '../../children/study-artifacts.ts';
import { settingsOf } from '../../study/presets.ts';
import type { SearchSettings } from '../../study/settings.ts';
import { programName } from '../terminal/program-name.ts';
import { shellPath } from '../terminal/shell-path.ts';
import { anotherStudy, defaultPreset } from './default-study.ts';

export interface FinishedSearch {
  settings: SearchSettings;
  /** File of the study. */
  study: string;
  /** Folder of the results. */
  directory: string;
  /** Whether they are in another folder than the study. */
  elsewhere: boolean;
  trials: number;
}

/** Joins words to a shell command. */
export const commandOf = (...words: string[]): string => [programName, ...words].join(' ');

/** Returns the command that resumes a study, with further flags. */
export const resumeCommand = (
  { study, directory, elsewhere }: Pick<FinishedSearch, 'study' | 'directory' | 'elsewhere'>,
  ...flags: string[]
): string =>
  commandOf('search', '--study', shellPath(study), ...(elsewhere ? ['--output', shellPath(directory)] : []), ...flags);

/** Returns lines with suggested commands. */
export function whatNext(search: FinishedSearch): string[] {
  const { settings, study, directory, trials } = search;
  const { dataset, seed } = settings;
  const images = dataset === 'cifar10' ? [] : ['--dataset', shellPath(dataset)];
  return [
    'What next:',
    `  ${commandOf('show', shellPath(study))}`,
    `  ${commandOf('evaluate', shellPath(join(directory, weightsName)), ...images)}`,
    'More cells in the same study:',
    `  ${resumeCommand(search, '--trials', String(2 * trials))}`,
    'This study is finished. To start a new search, name another file:',
    `  ${commandOf('search', ...differing(settings), '--seed', String(seed + 1), '--study', shellPath(anotherStudy(settings, seed + 1)))}`,
  ];
}

/** Returns the flags of settings that differ from the defaults. */
function differing({ preset, dataset, strategy, size, seed }: SearchSettings): string[] {
  const usual = settingsOf(preset, { dataset, strategy, seed });
  return [
    ...(preset === defaultPreset ? [] : ['--preset', preset]),
    ...(dataset === 'cifar10' ? [] : ['--dataset', shellPath(dataset)]),
    ...(size === undefined || size === usual.size ? [] : ['--size', String(size)]),
    ...(strategy === 'ppo' ? [] : ['--strategy', strategy]),
  ];
}
