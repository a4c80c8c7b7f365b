// The runs of Figure 6: what each strategy sampled, in order, and how good its best unique models were after so many samples.
// Plain numbers from studies; nothing is drawn here.

import { armLabels, armNames, armOf } from '../../search/arms-strategy.ts';
import { Candidate } from '../../study/candidate.ts';
import type { SearchSettings } from '../../study/settings.ts';
import type { Study } from '../../study/study.ts';

/** One strategy with one seed. */
export interface SearchRun {
  strategy: string;
  label: string;
  /** Its trials in the order of the asks, up to the first that has no outcome yet. */
  samples: Sample[];
}

export interface Sample {
  /** Validation accuracy, 0 to 1; undefined: the trial failed. */
  reward: number | undefined;
  /** Two samples with the same key are one model. */
  key: string;
}

/** The arms of a study, or the study as the one run that it is. */
export function runsOf(study: Study<SearchSettings>): SearchRun[] {
  const { known, space, strategy: named } = study.settings; // given cells are no strategy's samples
  const names = armNames(named);
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

/** The places of the samples that are new models with a reward: of one graph the first. */
export function uniqueModels(samples: readonly Sample[]): number[] {
  const seen = new Set<string>();
  return samples.flatMap(({ reward, key }, place) => {
    if (reward === undefined || seen.has(key)) return [];
    seen.add(key);
    return [place];
  });
}

/**
 * Mean reward of the `count` best unique models among the first n samples, for every n of `after`; NaN where there are fewer.
 * `weights`: how often each unique model counts, by its rank among them (a bootstrap's resampling); once by default. `unique`:
 * `uniqueModels(samples)`, for those who ask often.
 */
export function topMeans(
  samples: readonly Sample[],
  count: number,
  after: readonly number[],
  weights?: readonly number[],
  unique: readonly number[] = uniqueModels(samples),
): number[] {
  const best: number[] = []; // the best rewards so far, falling, `count` at most
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

function insert(best: number[], reward: number, most: number): void {
  if (best.length === most && reward <= best.at(-1)!) return;
  let place = best.length;
  while (place > 0 && best[place - 1]! < reward) place--;
  best.splice(place, 0, reward);
  if (best.length > most) best.pop();
}
