// The findings of the race of finalists: means of runs with intervals, groups without a significant difference, and the
// correlation with the children's rewards. Values and sentences; page.ts and show lay them out.

import { type FinalistRace, finalistRace, preferredTrial } from '../selection/finalist-race.ts';
import { meanOf, type RaceEnd, type Racer, ranking, runsDone } from '../selection/racing.ts';
import { type RankCorrelation, rankCorrelation } from '../statistics/kendall.ts';
import { criticalValue } from '../statistics/student-t.ts';
import type { Finalists, SearchSettings, Training } from '../study/settings.ts';
import type { Study } from '../study/study.ts';
import { duration, percent, percentWithin, whole } from '../words.ts';
import { rungRewards } from './rung-rewards.ts';

export interface FinalistRow {
  trial: number;
  /**
   * Accuracy of its child at the highest rung that it reached, and its rank among the finalists by that; 1 is the best.
   */
  proxy: number;
  proxyRank: number;
  /** The rung of `proxy`; 0 without a ladder. */
  proxyRung: number;
  runs: number;
  /** Accuracy on the held-out images, 0 to 1; null before the first run, and for a finalist that failed. */
  mean: number | null;
  /** Half the 95% interval of the mean; null if there are too few runs. */
  uncertainty: number | null;
  /**
   * 1: in the race, or after it: not significantly different from the best. 2: the next, not significantly different
   * from the best of them … null: it failed.
   */
  group: number | null;
  failure?: string;
}

export interface FinalistFindings {
  /** Best first, failed ones last. */
  rows: FinalistRow[];
  /** Why the race ended; absent while it runs. */
  end?: RaceEnd;
  /** The number of known cells among the finalists, where they are finalists whatever their children reached. */
  known?: number;
  /** The known cell that was chosen because no other is surely better; absent in studies that prefer none. */
  preferred?: number;
  runs: number;
  /** Seconds that workers spent on the runs. */
  workerSeconds: number;
  /**
   * The correlation of the children's rewards at the highest rung that all finalists reached with the means over the
   * runs that all have; absent for fewer than five finalists.
   */
  proxyCorrelation?: RankCorrelation & { finalists: number; runs: number; rung: number };
}

/** Returns the findings; undefined before the race starts, and in studies without finalists. */
export function finalistFindings(study: Study<SearchSettings>): FinalistFindings | undefined {
  const race = finalistRace(study);
  if (!race) return undefined;
  const { trials, racers, failed, runs, end } = race;
  const proxies = trials.map((trial) => rungRewards(study, trial));
  const order = ranking(racers, race);
  const deviation = spreadOfRuns(racers);
  const groups = [race.racing, ...race.beaten];
  const rows = [...order, ...failed].map((place): FinalistRow => {
    const count = runsDone(racers[place]!);
    const isOut = failed.includes(place);
    const { failure } = runs.find((run) => run.trial === trials[place] && run.failure) ?? {};
    return {
      trial: trials[place]!,
      proxy: proxies[place]!.at(-1)!,
      proxyRank: 1 + proxies.filter((other) => isBetter(other, proxies[place]!)).length,
      proxyRung: proxies[place]!.length - 1,
      runs: count,
      mean: isOut || count === 0 ? null : meanOf(racers[place]!),
      uncertainty: isOut || count === 0 || deviation === undefined ? null : deviation / Math.sqrt(count),
      group: isOut ? null : groups.findIndex((group) => group.includes(place)) + 1,
      ...(failure && { failure: `${failure.kind}: ${failure.message}` }),
    };
  });
  const correlation = proxyCorrelation(race, order, proxies);
  const preferred = preferredTrial(study, race);
  const known = study.settings.finalists?.withKnown
    ? trials.filter((trial) => trial < study.settings.known.length).length
    : 0;
  return {
    rows,
    ...(end && { end }),
    ...(known > 0 && { known }),
    ...(preferred !== undefined && { preferred }),
    runs: runs.filter(({ accuracy }) => accuracy !== null).length,
    workerSeconds: runs.reduce((sum, { workerSeconds }) => sum + (workerSeconds ?? 0), 0),
    ...(correlation && { proxyCorrelation: correlation }),
  };
}

/** Whether a race has ended and left a cell to choose. */
export const hasWinner = (finalists: Pick<FinalistFindings, 'end'> | undefined): boolean =>
  finalists?.end !== undefined && finalists.end !== 'all failed';

/** Whether a child's rewards at all rungs are better than another one's: a higher rung goes before the reward there. */
const isBetter = (one: readonly number[], other: readonly number[]): boolean =>
  one.length > other.length || (one.length === other.length && one.at(-1)! > other.at(-1)!);

/**
 * Returns half the 95% interval of a single run's accuracy around its finalist's mean, from the spread of all
 * finalists' runs (Student's t). It covers the effect of other seeds, but not of other held-out images.
 */
function spreadOfRuns(racers: readonly Racer[]): number | undefined {
  let degreesOfFreedom = 0;
  let squares = 0;
  for (const racer of racers) {
    const count = runsDone(racer);
    if (racer.failed || count < 2) continue;
    const mean = meanOf(racer);
    degreesOfFreedom += count - 1;
    for (const accuracy of racer.accuracies.slice(0, count)) squares += (accuracy! - mean) ** 2;
  }
  return degreesOfFreedom === 0
    ? undefined
    : criticalValue(0.025, degreesOfFreedom) * Math.sqrt(squares / degreesOfFreedom);
}

/** `proxies` are each child's rewards at all rungs. */
function proxyCorrelation(
  { racers }: FinalistRace,
  places: readonly number[],
  proxies: readonly (readonly number[])[],
) {
  const runs = Math.min(...places.map((place) => runsDone(racers[place]!)));
  if (runs === 0) return undefined;
  const rung = Math.min(...places.map((place) => proxies[place]!.length - 1)); // comparable only at one rung
  const correlation = rankCorrelation(
    places.map((place) => proxies[place]![rung]!),
    places.map((place) => meanOf(racers[place]!, runs)),
  );
  return correlation && { ...correlation, finalists: places.length, runs, rung };
}

/** "at 80% confidence" */
export const confidenceWords = ({ prefersKnown }: Pick<Finalists, 'prefersKnown'>): string =>
  typeof prefersKnown === 'number' ? `at ${percent(prefersKnown, 0)} confidence` : 'beyond chance';

/**
 * Returns sentences: what was trained, which finalist is the best and how certain that is, which failed, and how good a
 * proxy the children were.
 */
export function finalistSentences(
  { rows, end, preferred, ...findings }: FinalistFindings,
  settings: Finalists,
): string[] {
  const finalists = whoRaces(rows.length, findings.known);
  const equal = settings.equalCost ? ', or as many as cost the same' : '';
  const training = `trained again with ${trainingWords(settings.training)}${equal}`;
  if (!end) return [`${finalists} are being ${training}; runs done so far: ${whole(findings.runs)}.`];
  const [best] = rows;
  if (!best) return [];
  const sentences = [
    `${finalists} were ${training}, ${whole(findings.runs)} runs in ${duration(findings.workerSeconds)} of workers' time: ${bestWords(best)}.`,
  ];
  const others = rows.filter(({ group }) => group !== null).slice(1);
  const equals = others.filter(({ group }) => group === 1).map(({ trial }) => trial);
  if (equals.length > 0) {
    const reason =
      preferred === undefined || preferred === best.trial
        ? 'it was chosen for its higher mean, which may be chance'
        : `trial ${preferred} was chosen, a known cell, since no other is better ${confidenceWords(settings)}`;
    sentences.push(`It cannot be told apart from ${trialWords(equals)} (at 95% confidence): ${reason}.`);
  } else if (others.length > 0) {
    sentences.push(`It is ahead of the others beyond chance (at 95% confidence).`);
  }
  for (const { trial, failure } of rows.filter(({ group }) => group === null)) {
    sentences.push(`Trial ${trial} is out because one of its runs failed: ${failure}.`);
  }
  if (findings.proxyCorrelation) sentences.push(correlationSentence(findings.proxyCorrelation));
  return sentences;
}

function whoRaces(count: number, known = 0): string {
  if (known === 0) return `The best ${count} by their children`;
  return `${whole(count)} ${count === 1 ? 'finalist' : 'finalists'}, ${known} known ${known === 1 ? 'cell' : 'cells'} among them,`;
}

function bestWords(best: FinalistRow): string {
  const { trial, group, mean, runs } = best;
  if (group === null) return 'all of them failed';
  if (mean === null) return `only trial ${trial} is left, which has no run`;
  return `trial ${trial} has the highest mean, ${meanWords(best)} of the held-out images right over ${runs} runs`;
}

/** Returns the race as a table; the first row is the header. */
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

/** Returns "45.12 ± 0.80%". */
function meanWords({ mean, uncertainty }: FinalistRow): string {
  if (mean === null) return '–';
  return uncertainty === null ? percent(mean, 2) : percentWithin(mean, uncertainty, 2);
}

/** Returns "1 (cannot be told apart)" for a group of several, otherwise its number. */
function groupWords({ group }: FinalistRow, rows: readonly FinalistRow[]): string {
  const shared = rows.filter((row) => row.group === group).length > 1;
  return shared ? `${group} (cannot be told apart)` : `${group}`;
}

function correlationSentence(correlation: NonNullable<FinalistFindings['proxyCorrelation']>) {
  const { tau, low, high, finalists, runs, rung } = correlation;
  const value = `Kendall's τ is ${tau.toFixed(2)} (95% interval ${low.toFixed(2)} to ${high.toFixed(2)})`;
  const meaning =
    low > 0
      ? 'the children ranked the best in about this order'
      : high < 0
        ? 'the children ranked the best in the opposite order'
        : 'it is not clear whether the children ranked the best in this order';
  return `Between the children's accuracies${rung > 0 ? ` at rung ${rung}` : ''} and the means of ${finalists} finalists over ${runs} runs, ${value}: ${meaning}.`;
}

function trainingWords({ cells, filters, trainingImages, recipe }: Training): string {
  const images = trainingImages === undefined ? 'all images' : `${whole(trainingImages)} images`;
  const epochs = recipe.epochs === 1 ? '1 epoch' : `${recipe.epochs} epochs`;
  return `N = ${cells}, F = ${filters} on ${images} for ${epochs}`;
}

function trialWords(trials: readonly number[]): string {
  if (trials.length > maxNames) return `${whole(trials.length)} others`;
  const names = trials.map(String);
  return names.length === 1 ? `trial ${names[0]}` : `trials ${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

const maxNames = 6;
