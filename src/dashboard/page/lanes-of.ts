// Turns the events of attempts into bars on lanes. A study that does not say which worker trained what gets as many
// lanes as trainings ran at once.

import type { AttemptEvent } from '../course.ts';
import type { Bar } from './charts/lanes.tsx';
import { exactTime, rewardWords, seconds } from './page-words.ts';
import type { StudyStore } from './store.ts';

export interface Shown {
  bars: Bar[];
  lanes: string[];
  from: number;
  to: number;
  /** Share of the lanes' time in which something was trained. */
  busy: number;
  /** Whether the study says which worker it was. */
  isNamed: boolean;
}

interface Attempt {
  start: AttemptEvent;
  end: AttemptEvent | undefined;
}

const keyOf = ({ trial, rung = 0, run = 0 }: AttemptEvent) => `${trial} ${rung} ${run}`;

export function lanesOf(study: StudyStore, [from, to]: [number, number], now: number): Shown {
  const all = attemptsOf(study.trainings, study.searched.value === true).filter((attempt) => !isRepeat(study, attempt));
  const shown = all.filter(({ start, end }) => start.at < to && (end?.at ?? now) > from);
  const isNamed = shown.some(({ start }) => start.worker !== undefined);
  const { laneOf, lanes } = isNamed ? namedLanes(shown) : freeLanes(shown);
  const bars = shown.map((attempt): Bar => barOf(study, attempt, laneOf(attempt)));
  const until = Math.min(to, now);
  const spent = shown.reduce(
    (sum, { start, end }) => sum + Math.max(0, Math.min(end?.at ?? now, until) - Math.max(start.at, from)),
    0,
  );
  const first = Math.max(from, all[0]?.start.at ?? from);
  const busy = lanes.length === 0 || until <= first ? 0 : Math.min(1, spent / (lanes.length * (until - first)));
  return { bars, lanes, from, to, busy, isNamed };
}

/** Whether it took the reward of the same graph: nobody trained it. */
const isRepeat = (study: StudyStore, { start: { trial, rung, run } }: Attempt) =>
  !rung && !run && study.sameAs[trial]! >= 0;

/** @param isLive whether what has no end still runs; else its process was killed */
function attemptsOf(events: readonly AttemptEvent[], isLive: boolean): Attempt[] {
  const open = new Map<string, Attempt>();
  const attempts: Attempt[] = [];
  for (const event of events) {
    const key = keyOf(event);
    if (event.kind === 'start') {
      const attempt: Attempt = { start: event, end: undefined };
      open.set(key, attempt);
      attempts.push(attempt);
    } else {
      const attempt = open.get(key);
      if (attempt) attempt.end = event;
      open.delete(key);
    }
  }
  const last = events.at(-1);
  if (!isLive && last)
    for (const attempt of open.values()) attempt.end = { ...attempt.start, kind: 'requeue', at: last.at };
  return attempts;
}

const unknown = '~'; // comes last
const nameOf = ({ start }: Attempt) => start.worker ?? unknown;

function namedLanes(attempts: readonly Attempt[]) {
  const names = [...new Set(attempts.map(nameOf))];
  names.sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  return {
    lanes: names.map((name) => (name === unknown ? 'not known' : `worker ${name}`)),
    laneOf: (attempt: Attempt) => names.indexOf(nameOf(attempt)),
  };
}

function freeLanes(attempts: readonly Attempt[]) {
  const until: number[] = [];
  const found = new Map<Attempt, number>();
  for (const attempt of attempts) {
    const free = until.findIndex((time) => time <= attempt.start.at);
    const lane = free < 0 ? until.length : free;
    until[lane] = attempt.end?.at ?? Number.POSITIVE_INFINITY;
    found.set(attempt, lane);
  }
  return { lanes: until.map((_, lane) => `lane ${lane + 1}`), laneOf: (attempt: Attempt) => found.get(attempt)! };
}

const outcomes = { done: 'done', fail: 'failed', retry: 'lost', requeue: 'lost', start: 'running' } as const;

function barOf(study: StudyStore, { start, end }: Attempt, lane: number): Bar {
  const { trial, rung, run, predicted, at } = start;
  const outcome = outcomes[end?.kind ?? 'start'];
  const label = `${trial}${rung ? ` ↑${rung}` : ''}${run ? ` run ${run}` : ''}`;
  const what = `Trial ${trial}${rung ? ` at rung ${rung}` : ''}${run ? `, run ${run} as a finalist` : ''}`;
  const predictedEnd = end || predicted === undefined ? undefined : at + predicted * 1000;
  const reward = study.reward[trial];
  const words: Record<Bar['outcome'], string> = {
    running: `in training since ${exactTime(at)}${predictedEnd === undefined ? '' : `, predicted to end at ${exactTime(predictedEnd)}`}`,
    done: `trained ${seconds(((end?.at ?? at) - at) / 1000)} from ${exactTime(at)}${!rung && !run && reward !== undefined && !Number.isNaN(reward) ? `, reward ${rewardWords(reward)}` : ''}`,
    failed: `failed after ${seconds(((end?.at ?? at) - at) / 1000)}`,
    lost: `was put back into the queue after ${seconds(((end?.at ?? at) - at) / 1000)}`,
  };
  return { lane, from: at, to: end?.at, predictedEnd, outcome, label, about: `${what}: ${words[outcome]}.`, trial };
}
