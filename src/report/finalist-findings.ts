// What the race of finalists has found: means of runs with their intervals, groups that cannot be told apart, and how far the children
// had put them into that order. Values and sentences; page.ts and show lay them out.

import { type FinalistRace, finalistRace } from '../selection/finalist-race.ts';
import { meanOf, type RaceEnd, type Racer, ranking, runsDone } from '../selection/racing.ts';
import { type RankCorrelation, rankCorrelation } from '../statistics/kendall.ts';
import { criticalValue } from '../statistics/student-t.ts';
import type { Finalists, SearchSettings, Training } from '../study/settings.ts';
import type { Study } from '../study/study.ts';
import { duration, percent, whole } from '../words.ts';

export interface FinalistRow {
  trial: number;
  /** Accuracy of its child, at the highest rung of a ladder that it reached, and its place among the finalists by that: 1 is the best. */
  proxy: number;
  proxyRank: number;
  /** That rung; 0 without a ladder. */
  proxyRung: number;
  runs: number;
  /** Accuracy on the held-out images, 0 to 1; null before the first run, and for one that failed. */
  mean: number | null;
  /** Half the 95% interval of the mean; null where there is too little to tell. */
  uncertainty: number | null;
  /** 1: in the race, or after it: cannot be told apart from the best; 2: those behind, which cannot be told apart from the best of them … null: it failed. */
  group: number | null;
  failure?: string;
}

export interface FinalistFindings {
  /** Best first, those that failed last. */
  rows: FinalistRow[];
  /** Why the race is over; absent while it is not. */
  end?: RaceEnd;
  runs: number;
  /** What workers spent on them. */
  workerSeconds: number;
  /**
   * Of the children's rewards, at the highest rung that all finalists reached, with the means over the runs that all have; from five
   * finalists on.
   */
  proxyCorrelation?: RankCorrelation & { finalists: number; runs: number; rung: number };
}

/** Undefined before the race begins, and in studies without finalists. */
export function finalistFindings(study: Study<SearchSettings>): FinalistFindings | undefined {
  const race = finalistRace(study);
  if (!race) return undefined;
  const { trials, racers, failed, runs, end } = race;
  const proxies = trials.map((trial) => [
    study.trial(trial)!.reward!,
    ...study.rungs.of(trial).flatMap(({ reward }) => reward ?? []),
  ]);
  const order = ranking(racers, race);
  const deviation = spreadOfRuns(racers);
  const groups = [race.racing, ...race.beaten];
  const rows = [...order, ...failed].map((place): FinalistRow => {
    const count = runsDone(racers[place]!);
    const out = failed.includes(place);
    const { failure } = runs.find((run) => run.trial === trials[place] && run.failure) ?? {};
    return {
      trial: trials[place]!,
      proxy: proxies[place]!.at(-1)!,
      proxyRank: place + 1,
      proxyRung: proxies[place]!.length - 1,
      runs: count,
      mean: out || count === 0 ? null : meanOf(racers[place]!),
      uncertainty: out || count === 0 || deviation === undefined ? null : deviation / Math.sqrt(count),
      group: out ? null : groups.findIndex((group) => group.includes(place)) + 1,
      ...(failure && { failure: `${failure.kind}: ${failure.message}` }),
    };
  });
  const correlation = proxyCorrelation(race, order, proxies);
  return {
    rows,
    ...(end && { end }),
    runs: runs.filter(({ accuracy }) => accuracy !== null).length,
    workerSeconds: runs.reduce((sum, { workerSeconds }) => sum + (workerSeconds ?? 0), 0),
    ...(correlation && { proxyCorrelation: correlation }),
  };
}

/**
 * Half the 95% interval of a single run's accuracy about its finalist's mean, from the spread of all finalists' runs (Student's t).
 * It holds other seeds, not other held-out images.
 */
function spreadOfRuns(racers: readonly Racer[]): number | undefined {
  let freedom = 0;
  let squares = 0;
  for (const racer of racers) {
    const count = runsDone(racer);
    if (racer.failed || count < 2) continue;
    const mean = meanOf(racer);
    freedom += count - 1;
    for (const accuracy of racer.accuracies.slice(0, count)) squares += (accuracy! - mean) ** 2;
  }
  return freedom === 0 ? undefined : criticalValue(0.025, freedom) * Math.sqrt(squares / freedom);
}

/** `proxies`: each child's rewards from rung to rung. */
function proxyCorrelation(
  { racers }: FinalistRace,
  places: readonly number[],
  proxies: readonly (readonly number[])[],
) {
  const runs = Math.min(...places.map((place) => runsDone(racers[place]!)));
  if (runs === 0) return undefined;
  const rung = Math.min(...places.map((place) => proxies[place]!.length - 1)); // rewards of two rungs say nothing of each other
  const found = rankCorrelation(
    places.map((place) => proxies[place]![rung]!),
    places.map((place) => meanOf(racers[place]!, runs)),
  );
  return found && { ...found, finalists: places.length, runs, rung };
}

/** What was done, which came out best and how sure that is, who failed, and what the children were worth as a proxy. */
export function finalistSentences({ rows, end, ...findings }: FinalistFindings, settings: Finalists): string[] {
  const begun = `The best ${rows.length} by their children`;
  const again = `trained again with ${trainingWords(settings.training)}`;
  if (!end) return [`${begun} are being ${again}; runs done so far: ${whole(findings.runs)}.`];
  const [best] = rows;
  if (!best || best.mean === null) return [];
  const said = [
    `${begun} were ${again}, ${whole(findings.runs)} runs in ${duration(findings.workerSeconds)} of workers' time: trial ${best.trial} has the highest mean, ${meanWords(best)} of the held-out images right over ${best.runs} runs.`,
  ];
  const others = rows.filter(({ group }) => group !== null).slice(1);
  const equals = others.filter(({ group }) => group === 1).map(({ trial }) => trial);
  if (equals.length > 0) {
    said.push(
      `It cannot be told apart from ${trialWords(equals)} (at 95% confidence): it was taken for its higher mean, which may be chance.`,
    );
  } else if (others.length > 0) {
    said.push(`It is ahead of the others beyond chance (at 95% confidence).`);
  }
  for (const { trial, failure } of rows.filter(({ group }) => group === null)) {
    said.push(`Trial ${trial} is out because a run of it failed: ${failure}.`);
  }
  if (findings.proxyCorrelation) said.push(correlationSentence(findings.proxyCorrelation));
  return said;
}

/** The race as a table, its head the first row. */
export function finalistTable({ rows, end }: Pick<FinalistFindings, 'rows' | 'end'>): string[][] {
  const head = ['finalist', 'mean', 'runs', 'group', 'as a child', 'rank as a child'];
  return [
    head,
    ...rows.map((row) => [
      `trial ${row.trial}`,
      meanWords(row),
      `${row.runs}`,
      row.failure ?? (end || row.group !== 1 ? groupWords(row, rows) : 'in the race'),
      `${percent(row.proxy, 2)}${row.proxyRung > 0 ? ` (rung ${row.proxyRung})` : ''}`,
      `${row.proxyRank}`,
    ]),
  ];
}

/** "45.12 ± 0.80%" */
function meanWords({ mean, uncertainty }: FinalistRow): string {
  if (mean === null) return '–';
  return uncertainty === null ? percent(mean, 2) : `${(100 * mean).toFixed(2)} ± ${percent(uncertainty, 2)}`;
}

/** "1 (cannot be told apart)" for a group of several, else its number. */
function groupWords({ group }: FinalistRow, rows: readonly FinalistRow[]): string {
  const shared = rows.filter((row) => row.group === group).length > 1;
  return shared ? `${group} (cannot be told apart)` : `${group}`;
}

function correlationSentence(correlation: NonNullable<FinalistFindings['proxyCorrelation']>) {
  const { tau, low, high, finalists, runs, rung } = correlation;
  const found = `Kendall's τ is ${tau.toFixed(2)} (95% interval ${low.toFixed(2)} to ${high.toFixed(2)})`;
  const meaning =
    low > 0
      ? 'the children had put the best into about this order'
      : high < 0
        ? 'the children had put the best into the opposite order'
        : 'whether the children put the best into any such order does not show';
  return `Between the children's accuracies${rung > 0 ? ` at rung ${rung}` : ''} and the means of ${finalists} finalists over ${runs} runs, ${found}: ${meaning}.`;
}

function trainingWords({ cells, filters, trainingImages, recipe }: Training): string {
  const images = trainingImages === undefined ? 'all images' : `${whole(trainingImages)} images`;
  const epochs = recipe.epochs === 1 ? '1 epoch' : `${recipe.epochs} epochs`;
  return `N = ${cells}, F = ${filters} on ${images} for ${epochs}`;
}

function trialWords(trials: readonly number[]): string {
  if (trials.length > mostNamed) return `${whole(trials.length)} others`;
  const names = trials.map(String);
  return names.length === 1 ? `trial ${names[0]}` : `trials ${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

const mostNamed = 6;
