// Figures of a study that several views show: counts, the best, means, times. Functions of the store's columns.

import { criticalValue } from '../../statistics/student-t.ts';
import { done, failed, queued, running, type StudyStore } from './store.ts';

export interface Best {
  trial: number;
  reward: number;
  /** The rung of this reward: the highest that the trial reached. */
  rung: number;
}

export interface Counts {
  queued: number;
  running: number;
  done: number;
  failed: number;
  /** Done trials that took the reward of an earlier one of the same graph. */
  repeats: number;
}

export function countsOf(study: StudyStore): Counts {
  const counts = [0, 0, 0, 0];
  let repeats = 0;
  for (let trial = 0; trial < study.count; trial++) {
    counts[study.state[trial]!]!++;
    if (study.sameAs[trial]! >= 0) repeats++;
  }
  return { queued: counts[queued]!, running: counts[running]!, done: counts[done]!, failed: counts[failed]!, repeats };
}

/** Trials with a reward at their highest rung, best first: rewards of different rungs cannot be compared. */
export function bestTrials(study: StudyStore, count: number): Best[] {
  const highest = new Map<number, Best>();
  for (const { trial, rung, state, reward } of study.selection.rungs)
    if (state === 'done' && reward !== null && rung > (highest.get(trial)?.rung ?? 0))
      highest.set(trial, { trial, rung, reward });
  const climbed = [...highest.values()].sort((a, b) => b.rung - a.rung || b.reward - a.reward || a.trial - b.trial);
  const others = topRewards(study, count + climbed.length).filter((trial) => !highest.has(trial));
  return [...climbed, ...others.map((trial) => ({ trial, reward: study.reward[trial]!, rung: 0 }))].slice(0, count);
}

/** The trained trials with the highest rewards at the lowest rung. */
export function topRewards(study: StudyStore, count: number): number[] {
  const trials: number[] = [];
  for (let trial = 0; trial < study.count; trial++)
    if (study.state[trial] === done && study.sameAs[trial]! < 0) trials.push(trial);
  return trials.sort((a, b) => study.reward[b]! - study.reward[a]! || a - b).slice(0, count);
}

/** The target number of trials. */
export function targetOf(study: StudyStore): number {
  const { results } = study.answer;
  const decided = (results['budget decisions'] as { trials?: number } | undefined)?.trials;
  const target = typeof results.target === 'number' ? results.target : (decided ?? study.settings.trials);
  return Math.max(target, study.count);
}

export interface Pace {
  perHour: number;
  /** Seconds until all trials have an outcome, with the 95% interval; undefined while nothing is known. */
  left: { seconds: number; low: number; high: number } | undefined;
}

const latestGaps = 60; // between outcomes: the controller's choices change how long trainings take

/** How fast outcomes come, from the gaps between the latest of the last session that had some. */
export function paceOf(study: StudyStore): Pace | undefined {
  const latest = study.finished.subarray(0, study.count).reduce(laterOf, 0);
  const opened = study.answer.sessions.findLast((session) => session.opened <= latest)?.opened ?? 0;
  const times: number[] = [];
  for (let trial = study.count - 1; trial >= 0 && times.length < 4 * latestGaps; trial--)
    if (study.finished[trial]! >= opened) times.push(study.finished[trial]!);
  times.sort((a, b) => a - b);
  const latestTimes = times.slice(-latestGaps - 1);
  const gaps = latestTimes.slice(1).map((time, index) => (time - latestTimes[index]!) / 1000);
  if (gaps.length < 2) return undefined;
  const each = mean(gaps);
  const counts = countsOf(study);
  const remaining = targetOf(study) - counts.done - counts.failed;
  const deviation = deviationOf(gaps);
  // the sum of what is left varies, and so does what is known of the mean
  const spread =
    criticalValue(0.025, gaps.length - 1) * deviation * Math.sqrt(remaining + (remaining * remaining) / gaps.length);
  const seconds = remaining * each;
  const left = remaining <= 0 ? undefined : { seconds, low: Math.max(0, seconds - spread), high: seconds + spread };
  return { perHour: each > 0 ? 3600 / each : 0, left };
}

/** The later of two times; NaN is none. */
const laterOf = (last: number, time: number): number => Math.max(last, time || 0);

export const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

export function deviationOf(values: readonly number[]): number {
  const middle = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1));
}

/** The mean of `values` with its 95% interval by Student's t; undefined for fewer than two. */
export function meanInterval(values: readonly number[]): { mean: number; half: number } | undefined {
  if (values.length < 2) return undefined;
  return {
    mean: mean(values),
    half: (criticalValue(0.025, values.length - 1) * deviationOf(values)) / Math.sqrt(values.length),
  };
}

/** Seconds of search before a time: pauses between sessions do not count. */
export function searchClock(study: StudyStore): (time: number) => number {
  const sessions = study.answer.sessions;
  const lastTime = study.finished.reduce(laterOf, 0);
  const ends = sessions.map(
    ({ opened, closed }, index) => closed ?? sessions[index + 1]?.opened ?? Math.max(opened, lastTime),
  );
  return (time) =>
    sessions.reduce((sum, { opened }, index) => sum + Math.max(0, Math.min(time, ends[index]!) - opened), 0) / 1000;
}

/** The state of the search in a word and a sentence. */
export function statusOf(study: StudyStore): {
  word: string;
  tone: 'live' | 'idle' | 'bad' | 'good';
  sentence: string;
} {
  if (study.trouble.value !== undefined) return { word: 'unreadable', tone: 'bad', sentence: study.trouble.value };
  const isOver = study.answer.results['final model'] !== undefined;
  if (study.searched.value) {
    if (isPaused(study))
      return { word: 'paused', tone: 'idle', sentence: 'Paused: running children go on, no other begins.' };
    const isTrial = hasTrialsToCome(study);
    return {
      word: isTrial ? 'searching' : 'finishing',
      tone: 'live',
      sentence: isTrial ? 'A search works on this study.' : 'All trials are done; the best are trained further.',
    };
  }
  if (isOver) return { word: 'finished', tone: 'good', sentence: 'The search is finished.' };
  if (study.searched.value === undefined && study.source.kind === 'live')
    return { word: 'elsewhere', tone: 'idle', sentence: 'A search on another machine wrote it last.' };
  return !hasTrialsToCome(study)
    ? { word: 'finished', tone: 'good', sentence: 'All trials have an outcome.' }
    : { word: 'not running', tone: 'idle', sentence: 'No search works on this study now.' };
}

/** Whether trials of the search have no outcome yet. */
export function hasTrialsToCome(study: StudyStore): boolean {
  const { done: ended, failed: lost } = countsOf(study);
  return ended + lost < targetOf(study);
}

/** Whether the latest request of this session is a pause. */
export function isPaused(study: StudyStore): boolean {
  const opened = study.answer.sessions.at(-1)?.opened ?? 0;
  const latest = study.requests.findLast(
    ({ at, action }) => at >= opened && (action === 'pause' || action === 'resume'),
  );
  return latest?.action === 'pause';
}
