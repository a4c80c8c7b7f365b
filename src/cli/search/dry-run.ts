// `nasnet search --dry-run`: prints the settings and the forecast of a search without starting it.

import { existsSync } from 'node:fs';
import { plannedSettings } from '../../forecast/budget-costs.ts';
import type { SearchEstimate } from '../../forecast/estimate.ts';
import type { ImageCounts } from '../../forecast/prediction.ts';
import { forecastOf } from '../../forecast/search-forecast.ts';
import { estimateFitting } from '../../forecast/start.ts';
import type { SearchSettings } from '../../study/settings.ts';
import { fixedTarget } from '../../study/target.ts';
import type { UserFlags } from '../flags/user-flags.ts';
import { printDocument, printWords } from '../terminal/answer.ts';
import type { SearchFlags } from './flags.ts';
import { newSearch, reopen } from './open-study.ts';
import { adviceFor, estimateLines, statement } from './statement.ts';

/** The document of `search --dry-run --json`. */
export interface SearchStatement {
  settings: SearchSettings;
  images: ImageCounts;
  /** Whether this machine was measured, and the number of finished children that corrected the prediction. */
  measured: boolean;
  children: number;
  estimate: SearchEstimate;
  warning?: string;
}

const cifar10: ImageCounts = { images: 50_000, classes: 10, test: 10_000 };

export async function stateSearch(
  path: string,
  flags: SearchFlags,
  userFlags: UserFlags,
  countsIn: (dataset: SearchSettings) => Promise<ImageCounts>,
  note: (line: string) => void,
): Promise<void> {
  // no download
  const counts = async (settings: SearchSettings) => (settings.dataset === 'cifar10' ? cifar10 : countsIn(settings));
  const document = existsSync(path)
    ? await ofStudy(path, flags, userFlags, counts, note)
    : await ofNew(flags, userFlags, counts, note);
  if (flags.json) printDocument(document);
  else printWords(`${textOf(document).join('\n')}\n`);
}

async function ofNew(
  flags: SearchFlags,
  userFlags: UserFlags,
  countsIn: (settings: SearchSettings) => Promise<ImageCounts>,
  note: (line: string) => void,
): Promise<SearchStatement> {
  const { settings: stored, counts, start, plan } = await newSearch(flags, userFlags, countsIn, note);
  const settings = plan ? plannedSettings(stored, plan) : stored;
  const { laws, measured } = start;
  const searching = { settings, counts, trials: settings.trials, workers: flags.workers };
  const { estimate, warning } = estimateFitting(searching, laws, userFlags.has('workers'));
  return { settings, images: counts, measured, children: 0, estimate, ...(warning && { warning }) };
}

async function ofStudy(
  path: string,
  flags: SearchFlags,
  userFlags: UserFlags,
  countsIn: (settings: SearchSettings) => Promise<ImageCounts>,
  note: (line: string) => void,
): Promise<SearchStatement> {
  using study = await reopen(path, flags, userFlags);
  const counts = await countsIn(study.settings);
  const trials = fixedTarget(study, flags.trials);
  const options = { counts, trials, workers: flags.workers, isRequested: userFlags.has('workers'), always: true };
  const { prediction, record, plan, estimate, warning } = await forecastOf(study, options, note);
  const { children } = prediction;
  const settings = plan ? plannedSettings(study.settings, plan) : study.settings;
  return { settings, images: counts, measured: record.measured, children, estimate, ...(warning && { warning }) };
}

function textOf({ settings, images, estimate, measured, children, warning }: SearchStatement): string[] {
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
    `Predicted from ${from}; nothing was started.`,
  ];
}
