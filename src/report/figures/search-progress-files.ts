// Writes Figure 6 of one or several studies as files: the picture and its points as CSV. Returns sentences that compare
// the strategies.

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
 * Writes figure-6.svg and figure-6.csv, and the same for finalists if there are any. Every arm of every study is a run.
 * @throws InputError if an arm of a study has no finished trial
 */
export function writeFigure6(
  paths: readonly string[],
  directory: string,
  results: ResultFiles,
): { files: string[]; sentences: string[] } {
  const retrained: Retrained[] = [];
  const ladders: string[] = [];
  const runs = paths.flatMap((path) => {
    using study = openSearch(path, { readOnly: true });
    const studyRuns = runsOf(study);
    const empty = studyRuns.find(({ samples }) => samples.length === 0);
    if (empty) throw new InputError(`${path}: expected finished trials of ${empty.label}, got none yet`);
    const { ladder, child } = study.settings;
    if (ladder)
      ladders.push(
        `${path}: accuracies are those of rung 0 (${rungWords(child)}), the only one measured for every cell.`,
      );
    const own = retrainedOf(study);
    retrained.push(...(paths.length > 1 ? own.map((model) => ({ ...model, arm: `${path}, ${model.arm}` })) : own));
    return studyRuns;
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
  const sentences = [
    ...figure.comparisons.map(comparisonSentence),
    ...compareRetrained(retrained).map(retrainedSentence),
  ];
  const fewest = Math.min(...runs.map(({ samples }) => samples.length));
  const tooFew = `${fewest} architectures of a strategy are too few to compare strategies.`;
  const canCompare = sentences.length > 0 || new Set(runs.map(({ strategy }) => strategy)).size === 1;
  return { files, sentences: [...(canCompare ? sentences : [tooFew]), ...ladders] };
}
