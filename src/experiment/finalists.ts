// The paper's last step: the best trials by their children are trained again at a higher fidelity, several times each, until the best
// of them is clear or cannot be. It sends trainings out and puts what comes back on disk; selection/racing.ts decides which there are to be.

import { Failure } from '../failure.ts';
import { armNames, armOf } from '../search/arms-strategy.ts';
import { type Chosen, type FinalistRace, finalistRace } from '../selection/finalist-race.ts';
import { Candidate } from '../study/candidate.ts';
import type { FinalistRun } from '../study/finalist-runs.ts';
import type { SearchSettings } from '../study/settings.ts';
import type { Study } from '../study/study.ts';
import { Arrivals, type News } from './arrivals.ts';
import type { Evaluate } from './evaluator.ts';

export interface FinalistToTrain extends FinalistRun {
  candidate: Candidate;
}

/** What happened, told after it is on disk. */
export type FinalistEvent =
  | { kind: 'race'; race: FinalistRace }
  | { kind: 'finalist'; finalist: FinalistRun; news: News };

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

/**
 * Runs the race of the best trials there are now, on from where an earlier process left it. Trainings of an earlier race in the same
 * study, before more trials were searched, count in this one. Throws a Failure if every finalist fails; what `evaluate` rejects
 * with, it throws on.
 */
export async function raceFinalists(options: FinalistOptions): Promise<'finished' | 'interrupted'> {
  const { study, evaluate, signal, onEvent } = options;
  study.keep('finalists', chooseFinalists(study, options.count));
  study.transaction(() => {
    study.finalistRuns.putBackKilled();
    if (finalistRace(study)?.end === 'all failed') study.finalistRuns.putBackFailed(); // somebody may have mended the cause
  });
  const sent = new Set<string>();
  const running = new Set<FinalistRun>();
  const arrivals = new Arrivals(evaluate);
  signal?.addEventListener('abort', arrivals.nudge);
  try {
    for (;;) {
      const arrived = arrivals.take();
      study.transaction(() => {
        for (const { asked, news } of arrived) record(study, asked, news, running);
      });
      for (const { asked: finalist, news } of arrived) onEvent?.({ kind: 'finalist', finalist, news });
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
    const { key } = new Candidate(decisions, space);
    if (!byKey.has(key)) byKey.set(key, number);
    own.add(byKey.get(key)!);
  }
  return { trials: [...byKey.values()], arms: arms.map((own) => [...own]) };
}

/** What is wanted and not yet in `sent`, to which it is added. */
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
  if (!running.has(finalist)) finalistRuns.start(finalist);
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
