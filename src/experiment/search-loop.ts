// The loop of a search: ask the strategy, evaluate trials, record outcomes, report them. A search that is killed at any
// moment can be resumed from the study.

import { setImmediate } from 'node:timers/promises';
import { z } from 'zod';
import type { Artifacts } from '../artifacts.ts';
import { keepPaused } from '../children/study-artifacts.ts';
import { Failure } from '../failure.ts';
import type { Strategy } from '../search/strategy.ts';
import type { LadderOptions } from '../selection/ladder-options.ts';
import type { Space } from '../space/search-space.ts';
import type { TrainingLog } from '../study/log.ts';
import type { SearchRequest } from '../study/requests.ts';
import type { Study } from '../study/study.ts';
import { Arrivals, acknowledge, type News, startOf } from './arrivals.ts';
import { type AskedTraining, Dialogue, type DialogueEvent, type DialogueOptions, keyOf } from './dialogue.ts';
import type { Evaluate } from './evaluator.ts';
import { Promotions } from './promotions.ts';
import type { SearchControl } from './search-control.ts';
import { overLimit } from './within-limits.ts';

export const searchDefaults = {
  /** Outcomes are reported in the order of the asks, so that a search depends on its seed and not on timing. */
  inOrder: true,
  /**
   * The number of open trials per worker in that order. With log-normal training times of 60% spread, 3 keep 2 workers
   * 99.8% busy, 8 workers 96%, 16 workers 92%; more would make the strategy decide on older outcomes.
   */
  lookaheadPerWorker: 3,
  /** Not in order: the number of open trials per job that workers can run, so that none waits for the next ask. */
  openPerSlot: 1.1,
  /** Asks and tells between two snapshots of the strategy; 40 is one update of 20 trials. */
  eventsPerSnapshot: 40,
  /**
   * The factor by which the lookahead grows with every rung. With rungs that cost 1, 3 and 9 it keeps 2 workers 99.6%
   * busy, 8 and 16 workers 90%; without it 94%, 60% and 52%.
   */
  laterPerRung: 2,
  /** Consecutive failures that end the search, since their cause is not the architecture. */
  failuresInARow: 20,
  /** The same before the first success. */
  failuresAtFirst: 10,
};

/** How many trainings the workers that are there can run at once. */
export interface MachinesThere {
  readonly count: number;
  /** The same by the kind of machine. */
  readonly kinds: ReadonlyMap<string, number>;
  onChange(listener: () => void): void;
}

export interface SearchOptions {
  study: Study<object>;
  /** A new strategy with the study's settings. */
  strategy: Strategy;
  /** The search space of the decisions. Default: space A. */
  space?: Space | undefined;
  /** Called for more trials than `workers` when in order; a pool queues them. */
  evaluate: Evaluate;
  /** The target number of trials. */
  trials: number;
  /**
   * Whether another trial is asked for after `asked` trials; after the first false the search ends with them. Default:
   * up to `trials`.
   */
  mayAsk?: ((asked: number) => boolean) | undefined;
  /** Number of evaluations at once. */
  workers: number;
  /**
   * Where workers come and go: not in order, as many trials are open as they can evaluate, and a few more. In order the
   * number is fixed, since decisions depend on it, unless the study follows its workers.
   */
  machines?: MachinesThere | undefined;
  /**
   * In order, the lookahead of a new study follows `machines`. Its decisions then depend on when workers come and go.
   */
  followWorkers?: boolean | undefined;
  /**
   * Recorded when the study is first searched. In order, trial n is asked for when n − lookahead + 1 outcomes are
   * reported, so that others continue while the oldest one is late. Otherwise outcomes are reported as they come (as in
   * the paper).
   */
  inOrder?: boolean;
  eventsPerSnapshot?: number;
  /**
   * Trains the best further by asynchronous successive halving; `evaluate` is then called with rungs. It must not
   * change in a study.
   */
  ladder?: LadderOptions | undefined;
  /** The store of paused children; those that cannot be promoted any more are removed. */
  artifacts?: Artifacts | undefined;
  /** Stops immediately: running trials return to the queue. */
  signal?: AbortSignal;
  /** The requests of a person to the running search. */
  control?: SearchControl | undefined;
  onEvent?: (event: SearchEvent) => void;
}

/** The order in which outcomes are reported, as recorded in the study. */
export interface Order {
  inOrder: boolean;
  lookahead: number;
  /** Only with a ladder. */
  laterPerRung?: number;
  /** Whether the lookahead follows the workers, where there are some that come and go. */
  followsWorkers?: true;
}

export const orderSchema: z.ZodType<Order> = z.strictObject({
  inOrder: z.boolean(),
  lookahead: z.int().positive(),
  laterPerRung: z.number().positive().exactOptional(),
  followsWorkers: z.literal(true).exactOptional(),
});

/** Returns the order of a study's search, which is recorded when it is first asked for. */
export function orderOf({
  study,
  inOrder = searchDefaults.inOrder,
  workers,
  followWorkers = false,
  ladder,
}: Pick<SearchOptions, 'study' | 'inOrder' | 'workers' | 'followWorkers' | 'ladder'>): Order {
  const order: Order = {
    inOrder,
    lookahead: searchDefaults.lookaheadPerWorker * workers,
    ...(ladder && { laterPerRung: searchDefaults.laterPerRung }),
    ...(inOrder && followWorkers && { followsWorkers: true }),
  };
  return study.recordOnce('order', order, orderSchema);
}

const reportsBetweenTidying = 20;
const millisecondsBetweenCounts = 1000; // of search time that a kill may lose

/**
 * Whether an outcome took a worker more than a second. It is then on disk before it is reported to the strategy; cheap
 * ones share a commit with the next decisions, since a commit would cost more than they did.
 */
const isExpensive = (news: News) => (news.kind === 'done' || news.kind === 'failed') && news.seconds > 1;

/** News of a trial's training at a rung; 0 without a ladder. */
type TrainingNews = { trial: number; rung: number } & News;

/** Events, emitted after they are on disk. */
export type SearchEvent =
  /** `again` lists trials with an unfinished training. */
  | { kind: 'resumed'; trials: number; replayed: number; again: number[] }
  /** A request of a person has been carried out. */
  | { kind: 'requested'; request: SearchRequest }
  | DialogueEvent
  | TrainingNews;

/**
 * Searches until the study has `trials` finished trials or the signal stops it; finished trials are on disk in both
 * cases.
 * @throws Failure if the disk is full, the strategy does not fit the study, or consecutive trials fail; the rejection
 * of `evaluate`
 */
export async function runSearch(options: SearchOptions): Promise<'finished' | 'interrupted'> {
  const search = new Search(options);
  try {
    return await search.run();
  } finally {
    search.stop();
  }
}

class Search {
  readonly #options: SearchOptions;
  readonly #study: Study<object>;
  readonly #dialogue: Dialogue;
  readonly #arrivals: Arrivals<AskedTraining>;
  readonly #promotions: Promotions | undefined;
  readonly #running = new Map<string, { trial: number; rung: number }>();
  #reportedSinceTidied = Number.POSITIVE_INFINITY;
  #failuresInARow = 0;
  #anySuccess: boolean;
  #countedUntil = performance.now();

  constructor(options: SearchOptions) {
    this.#options = options;
    this.#study = options.study;
    const { study, strategy, evaluate, trials, workers, machines } = options;
    const { eventsPerSnapshot = searchDefaults.eventsPerSnapshot } = options;
    const { lookaheadPerWorker } = searchDefaults;
    const order = orderOf(options);
    const followed = order.followsWorkers && machines && (() => lookaheadPerWorker * Math.max(1, machines.count));
    const lookahead = order.inOrder ? (followed ?? order.lookahead) : workers;
    const promotions = options.ladder && new Promotions(study, options.ladder);
    const dialogue: DialogueOptions = {
      space: options.space,
      trials,
      mayAsk: options.mayAsk,
      inOrder: order.inOrder,
      lookahead,
      laterPerRung: order.laterPerRung ?? 1,
      openNow: machines && (() => Math.max(workers, Math.ceil(searchDefaults.openPerSlot * machines.count))),
      eventsPerSnapshot,
      promotions,
      named: options.control && ((trial) => options.control!.takeNamed(trial)),
    };
    this.#dialogue = new Dialogue(study, strategy, dialogue);
    this.#promotions = promotions;
    this.#arrivals = new Arrivals<AskedTraining>(evaluate);
    this.#anySuccess = study.best(1).length > 0;
  }

  async run(): Promise<'finished' | 'interrupted'> {
    const { signal, control } = this.#options;
    signal?.addEventListener('abort', this.#arrivals.nudge);
    this.#options.machines?.onChange(this.#arrivals.nudge);
    control?.follow(this.#arrivals.nudge);
    this.#arrivals.send(this.#queueAgain());
    for (;;) {
      const arrivals = this.#arrivals
        .take()
        .map(({ request: { number: trial, rung }, news }) => ({ trial, rung, ...news }));
      const requests = control?.take() ?? [];
      const next = () => {
        this.#record(arrivals);
        for (const request of requests) this.#obey(request);
        return this.#mayContinue ? this.#dialogue.advance() : undefined;
      };
      const decided = arrivals.some(isExpensive) ? next() : this.#study.transaction(next);
      for (const request of requests) this.#emit({ kind: 'requested', request });
      for (const arrival of arrivals) acknowledge(arrival);
      for (const arrival of arrivals) this.#emit(arrival);
      if (this.#arrivals.broken) return this.#breakOff(this.#arrivals.broken.reason);
      if (!decided) return this.#interrupt();

      this.#arrivals.send(decided.asked);
      for (const event of decided.events) this.#emit(event);
      await this.#tidy(decided.events);
      if (this.#dialogue.isOver) return this.#finish();

      await this.#arrivals.due();
      await setImmediate(); // news that arrive together share one commit, and signals and timers are handled
    }
  }

  stop(): void {
    this.#options.signal?.removeEventListener('abort', this.#arrivals.nudge);
    this.#options.control?.follow(undefined);
    this.#arrivals.stop();
  }

  /** Records a person's request; pausing and stopping are the runner's and the signal's. */
  #obey(request: SearchRequest): void {
    this.#study.log.request(request);
    if (request.action !== 'add') return;
    const trials = Math.max(this.#study.asked, this.#dialogue.target) + request.trials;
    this.#study.keep('target', trials);
    this.#dialogue.aimAt(trials);
  }

  /**
   * Returns the trainings of an earlier process without an outcome, and puts running ones back into the queue.
   */
  #queueAgain(): AskedTraining[] {
    const { log, rungs, asked } = this.#study;
    const reason = 'the process was killed';
    this.#study.transaction(() => {
      for (const { number, running } of log.unfinished) if (running) log.putBack(number, 'requeue', reason);
      for (const { trial, rung, running } of rungs.open())
        if (running) rungs.at(rung).putBack(trial, 'requeue', reason);
    });
    const { unfinished, replayed } = this.#dialogue;
    const again = unfinished.map((training) => training.number);
    if (asked > 0) this.#emit({ kind: 'resumed', trials: asked, replayed, again });
    return unfinished;
  }

  get #mayContinue(): boolean {
    return !this.#arrivals.broken && !this.#options.signal?.aborted;
  }

  /** Records the news of evaluations. */
  #record(arrivals: TrainingNews[]): void {
    if (arrivals.length === 0) return;
    this.#study.transaction(() => {
      for (const arrival of arrivals) this.#recordOne(arrival);
      this.#countTime(millisecondsBetweenCounts);
    });
    for (const arrival of arrivals) {
      if (arrival.kind === 'done') this.#succeeded(arrival);
      if (arrival.kind === 'failed') this.#failed(arrival);
    }
  }

  #recordOne(arrival: TrainingNews): void {
    const { kind, trial, rung } = arrival;
    const log = this.#logOf(rung);
    const key = keyOf({ number: trial, rung });
    if (kind === 'epoch') {
      log.epoch(trial, arrival.report);
    } else if (kind === 'retried') {
      log.putBack(trial, 'retry', arrival.reason);
      this.#running.delete(key);
    } else {
      if (!this.#running.has(key)) log.start(trial, startOf(arrival));
      this.#running.set(key, { trial, rung });
      if (kind === 'started') return;
      if (kind === 'done') log.finish(trial, arrival);
      else log.fail(trial, arrival.failure, arrival.seconds);
      this.#running.delete(key);
    }
  }

  #logOf(rung: number): TrainingLog {
    return rung === 0 ? this.#study.log : this.#study.rungs.at(rung);
  }

  #succeeded({ trial, rung, reward, sameAs }: TrainingNews & { kind: 'done' }): void {
    this.#dialogue.finished({ number: trial, rung, outcome: { reward }, sameAs });
    this.#anySuccess = true;
    this.#failuresInARow = 0;
  }

  #failed({ trial, rung, failure }: TrainingNews & { kind: 'failed' }): void {
    this.#dialogue.finished({ number: trial, rung, outcome: { failed: failure.kind } });
    if (failure.kind === overLimit) return; // not an error
    const limit = this.#anySuccess ? searchDefaults.failuresInARow : searchDefaults.failuresAtFirst;
    if (++this.#failuresInARow < limit) return;
    const reason = new Failure(
      `${this.#failuresInARow} trials failed one after the other, so the architectures are hardly the cause; the last one: ` +
        `${failure.kind}, ${failure.message}. All finished trials are in ${this.#study.path}: fix the cause and run again to continue`,
    );
    this.#arrivals.broken ??= { reason };
  }

  /** Removes paused children that no training will continue, at intervals and at the end. */
  async #tidy(events: readonly DialogueEvent[]): Promise<void> {
    const { artifacts } = this.#options;
    if (!artifacts || !this.#promotions) return;
    this.#reportedSinceTidied += events.filter(({ kind }) => kind === 'reported').length;
    if (this.#reportedSinceTidied < reportsBetweenTidying && !this.#dialogue.isOver) return;
    this.#reportedSinceTidied = 0;
    const inUse = this.#dialogue.open.flatMap(({ number: member, rung }) => [
      { member, rung },
      { member, rung: rung - 1 },
    ]);
    await keepPaused(artifacts, [...inUse, ...this.#promotions.promotable(this.#dialogue.most)]);
  }

  #finish(): 'finished' {
    this.#study.transaction(() => {
      this.#dialogue.snapshot();
      this.#countTime();
    });
    return 'finished';
  }

  #interrupt(): 'interrupted' {
    this.stop();
    this.#study.transaction(() => {
      for (const { trial, rung } of this.#running.values())
        this.#logOf(rung).putBack(trial, 'requeue', 'the search was stopped');
      this.#dialogue.snapshot();
      this.#countTime();
    });
    return 'interrupted';
  }

  #breakOff(reason: unknown): never {
    this.#interrupt();
    throw reason;
  }

  /** Records search time of at least `atLeast` milliseconds. */
  #countTime(atLeast = 0): void {
    const now = performance.now();
    if (now - this.#countedUntil < atLeast) return;
    this.#study.addSearchTime(now - this.#countedUntil);
    this.#countedUntil = now;
  }

  #emit(event: SearchEvent): void {
    this.#options.onEvent?.(event);
  }
}
