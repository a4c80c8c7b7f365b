// What a search says at its end: its files, and commands to be pasted into a shell.

import { basename, dirname, join, resolve } from 'node:path';
import { bestWeightsName, weightsName } from '../../children/study-artifacts.ts';
import { settingsOf } from '../../study/presets.ts';
import type { SearchSettings } from '../../study/settings.ts';
import { programName } from '../terminal/program-name.ts';
import { shellPath } from '../terminal/shell-path.ts';
import { anotherStudy, defaultPreset } from './default-study.ts';

export interface SearchPlace {
  /** The study's file. */
  study: string;
  /** Folder of the results. */
  directory: string;
}

export interface FinishedSearch extends SearchPlace {
  settings: SearchSettings;
  trials: number;
}

/** Joins words to a shell command. */
export const commandOf = (...words: string[]): string => [programName, ...words].join(' ');

/** Returns the command that resumes a study, with further flags. */
export const resumeCommand = (place: SearchPlace, ...flags: string[]): string =>
  commandOf(
    'search',
    '--study',
    shellPath(place.study),
    ...(isElsewhere(place) ? ['--output', shellPath(place.directory)] : []),
    ...flags,
  );

const isElsewhere = ({ study, directory }: SearchPlace): boolean => resolve(dirname(study)) !== resolve(directory);

const resultFiles = [
  ['report.html', 'everything on one page: open it in a browser'],
  ['best.svg', 'the best cells as a picture'],
  ['best.json', 'their architecture file'],
  [weightsName, 'the weights of the network built from them'],
  [bestWeightsName, 'its weights after the best epoch by the held-out images'],
] as const;

/**
 * Returns what a search says at its end: what was found, the files, and what to do next.
 * @param found sentences
 * @param names the result files that were written
 */
export function closingWords(found: string[], names: readonly string[], place: SearchPlace, next: string[]): string {
  const { study, directory } = place;
  const files = [
    ...resultFiles.filter(([name]) => names.includes(name)),
    ...(isElsewhere(place) ? [] : [[basename(study), 'the study']]),
  ];
  const lines = files.map(([name, what]) => `  ${name!.padEnd(25)} ${what}`);
  return [...found, '', `In ${directory}:`, ...lines, '', ...next, ''].join('\n');
}

/** Returns lines with the commands that a search suggests whose network nasnet trained. */
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
function differing(settings: SearchSettings): string[] {
  const { preset, dataset, strategy, size, seed, budget, trials } = settings;
  const usual = settingsOf(preset, { dataset, seed, ...(budget ? { budget: budget.seconds } : { trials }) });
  return [
    ...(preset === defaultPreset ? [] : ['--preset', preset]),
    ...(dataset === 'cifar10' ? [] : ['--dataset', shellPath(dataset)]),
    ...(size === undefined || size === usual.size ? [] : ['--size', String(size)]),
    ...lengthFlags(settingsOf(preset, { dataset, seed }), settings),
    ...(strategy === usual.strategy ? [] : ['--strategy', strategy]),
  ];
}

/** Returns the flag of a search's length, its budget or its trials, if it is not the usual one. */
function lengthFlags(usual: SearchSettings, { budget, trials }: SearchSettings): string[] {
  if (budget)
    return budget.seconds === usual.budget?.seconds
      ? []
      : ['--minutes', String(Number((budget.seconds / 60).toPrecision(12)))];
  return usual.budget || trials !== usual.trials ? ['--trials', String(trials)] : [];
}

/**
 * Returns lines with the commands that a search with an evaluator suggests. @param best the number of its best trial
 */
export const whatNextEvaluated = (place: SearchPlace, best: number, trials: number): string[] => [
  'What next:',
  `  ${commandOf('show', shellPath(place.study), '--trials', '--format', 'csv')}`,
  'A network of the best cell, here with N = 6 and F = 32:',
  `  ${commandOf('train', shellPath(`${place.study}#${best}:6`), '--filters', '32', '--epochs', '20')}`,
  'More cells in the same study:',
  `  ${resumeCommand(place, '--trials', String(2 * trials))}`,
];
