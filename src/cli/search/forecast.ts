// Before a search starts or goes on: what it will take is said, and how many workers its memory allows is decided.

import { SearchOutlook } from '../../experiment/outlook.ts';
import { predictionOf } from '../../forecast/learning.ts';
import type { ImageCounts } from '../../forecast/prediction.ts';
import { estimateOf, type Start, startOf, workersFor } from '../../forecast/start.ts';
import type { SearchSettings } from '../../study/settings.ts';
import type { Study } from '../../study/study.ts';
import { adviceFor, estimateLines, statement } from './statement.ts';

export interface ForecastOptions {
  /** How many the study shall have in all. */
  trials: number;
  workers: number;
  /** Whether the user asked for so many workers. */
  asked: boolean;
  /** Where the children are trained: 'cpu', 'cuda:0' … */
  device: string;
  /** Of a search that begins. */
  start: Start | undefined;
}

/** Says what a new search is, what any will take and, where that is too much for this machine, what is done about it. */
export async function forecast(
  study: Study<SearchSettings>,
  counts: ImageCounts,
  { trials, workers: wanted, asked, device, start }: ForecastOptions,
  note: (line: string) => void,
): Promise<SearchOutlook> {
  const { settings } = study;
  const { done, failed } = study.summary().trials;
  const left = Math.max(0, trials - done - failed);
  const searching = { settings, counts, trials: left, workers: wanted, device };
  let known = predictionOf(study, counts, { workers: wanted, device, start });
  if (!start && left > 0 && known.prediction.children === 0 && !known.record.measured)
    known = predictionOf(study, counts, { workers: wanted, device, start: await startOf(searching, false, note) });
  const { laws } = known.prediction;
  const fitting = workersFor(wanted, asked, estimateOf(searching, laws).memory);
  const { workers, warning } = device === 'cpu' ? fitting : { workers: wanted };
  const estimate = estimateOf({ ...searching, workers }, laws);
  const advice = adviceFor(estimate, settings);
  if (start) for (const line of statement(settings, counts)) note(line);
  if (left > 0) for (const line of [warning, ...estimateLines(estimate), advice]) if (line) note(line);
  const { children, ladder } = estimate;
  const work = children.count * children.each.mean;
  const typical = { seconds: children.each.mean, climbing: ladder && work > 0 ? (ladder.seconds * workers) / work : 0 };
  return new SearchOutlook(study, { counts, trials, workers, ...known, typical });
}
