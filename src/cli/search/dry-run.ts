// `nasnet search --dry-run`: prints the settings and the forecast of a search without starting it.

import { existsSync } from 'node:fs';
import type { DatasetFiles } from '../../data/dataset-files.ts';
import type { Precision } from '../../engine/device.ts';
import { requireSameImages } from '../../experiment/same-images.ts';
import { plannedSettings } from '../../forecast/budget-costs.ts';
import type { SearchEstimate } from '../../forecast/estimate.ts';
import type { ImageCounts } from '../../forecast/prediction.ts';
import { forecastOf } from '../../forecast/search-forecast.ts';
import { countsOf, estimateFitting } from '../../forecast/start.ts';
import type { TrainingInstead } from '../../forecast/training-instead.ts';
import { hasFinalNetwork } from '../../selection/finalist-race.ts';
import type { SearchSettings } from '../../study/settings.ts';
import type { Study } from '../../study/study.ts';
import { fixedTarget } from '../../study/target.ts';
import { datasetOf } from '../flags/study-images.ts';
import type { UserFlags } from '../flags/user-flags.ts';
import { printDocument, printWords } from '../terminal/answer.ts';
import type { SearchFlags } from './flags.ts';
import { newSearch, reopen } from './open-study.ts';
import { searchComputing } from './search-computing.ts';
import { adviceFor, estimateLines, insteadLines, statement } from './statement.ts';

/** The document of `search --dry-run --json`. */
export interface SearchStatement {
  settings: SearchSettings;
  images: ImageCounts;
  /** Whether this machine was measured, and the number of finished children that corrected the prediction. */
  measured: boolean;
  children: number;
  /** Absent if the search is finished. */
  estimate?: SearchEstimate;
  /** The precision of the trainings. */
  precision: Precision;
  warning?: string;
  /** A training that this search is known not to be better than. */
  instead?: TrainingInstead;
}

type ImagesOf = (settings: SearchSettings) => Promise<DatasetFiles>;

/** CIFAR-10 is not downloaded for a statement. */
const cifar10: ImageCounts = { images: 50_000, classes: 10, test: 10_000 };

export async function stateSearch(
  path: string,
  flags: SearchFlags,
  userFlags: UserFlags,
  imagesOf: ImagesOf,
  note: (line: string) => void,
): Promise<void> {
  const document = existsSync(path)
    ? await ofStudy(path, flags, userFlags, imagesOf, note)
    : await ofNew(flags, userFlags, imagesOf, note);
  if (flags.json) printDocument(document);
  else printWords(`${textOf(document).join('\n')}\n`);
}

async function ofNew(
  flags: SearchFlags,
  userFlags: UserFlags,
  imagesOf: ImagesOf,
  note: (line: string) => void,
): Promise<SearchStatement> {
  const countsIn = async (settings: SearchSettings) =>
    settings.dataset === 'cifar10' ? cifar10 : countsOf(await imagesOf(settings));
  const { settings: stored, counts, start, plan, instead } = await newSearch(flags, userFlags, countsIn, note);
  const settings = plan ? plannedSettings(stored, plan) : stored;
  const { laws, measured } = start;
  const computing = searchComputing(flags);
  const searching = { settings, counts, trials: settings.trials, workers: flags.workers, computing };
  const { estimate, warning } = estimateFitting(searching, laws, userFlags.has('workers'));
  const found = { settings, images: counts, measured, children: 0, estimate, precision: computing.precision };
  return { ...found, ...(warning && { warning }), ...(instead && { instead }) };
}

async function ofStudy(
  path: string,
  flags: SearchFlags,
  userFlags: UserFlags,
  imagesOf: ImagesOf,
  note: (line: string) => void,
): Promise<SearchStatement> {
  using study = await reopen(path, flags, userFlags);
  const counts = await countsOfStudy(study, imagesOf);
  const trials = fixedTarget(study, flags.trials);
  const isRequested = userFlags.has('workers');
  const computing = searchComputing(flags, study);
  const options = { counts, trials, workers: flags.workers, isRequested, computing, always: true };
  const { prediction, record, plan, left, estimate, warning } = await forecastOf(study, options, note);
  const isFinished = left === 0 && hasFinalNetwork(study);
  const { children } = prediction;
  const settings = plan ? plannedSettings(study.settings, plan) : study.settings;
  const { precision } = computing;
  return {
    settings,
    images: counts,
    measured: record.measured,
    children,
    precision,
    ...(!isFinished && { estimate, ...(warning && { warning }) }),
  };
}

/** Returns the counts of a study's images. @throws InputError if they are not those that it was started with */
async function countsOfStudy(study: Study<SearchSettings>, imagesOf: ImagesOf): Promise<ImageCounts> {
  const dataset = datasetOf(study);
  if (dataset === 'cifar10') return cifar10;
  const files = await imagesOf({ ...study.settings, dataset });
  requireSameImages(study, files);
  return countsOf(files);
}

function textOf({
  settings,
  images,
  estimate,
  measured,
  children,
  precision,
  warning,
  instead,
}: SearchStatement): string[] {
  if (!estimate) return [...statement(settings, images), '', 'This search is finished: nothing is left to train.'];
  const advice = adviceFor(estimate, settings);
  const from =
    children > 0
      ? `${children} finished children of this study`
      : measured
        ? 'a short measurement here'
        : 'no measurement';
  return [
    ...statement(settings, images),
    '',
    ...estimateLines(estimate),
    ...(warning ? [warning] : []),
    ...(advice ? [advice] : []),
    ...insteadLines(instead),
    `Predicted from ${from}, in ${precision}; nothing was started.`,
  ];
}
