// Figure 6 of one or several studies as files: the picture, its points as CSV, and what can be said of the strategies.

import { InputError } from '../../failure.ts';
import type { ResultFiles } from '../../result-files.ts';
import { openSearch } from '../../study/parse-settings.ts';
import { rungWords } from '../ladder-findings.ts';
import {
  compareRetrained,
  type Retrained,
  retrainedCsv,
  retrainedOf,
  retrainedSentence,
} from './retrained-finalists.ts';
import { comparisonSentence, figure6, figure6Csv } from './search-progress.ts';
import { figure6Chart, retrainedChart } from './search-progress-chart.ts';
import { runsOf } from './search-runs.ts';

/**
 * Writes figure-6.svg and figure-6.csv, and where finalists were trained again the same of them. The arms of a study are runs of their
 * own, and so are several studies.
 * @throws InputError for a study that has no finished trial in one of its arms
 */
export function writeFigure6(
  paths: readonly string[],
  directory: string,
  results: ResultFiles,
): { files: string[]; said: string[] } {
  const retrained: Retrained[] = [];
  const ladders: string[] = [];
  const runs = paths.flatMap((path) => {
    using study = openSearch(path, { readOnly: true });
    const found = runsOf(study);
    const empty = found.find(({ samples }) => samples.length === 0);
    if (empty) throw new InputError(`${path}: expected finished trials of ${empty.label}, got none yet`);
    const { ladder, child } = study.settings;
    if (ladder)
      ladders.push(
        `${path}: accuracies are those of rung 0 (${rungWords(child)}), the only one measured for every cell.`,
      );
    const own = retrainedOf(study);
    retrained.push(...(paths.length > 1 ? own.map((model) => ({ ...model, arm: `${path}, ${model.arm}` })) : own));
    return found;
  });
  const figure = figure6(runs);
  const texts = {
    'figure-6.svg': figure6Chart(figure.curves),
    'figure-6.csv': figure6Csv(figure),
    ...(retrained.length > 0 && {
      'figure-6-finalists.svg': retrainedChart(retrained),
      'figure-6-finalists.csv': retrainedCsv(retrained),
    }),
  };
  const files = results.write(directory, texts);
  const said = [...figure.comparisons.map(comparisonSentence), ...compareRetrained(retrained).map(retrainedSentence)];
  const least = Math.min(...runs.map(({ samples }) => samples.length));
  const few = `After ${least} architectures of a strategy nothing can be said of the strategies yet.`;
  const anything = said.length > 0 || new Set(runs.map(({ strategy }) => strategy)).size === 1;
  return { files, said: [...(anything ? said : [few]), ...ladders] };
}
