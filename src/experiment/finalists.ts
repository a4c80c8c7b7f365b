// The paper's last step: the best trials are trained again at a higher fidelity, several times each, until the race is
// decided. This file sends out the trainings and records their outcomes; selection/racing.ts decides which trainings
// are needed.

import { Failure } from '../failure.ts';
import { armNames, armOf } from '../search/arms-strategy.ts';
import { type Chosen, type FinalistRace, finalistRace, rewardedKnown } from '../selection/finalist-race.ts';
import { Candidate } from '../study/candidate.ts';
import type { FinalistRun } from '../study/finalist-runs.ts';
import type { SearchSettings } from '../study/settings.ts';
import type { Study } from '../study/study.ts';
import { Arrivals, acknowledge, type News, startOf } from './arrivals.ts';
import type { Evaluate } from './evaluator.ts';

export interface FinalistToTrain extends FinalistRun {
  candidate: Candidate;
}

/** Events, emitted after they are on disk. */
export type FinalistEvent =
  | { kind: 'race'; race: FinalistRace }
  | { kind: 'finalist'; finalist: FinalistRun; news: News };

export interface FinalistOptions {
  study: Study<SearchSettings>;
  /** Number of finalists; in a study of several arms, of each arm. */
  count: number;
  /** Called for all wanted trainings at once; a pool queues them. */
  evaluate: Evaluate<FinalistToTrain>;
  /** Stops immediately: running trainings return to the queue. */
  signal?: AbortSignal;
  onEvent?: (event: FinalistEvent) => void;
}

/**
 * Runs the race of the current best trials, or resumes it. Trainings of an earlier race in the same study, before more
 * trials were searched, count in this one.
 * @throws Failure if every finalist fails; the rejection of `evaluate`
 */
export async function raceFinalists(options: FinalistOptions): Promise<'finished' | 'interrupted'> {
  const { study, evaluate, signal, onEvent } = options;
  study.keep('finalists', chooseFinalists(study, options.count));
  study.transaction(() => {
    study.finalistRuns.putBackKilled();
    if (finalistRace(study)?.end === 'all failed') study.finalistRuns.putBackFailed(); // the cause may have been fixed
  });
  const sent = new Set<string>();
  const running = new Set<FinalistRun>();
  const arrivals = new Arrivals(evaluate);
  signal?.addEventListener('abort', arrivals.nudge);
  try {
    for (;;) {
      const arrived = arrivals.take();
      study.transaction(() => {
        for (const { request, news } of arrived) record(study, request, news, running);
      });
      for (const { news } of arrived) acknowledge(news);
      for (const { request: finalist, news } of arrived) onEvent?.({ kind: 'finalist', finalist, news });
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

/**
 * Chooses the finalists: the best trials, best first, `count` in total or of each arm. Only the best trial of each
 * graph is chosen, even if a study trains repeats or two arms have it. With `withKnown` known cells are among them, as
 * many as leave a place for another cell, the first one in any case; those that are not among the best come last, in
 * the order of the settings.
 */
export function chooseFinalists(study: Study<SearchSettings>, count: number): Chosen {
  const { space, strategy, finalists } = study.settings;
  const byKey = new Map<string, number>();
  const arms = armNames(strategy).map(() => new Set<number>());
  for (const { number, decisions } of study.best(study.asked)) {
    if (arms.every(({ size }) => size === count)) break;
    const own = arms[armOf(number, arms.length)]!;
    if (own.size === count) continue;
    const { key } = new Candidate(decisions, space);
    if (!byKey.has(key)) byKey.set(key, number);
    own.add(byKey.get(key)!);
  }
  const trials = [...byKey.values()];
  const most = count * arms.length;
  const known = finalists?.withKnown ? knownTrials(study, byKey).slice(0, Math.max(1, most - 1)) : [];
  const others = trials.filter((trial) => !known.includes(trial)).slice(0, most - known.length);
  const chosen = new Set([...known, ...others]);
  return {
    trials: [...new Set([...trials, ...known])].filter((trial) => chosen.has(trial)),
    arms: arms.map((own) => [...own].filter((trial) => chosen.has(trial))),
  };
}

/** Returns the trials of the known cells that have a reward, one of each graph: that of `byKey` if it is there. */
function knownTrials(study: Study<SearchSettings>, byKey: ReadonlyMap<string, number>): number[] {
  const { known, space } = study.settings;
  const keyed = new Map(rewardedKnown(study).map((number) => [new Candidate(known[number]!, space).key, number]));
  return [...keyed].map(([key, number]) => byKey.get(key) ?? number);
}

/** Returns the wanted trainings that are not in `sent` yet, and adds them to it. */
function enlist(study: Study<SearchSettings>, { wanted, trials }: FinalistRace, sent: Set<string>): FinalistToTrain[] {
  const fresh = wanted
    .map(({ racer, run }) => ({ trial: trials[racer]!, run }))
    .filter((run) => !sent.has(keyOf(run)))
    .map((run) => ({ ...run, candidate: new Candidate(study.trial(run.trial)!.decisions, study.settings.space) }));
  study.transaction(() => {
    for (const run of fresh) study.finalistRuns.want(run);
  });
  for (const run of fresh) sent.add(keyOf(run));
  return fresh;
}

const keyOf = ({ trial, run }: FinalistRun) => `${trial} ${run}`;

function record(study: Study<object>, finalist: FinalistRun, news: News, running: Set<FinalistRun>): void {
  const { finalistRuns } = study;
  if (news.kind === 'epoch') return;
  if (news.kind === 'retried') {
    finalistRuns.putBack(finalist, 'retry', news.reason);
    running.delete(finalist);
    return;
  }
  if (!running.has(finalist)) finalistRuns.start(finalist, startOf(news));
  running.add(finalist);
  if (news.kind === 'started') return;
  if (news.kind === 'done') finalistRuns.finish(finalist, news);
  else finalistRuns.fail(finalist, news.failure, news.seconds);
  running.delete(finalist);
}

function allFailed(study: Study<object>, { runs, trials }: FinalistRace): string {
  const { kind, message } = runs.find(({ failure }) => failure)!.failure!;
  return `${study.path}: each of the ${trials.length} finalists failed, the first one with ${kind}: ${message}; run again to try them once more`;
}
