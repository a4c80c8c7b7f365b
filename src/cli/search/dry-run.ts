// `nasnet search --dry-run`: what a search is and what it will take here, without starting it.

import { existsSync } from 'node:fs';
import type { SearchEstimate } from '../../forecast/estimate.ts';
import { predictionOf } from '../../forecast/learning.ts';
import type { ImageCounts } from '../../forecast/prediction.ts';
import { estimateOf, type Searching, type Start, startOf, workersFor } from '../../forecast/start.ts';
import type { SearchSettings } from '../../study/settings.ts';
import { targetOf } from '../../study/target.ts';
import type { GivenFlags } from '../flags/given.ts';
import { printDocument, printWords } from '../terminal/answer.ts';
import type { SearchFlags } from './flags.ts';
import { newSearch, reopen } from './open-study.ts';
import { adviceFor, estimateLines, statement } from './statement.ts';

/** The document of `search --dry-run --json`. */
export interface SearchStatement {
  settings: SearchSettings;
  images: ImageCounts;
  /** Whether this machine's speed was measured for it, and by how many finished children of the study it was corrected. */
  measured: boolean;
  children: number;
  estimate: SearchEstimate;
  warning?: string;
}

const cifar10: ImageCounts = { images: 50_000, classes: 10 };

export async function stateSearch(
  path: string,
  flags: SearchFlags,
  given: GivenFlags,
  countsIn: (dataset: SearchSettings) => Promise<ImageCounts>,
  note: (line: string) => void,
): Promise<void> {
  const counts = async (settings: SearchSettings) => (settings.dataset === 'cifar10' ? cifar10 : countsIn(settings)); // no download
  const stated = existsSync(path)
    ? await ofStudy(path, flags, given, counts, note)
    : await ofNew(flags, given, counts, note);
  const { searching, start, children } = stated;
  const { workers, warning } = workersFor(
    flags.workers,
    given.has('workers'),
    estimateOf(searching, start.laws).memory,
  );
  const estimate = estimateOf({ ...searching, workers }, start.laws);
  const { settings, counts: images } = searching;
  const document: SearchStatement = {
    settings,
    images,
    measured: start.measured,
    children,
    estimate,
    ...(warning && { warning }),
  };
  if (flags.json) printDocument(document);
  else printWords(`${textOf(document).join('\n')}\n`);
}

interface Stated {
  searching: Searching;
  start: Start;
  children: number;
}

async function ofNew(
  flags: SearchFlags,
  given: GivenFlags,
  countsIn: (settings: SearchSettings) => Promise<ImageCounts>,
  note: (line: string) => void,
): Promise<Stated> {
  const { settings, counts, start } = await newSearch(flags, given, countsIn, note);
  return { searching: { settings, counts, trials: settings.trials, workers: flags.workers }, start, children: 0 };
}

async function ofStudy(
  path: string,
  flags: SearchFlags,
  given: GivenFlags,
  countsIn: (settings: SearchSettings) => Promise<ImageCounts>,
  note: (line: string) => void,
): Promise<Stated> {
  using study = await reopen(path, flags, given);
  const { settings } = study;
  const counts = await countsIn(settings);
  const { done, failed } = study.summary().trials;
  const trials = Math.max(0, (flags.trials ?? targetOf(study)) - done - failed);
  const searching = { settings, counts, trials, workers: flags.workers };
  const { prediction, record } = predictionOf(study, counts, { workers: flags.workers });
  const { children, laws } = prediction;
  if (children > 0 || record.measured) return { searching, start: { laws, measured: record.measured }, children };
  return { searching, start: await startOf(searching, true, note), children };
}

function textOf({ settings, images, estimate, measured, children, warning }: SearchStatement): string[] {
  const advice = adviceFor(estimate, settings);
  const from =
    children > 0
      ? `${children} finished children of this study`
      : measured
        ? 'a moment of training here'
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
