// What a search says at its end: its files, and commands to be pasted into a shell.

import { basename, dirname, join, resolve } from 'node:path';
import { bestWeightsName, lastWeightsName, weightsName } from '../../children/study-artifacts.ts';
import { figuresName } from '../../report/report-names.ts';
import { shellPath } from '../../shell-path.ts';
import { defaultSpace } from '../../space/search-space.ts';
import { nameOfCell } from '../../study/named-decisions.ts';
import { settingsOf } from '../../study/presets.ts';
import type { SearchSettings } from '../../study/settings.ts';
import { inUnits } from '../../words.ts';
import { typedFlag } from '../flags/user-flags.ts';
import { programName } from '../terminal/program-name.ts';
import { anotherStudy, defaultPreset } from './default-study.ts';
import { type SettingName, searchSettings } from './search-settings.ts';
import type { Setting } from './setting.ts';
import { settingNames } from './setting-flags.ts';

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
  [lastWeightsName, 'its weights after the last epoch'],
  [figuresName, 'its epochs, classes and confusions as numbers'],
] as const;

/**
 * Returns what a search says at its end: what was found, the files, and what to do next.
 * @param found sentences
 * @param written paths of the result files that were written, or their names
 */
export function closingWords(found: string[], written: readonly string[], place: SearchPlace, next: string[]): string {
  const { study, directory } = place;
  const names = written.map((path) => basename(path));
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

/** Returns the flags of settings that differ from the defaults, but for the seed. */
function differing(settings: SearchSettings): string[] {
  const { preset, dataset, size, seed, space, budget, trials, recipes } = settings;
  const length = budget ? { budget: budget.seconds } : { trials };
  const unasked = settingsOf(preset, { dataset, seed });
  const isAsked = size !== undefined && !sizeFollows(settings);
  const asked = { dataset, seed, ...(isAsked && { size }), space, ...length, ...(recipes && { recipes }) };
  const usual: SearchSettings = {
    ...settingsOf(preset, asked),
    ...{ preset: defaultPreset, dataset: 'cifar10', seed, space: defaultSpace },
  };
  delete usual.recipes;
  if (isAsked) delete usual.size;
  else if (size !== undefined) usual.size = size;
  return settingNames.flatMap((name) => {
    if (name === 'trials') return lengthFlags(unasked, settings);
    return name === 'minutes' || name === 'hours' ? [] : wordsOf(name, settings, usual);
  });
}

/** Whether the images' side follows from the preset, or from the side of the final network. */
function sizeFollows(settings: SearchSettings): boolean {
  const { preset, dataset, seed, budget } = settings;
  const sidesOf = ({ size, child, final, budget }: SearchSettings) =>
    [size, ...[child, final, ...(budget?.larger ?? [])].map(({ resolution }) => resolution)].join();
  return [{}, { finalSize: settings.final.resolution }].some((request) => {
    const usual = settingsOf(preset, { dataset, seed, budget: budget?.seconds ?? 'none', ...request });
    return sidesOf(usual) === sidesOf(settings);
  });
}

/** Returns the flag that gives a setting the value that it has; nothing if the usual settings have the same. */
function wordsOf(name: SettingName, settings: SearchSettings, usual: SearchSettings): string[] {
  const { stored, takes, typed = String, default: byDefault }: Setting<unknown> = searchSettings[name];
  const flag = typedFlag(name);
  const epochs = askedEpochs(name, settings);
  if (epochs !== undefined) return [flag, String(epochs)];
  const value = stored?.(settings);
  const isUsual = JSON.stringify(value) === JSON.stringify(stored?.(usual) ?? byDefault);
  if (value === undefined || (isUsual && !(name === 'finalFilters' && hasAskedSize(settings, usual)))) return [];
  if (name === 'known') return knownWords(settings);
  if (isPlanned(name, settings, usual)) return [];
  return takes ? [flag, shellPath(typed(value))] : [flag];
}

/** Whether the usual size of the final network was asked for: then a budget has no larger ones. */
const hasAskedSize = (one: SearchSettings, usual: SearchSettings): boolean =>
  one.budget?.larger.length === 0 && usual.budget!.larger.length > 0 && one.final.resolution === usual.final.resolution;

/** Returns the epochs of children or finalists that were asked for, if it is the setting of these. */
function askedEpochs(name: SettingName, { askedEpochs: asked }: SearchSettings): number | undefined {
  if (name === 'epochs') return asked?.child;
  return name === 'finalistEpochs' ? asked?.finalists : undefined;
}

/** Whether epochs that were not asked for may follow from a ladder, few images, the budget or asked finalists. */
function isPlanned(name: SettingName, { budget, child, ladder }: SearchSettings, usual: SearchSettings): boolean {
  const isFitted = budget !== undefined || child.trainingImages !== usual.child.trainingImages;
  if (name === 'epochs') return isFitted || ladder !== undefined;
  return name === 'finalistEpochs' && (isFitted || usual.finalists === undefined);
}

/** Returns the flag of named cells or of none; other cells have no name any more. */
function knownWords({ known, space, blocks }: SearchSettings): string[] {
  if (known.length === 0) return ['--no-known'];
  const names = known.map((cell) => nameOfCell(cell, space, blocks));
  return names.every((name) => name !== undefined) ? ['--known', ...names] : [];
}

/** Returns the flag of a search's length, its budget or its trials, if it is not the usual one. */
function lengthFlags(usual: SearchSettings, { budget, trials }: SearchSettings): string[] {
  if (budget) return budget.seconds === usual.budget?.seconds ? [] : ['--minutes', String(inUnits(budget.seconds, 60))];
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
