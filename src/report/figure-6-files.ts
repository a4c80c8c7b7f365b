// Figure 6 of one or several studies as files: the picture, its points as CSV, and what can be said of the strategies.

import { InputError } from '../failure.ts';
import type { SearchSettings } from '../study/preset.ts';
import { Study } from '../study/study.ts';
import { writeFiles } from '../whole-file.ts';
import { comparisonSentence, figure6, figure6Csv } from './figure-6.ts';
import { figure6Chart } from './figure-6-chart.ts';
import { runsOf } from './search-runs.ts';

/**
 * Writes figure-6.svg and figure-6.csv. The arms of a study are runs of their own, and so are several studies.
 * @throws InputError for a study that has no finished trial in one of its arms
 */
export function writeFigure6(paths: readonly string[], directory: string): { files: string[]; said: string[] } {
  const runs = paths.flatMap((path) => {
    using study = Study.open<SearchSettings>(path, { readOnly: true });
    const found = runsOf(study);
    const empty = found.find(({ samples }) => samples.length === 0);
    if (empty) throw new InputError(`${path}: expected finished trials of ${empty.label}, got none yet`);
    return found;
  });
  const figure = figure6(runs);
  const texts = { 'figure-6.svg': figure6Chart(figure.curves), 'figure-6.csv': figure6Csv(figure) };
  const files = writeFiles(directory, texts);
  const said = figure.comparisons.map(comparisonSentence);
  const least = Math.min(...runs.map(({ samples }) => samples.length));
  const few = `After ${least} architectures of a strategy nothing can be said of the strategies yet.`;
  return { files, said: said.length > 0 || new Set(runs.map(({ strategy }) => strategy)).size === 1 ? said : [few] };
}
