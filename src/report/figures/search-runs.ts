// The runs of Figure 6: each strategy's samples in order, and the mean reward of its best unique models after any
// number of samples.

import { armLabels, armNames, armOf } from '../../search/arms-strategy.ts';
import { Candidate } from '../../study/candidate.ts';
import type { SearchSettings } from '../../study/settings.ts';
import type { Study } from '../../study/study.ts';

/** A strategy with one seed. */
export interface SearchRun {
  strategy: string;
  label: string;
  /** Its trials in the order of the asks, up to the first without an outcome. */
  samples: Sample[];
}

export interface Sample {
  /** Validation accuracy, 0 to 1; undefined if the trial failed. */
  reward: number | undefined;
  /** Two samples with the same key are one model. */
  key: string;
}

/** Returns a run for each arm of a study; one for a single strategy. */
export function runsOf(study: Study<SearchSettings>): SearchRun[] {
  const { known, space, strategy: strategyName } = study.settings; // known cells are not samples of a strategy
  const names = armNames(strategyName);
  const labels = armLabels(names);
  const runs = names.map((strategy, arm): SearchRun => ({ strategy, label: labels[arm]!, samples: [] }));
  const open = new Set<number>();
  for (const { number, state, decisions, reward } of study.trials({ from: known.length })) {
    const arm = armOf(number, names.length);
    if (state === 'queued' || state === 'running') open.add(arm);
    if (!open.has(arm))
      runs[arm]!.samples.push({ reward: reward ?? undefined, key: new Candidate(decisions, space).key });
  }
  return runs;
}

/** Returns the indices of samples with a reward whose model is new: the first sample of each graph. */
export function uniqueModels(samples: readonly Sample[]): number[] {
  const seen = new Set<string>();
  return samples.flatMap(({ reward, key }, place) => {
    if (reward === undefined || seen.has(key)) return [];
    seen.add(key);
    return [place];
  });
}

/**
 * Returns the mean reward of the `count` best unique models among the first n samples, for every n in `after`; NaN if
 * there are fewer.
 * @param weights how often each unique model counts, in their order (bootstrap weights); default once
 * @param unique `uniqueModels(samples)`, to avoid computing it repeatedly
 */
export function topMeans(
  samples: readonly Sample[],
  count: number,
  after: readonly number[],
  weights?: readonly number[],
  unique: readonly number[] = uniqueModels(samples),
): number[] {
  const best: number[] = []; // the best rewards so far in descending order, at most `count`
  const means: number[] = [];
  let next = 0;
  for (const n of after) {
    for (; next < unique.length && unique[next]! < n; next++) {
      const reward = samples[unique[next]!]!.reward!;
      for (let copies = weights?.[next] ?? 1; copies > 0; copies--) insert(best, reward, count);
    }
    means.push(best.length < count ? Number.NaN : best.reduce((sum, reward) => sum + reward, 0) / count);
  }
  return means;
}

function insert(best: number[], reward: number, maximum: number): void {
  if (best.length === maximum && reward <= best.at(-1)!) return;
  let place = best.length;
  while (place > 0 && best[place - 1]! < reward) place--;
  best.splice(place, 0, reward);
  if (best.length > maximum) best.pop();
}
