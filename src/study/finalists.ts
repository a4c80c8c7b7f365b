// The paper's last step: the best trials by their children are trained again at a higher fidelity, several times each, until the best
// of them is clear or cannot be. It sends trainings out and puts what comes back on disk; racing.ts decides which there are to be.

import { Failure } from '../failure.ts';
import { armOf } from '../search/arms-strategy.ts';
import { armNames } from '../search/strategy.ts';
import { decisionsKey } from '../space/canonical.ts';
import { type Arrival, Arrivals } from './arrivals.ts';
import type { Evaluate } from './evaluation.ts';
import type { FinalistRun, FinalistRunRecord } from './finalist-runs.ts';
import type { SearchSettings } from './preset.ts';
import { type Race, type Racer, race, ranking } from './racing.ts';
import type { TrialRecord } from './records.ts';
import type { Study } from './study.ts';

export interface FinalistRace extends Race {
  /** The finalists' trials, best child first; the race names finalists by their places here. */
  trials: number[];
  /** Those of each arm, best child first; a graph that two arms found is in both. Absent where an older version began the race. */
  arms?: number[][];
  racers: Racer[];
  /** What is recorded of these finalists' trainings. */
  runs: FinalistRunRecord[];
}

export interface FinalistToTrain extends FinalistRun {
  decisions: number[];
}

/** What happened, told after it is on disk. */
export type FinalistEvent =
  | { kind: 'race'; race: FinalistRace }
  | { kind: 'finalist'; finalist: FinalistRun; arrival: Arrival };

export interface FinalistOptions {
  study: Study<SearchSettings>;
  /** How many finalists, in a study of several arms of each. */
  count: number;
  /** A pool lets those wait that it has no worker for. */
  evaluate: Evaluate<FinalistToTrain>;
  /** Stops at once: what runs goes back to the queue. */
  signal?: AbortSignal;
  onEvent?: (event: FinalistEvent) => void;
}

const name = 'finalists';

/**
 * Runs the race of the best trials there are now, on from where an earlier process left it. Trainings of an earlier race in the same
 * study, before more trials were searched, count in this one. Throws a Failure if every finalist fails; what `evaluate` rejects
 * with, it throws on.
 */
export async function raceFinalists(options: FinalistOptions): Promise<'finished' | 'interrupted'> {
  const { study, evaluate, signal, onEvent } = options;
  study.keep(name, chooseFinalists(study, options.count));
  study.transaction(() => {
    study.finalistRuns.putBackKilled();
    if (finalistRace(study)?.end === 'all failed') study.finalistRuns.putBackFailed(); // somebody may have mended the cause
  });
  const sent: FinalistToTrain[] = []; // an arrival names a training by its place here
  const running = new Set<FinalistRun>();
  const arrivals = new Arrivals(({ number }, progress) => evaluate(sent[number]!, progress));
  signal?.addEventListener('abort', arrivals.nudge);
  try {
    for (;;) {
      const news = arrivals.take().map((arrival) => ({ arrival, finalist: sent[arrival.trial]! }));
      study.transaction(() => {
        for (const { arrival, finalist } of news) record(study, arrival, finalist, running);
      });
      for (const each of news) onEvent?.({ kind: 'finalist', ...each });
      if (arrivals.broken) throw arrivals.broken.reason;
      if (signal?.aborted) return 'interrupted';

      const now = finalistRace(study)!;
      onEvent?.({ kind: 'race', race: now });
      if (now.end === 'all failed') throw new Failure(allFailed(study, now));
      if (now.end) return 'finished';
      arrivals.send(enlist(study, now, sent));
      await arrivals.due();
    }
  } finally {
    signal?.removeEventListener('abort', arrivals.nudge);
    arrivals.stop();
    study.transaction(() => {
      for (const finalist of running) study.finalistRuns.putBack(finalist, 'requeue', 'the search was stopped');
    });
  }
}

/** The race as far as it has come; undefined before it begins, and in studies without finalists. */
export function finalistRace(study: Study<SearchSettings>): FinalistRace | undefined {
  const { finalists, validationImages } = study.settings;
  const kept = study.result(name);
  if (!finalists || !kept) return undefined;
  const { trials, arms } = kept;
  const runs = study.finalistRuns.all().filter(({ trial }) => trials.includes(trial));
  const racers = trials.map((trial): Racer => {
    const own = runs.filter((run) => run.trial === trial);
    const accuracies: (number | undefined)[] = [];
    for (const { run, accuracy } of own) accuracies[run - 1] = accuracy ?? undefined;
    return { accuracies: Array.from(accuracies), failed: own.some(({ state }) => state === 'failed') };
  });
  const step = 1 / (validationImages ?? Number.POSITIVE_INFINITY);
  return { ...race(racers, { ...finalists.seeds, step }), trials, ...(arms && { arms }), racers, runs };
}

/** The best trials: finalists of a race that is over in its order, then the others by their children's reward. */
export function bestTrials(study: Study<SearchSettings>, count = 1): TrialRecord[] {
  const finished = finalistRace(study);
  const numbers = finished?.end ? ranking(finished.racers, finished).map((place) => finished.trials[place]!) : [];
  const first = numbers.slice(0, count).map((number) => study.trial(number)!);
  const others = study.best(count + numbers.length).filter(({ number }) => !numbers.includes(number));
  return [...first, ...others].slice(0, count);
}

type Chosen = Pick<FinalistRace, 'trials' | 'arms'>;

/**
 * The best trials, best first: so many in all, or of each arm where several strategies are compared. Of one graph only the best trial,
 * even where a study trains repeats or two arms found it.
 */
function chooseFinalists(study: Study<SearchSettings>, count: number): Chosen {
  const { space, strategy } = study.settings;
  const byKey = new Map<string, number>();
  const arms = armNames(strategy).map(() => new Set<number>());
  for (const { number, decisions } of study.best(study.asked)) {
    if (arms.every(({ size }) => size === count)) break;
    const own = arms[armOf(number, arms.length)]!;
    if (own.size === count) continue;
    const key = decisionsKey(decisions, space);
    if (!byKey.has(key)) byKey.set(key, number);
    own.add(byKey.get(key)!);
  }
  return { trials: [...byKey.values()], arms: arms.map((own) => [...own]) };
}

/** Adds to `sent` what is wanted and not there yet, and returns it for arrivals. */
function enlist(study: Study<SearchSettings>, { wanted, trials }: FinalistRace, sent: FinalistToTrain[]) {
  const known = new Set(sent.map(({ trial, run }) => `${trial} ${run}`));
  const fresh = wanted
    .map(({ racer, run }) => ({ trial: trials[racer]!, run }))
    .filter(({ trial, run }) => !known.has(`${trial} ${run}`))
    .map((run) => ({ ...run, decisions: study.trial(run.trial)!.decisions }));
  study.transaction(() => {
    for (const run of fresh) study.finalistRuns.want(run);
  });
  return fresh.map((run) => ({ number: sent.push(run) - 1, decisions: run.decisions }));
}

function record(study: Study<object>, arrival: Arrival, finalist: FinalistRun, running: Set<FinalistRun>): void {
  const { finalistRuns } = study;
  if (arrival.kind === 'epoch') return;
  if (arrival.kind === 'retried') {
    finalistRuns.putBack(finalist, 'retry', arrival.reason);
    running.delete(finalist);
    return;
  }
  if (!running.has(finalist)) finalistRuns.start(finalist);
  running.add(finalist);
  if (arrival.kind === 'started') return;
  if (arrival.kind === 'done') finalistRuns.finish(finalist, arrival);
  else finalistRuns.fail(finalist, arrival.failure, arrival.seconds);
  running.delete(finalist);
}

function allFailed(study: Study<object>, { runs, trials }: FinalistRace): string {
  const { kind, message } = runs.find(({ failure }) => failure)!.failure!;
  return `${study.path}: each of the ${trials.length} finalists failed, the first one with ${kind}: ${message}; run again to try them once more`;
}
