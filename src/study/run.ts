// The run loop of a search: asks the strategy, has trials evaluated, records what comes back, tells the strategy.
// It decides nothing by the clock, so the log alone says how to go on after any interruption.

import { setImmediate } from 'node:timers/promises';
import { Failure } from '../failure.ts';
import type { Strategy } from '../search/strategy.ts';
import type { Evaluate, Evaluation } from './evaluation.ts';
import type { EpochReport, FinishedTrial, UnfinishedTrial } from './log.ts';
import type { TrialFailure } from './records.ts';
import { restore } from './resume.ts';
import type { Study } from './study.ts';

export const searchDefaults = {
  /** Outcomes reach the strategy in the order of the asks, so that one seed gives one search whatever the timing. */
  inOrder: true,
  /**
   * How many trials, for each worker, may then be asked for and not yet told. With training times spread by 60% (log-normal)
   * 3 keep 2 workers 99.8% busy, 8 workers 96%, 16 workers 92%; more would let the strategy decide on older outcomes.
   */
  lookaheadPerWorker: 3,
  /** Asks and tells between two snapshots of the strategy; 40 is one update of 20 trials. */
  eventsPerSnapshot: 40,
  /** Failures in a row that end the search: the cause is then not the architecture. */
  failuresInARow: 20,
  /** The same while no trial ever succeeded. */
  failuresAtFirst: 10,
};

const millisecondsForNews = 100; // for starts and epochs to be seen by readers

export interface SearchOptions {
  study: Study<object>;
  /** Fresh: made with the study's own settings and never asked. */
  strategy: Strategy;
  evaluate: Evaluate;
  /** How many trials the study shall have in all. */
  trials: number;
  /** How many are evaluated at once. */
  workers: number;
  /**
   * Used when the study is searched for the first time, and kept by it. In order, trial n is asked for when n − lookahead + 1
   * outcomes were told: others go on while the oldest one is late. Otherwise an outcome is told as it comes (the paper's way).
   */
  inOrder?: boolean;
  eventsPerSnapshot?: number;
  /** Stops at once: running trials go back to the queue. */
  signal?: AbortSignal;
  onEvent?: (event: SearchEvent) => void;
}

/** What happened, told after it is on disk. */
export type SearchEvent =
  | { kind: 'resumed'; trials: number; replayed: number; again: number[] }
  | { kind: 'asked'; trial: number; decisions: number[] }
  | { kind: 'started'; trial: number }
  | { kind: 'retried'; trial: number; reason: string }
  | { kind: 'epoch'; trial: number; report: EpochReport }
  | { kind: 'done'; trial: number; reward: number; seconds: number; details?: unknown }
  | { kind: 'failed'; trial: number; failure: TrialFailure; seconds: number }
  | { kind: 'told'; trial: number }
  | { kind: 'updated'; trial: number; figures: Record<string, number> };

type Arrival = Extract<SearchEvent, { kind: 'started' | 'retried' | 'epoch' | 'done' | 'failed' }>;

/**
 * Searches until the study has that many finished trials, or the signal stops it; what is finished is on disk either way.
 * Throws a Failure if the disk is full, the strategy does not fit the study, or one trial after the other fails; what
 * `evaluate` rejects with, it throws on.
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
  readonly #strategy: Strategy;
  readonly #order: { inOrder: boolean; lookahead: number };
  readonly #stopping = new AbortController();

  #asked = 0;
  #told = 0;
  /** The place of the strategy's latest event in the log, and how many there were since the last snapshot. */
  #sequence = 0;
  #sinceSnapshot = 0;
  #figures = '';

  #arrivals: Arrival[] = [];
  #wake = () => {};
  #timer: NodeJS.Timeout | undefined;
  #overdue = false;
  #broken: { reason: unknown } | undefined;
  readonly #running = new Set<number>();
  /** Finished and not told yet, in the order of finishing. */
  readonly #untold = new Map<number, FinishedTrial>();
  #failuresInARow = 0;
  #anySuccess = false;
  #countedUntil = performance.now();

  constructor(options: SearchOptions) {
    this.#options = options;
    this.#study = options.study;
    this.#strategy = options.strategy;
    const { inOrder = searchDefaults.inOrder, workers } = options;
    this.#order = this.#study.settled('order', { inOrder, lookahead: searchDefaults.lookaheadPerWorker * workers });
  }

  async run(): Promise<'finished' | 'interrupted'> {
    const { signal, trials } = this.#options;
    signal?.addEventListener('abort', this.#onAbort);
    this.#dispatch(this.#resume());
    for (;;) {
      this.#record();
      if (this.#broken) return this.#breakOff();
      if (signal?.aborted) return this.#interrupt();
      this.#dispatch(this.#advance());
      if (this.#told >= trials && this.#told === this.#asked) break;
      await this.#news();
      await setImmediate(); // what arrived together shares one commit, and signals and timers get their turn
    }
    this.#study.transaction(() => this.#snapshot());
    return 'finished';
  }

  stop(): void {
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    clearTimeout(this.#timer);
    this.#stopping.abort(new Error('the search has stopped'));
  }

  #onAbort = () => this.#wake();

  #onOverdue = () => {
    this.#overdue = true;
    this.#wake();
  };

  /** Resolves when there is something to record, or the search is broken or stopped. */
  async #news(): Promise<void> {
    const urgent = this.#arrivals.some(({ kind }) => kind === 'done' || kind === 'failed');
    if (!urgent && !this.#overdue && !this.#broken && !this.#options.signal?.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#overdue = false;
  }

  /** Restores the strategy and returns the trials that have no outcome yet, those that were running back in the queue. */
  #resume(): UnfinishedTrial[] {
    const { log } = this.#study;
    const { replayed, sequence } = restore(this.#study, this.#strategy);
    this.#figures = JSON.stringify(this.#strategy.diagnostics?.() ?? {});
    this.#sequence = sequence;
    this.#sinceSnapshot = replayed;
    this.#asked = this.#study.asked;
    this.#anySuccess = this.#study.best(1).length > 0;
    for (const finished of log.untold) this.#untold.set(finished.number, finished);
    const { unfinished } = log;
    this.#told = this.#asked - unfinished.length - this.#untold.size;
    this.#study.transaction(() => {
      for (const { number, running } of unfinished)
        if (running) log.putBack(number, 'requeue', 'the process was killed');
    });
    const again = unfinished.map((trial) => trial.number);
    if (this.#asked > 0) this.#emit({ kind: 'resumed', trials: this.#asked, replayed, again });
    return unfinished;
  }

  /** Puts on disk what came from the evaluations, before anything else is done with it. */
  #record(): void {
    const arrivals = this.#arrivals;
    if (arrivals.length === 0) return;
    this.#arrivals = [];
    this.#study.transaction(() => {
      for (const arrival of arrivals) this.#recordOne(arrival);
      this.#countTime();
    });
    for (const arrival of arrivals) this.#emit(arrival);
    const limit = this.#anySuccess ? searchDefaults.failuresInARow : searchDefaults.failuresAtFirst;
    if (this.#failuresInARow >= limit) this.#broken ??= { reason: this.#tooManyFailures(arrivals) };
  }

  #recordOne(arrival: Arrival): void {
    const { log } = this.#study;
    const { kind, trial } = arrival;
    if (kind === 'epoch') {
      log.epoch(trial, arrival.report);
      return;
    }
    if (kind === 'retried') {
      this.#running.delete(trial);
      log.putBack(trial, 'retry', arrival.reason);
      return;
    }
    if (!this.#running.has(trial)) log.start(trial);
    this.#running.add(trial);
    if (kind === 'started') return;
    this.#running.delete(trial);
    if (kind === 'done') log.finish(trial, arrival.reward, arrival.seconds, arrival.details);
    else log.fail(trial, arrival.failure, arrival.seconds);
    const outcome = kind === 'done' ? { reward: arrival.reward } : { failed: arrival.failure.kind };
    this.#untold.set(trial, { number: trial, outcome });
    this.#failuresInARow = kind === 'done' ? 0 : this.#failuresInARow + 1;
    this.#anySuccess ||= kind === 'done';
  }

  /** Asks and tells as far as the outcomes on disk allow, in an order that depends on nothing else; returns what to evaluate. */
  #advance(): UnfinishedTrial[] {
    const { trials, workers } = this.#options;
    const lookahead = this.#order.inOrder ? this.#order.lookahead : workers;
    const asked: UnfinishedTrial[] = [];
    const events: SearchEvent[] = [];
    const mayAsk = () => this.#asked < trials && this.#asked - this.#told < lookahead;
    if (!mayAsk() && this.#nextToTell() === undefined) return asked;
    this.#study.transaction(() => {
      for (;;) {
        if (mayAsk()) asked.push(this.#ask(events));
        else if (!this.#tellNext(events)) break;
        if (this.#sinceSnapshot >= (this.#options.eventsPerSnapshot ?? searchDefaults.eventsPerSnapshot))
          this.#snapshot();
      }
    });
    for (const event of events) this.#emit(event);
    return asked;
  }

  #ask(events: SearchEvent[]): UnfinishedTrial {
    const number = this.#asked++;
    const decisions = this.#strategy.ask(number);
    this.#sequence = this.#study.log.ask(number, decisions);
    this.#sinceSnapshot++;
    events.push({ kind: 'asked', trial: number, decisions });
    return { number, decisions, running: false };
  }

  #nextToTell(): FinishedTrial | undefined {
    return this.#order.inOrder ? this.#untold.get(this.#told) : this.#untold.values().next().value;
  }

  #tellNext(events: SearchEvent[]): boolean {
    const next = this.#nextToTell();
    if (next === undefined) return false;
    this.#untold.delete(next.number);
    this.#told++;
    this.#strategy.tell(next.number, next.outcome);
    this.#sequence = this.#study.log.tell(next.number);
    this.#sinceSnapshot++;
    events.push({ kind: 'told', trial: next.number });
    const figures = this.#strategy.diagnostics?.() ?? {};
    if (JSON.stringify(figures) === this.#figures) return true;
    this.#figures = JSON.stringify(figures);
    this.#study.log.update(next.number, figures);
    events.push({ kind: 'updated', trial: next.number, figures });
    return true;
  }

  #snapshot(): void {
    if (this.#sinceSnapshot === 0) return;
    this.#study.log.snapshot(this.#sequence, this.#strategy.name, this.#strategy.save());
    this.#sinceSnapshot = 0;
  }

  #dispatch(trials: UnfinishedTrial[]): void {
    for (const { number, decisions } of trials) {
      const progress = {
        started: () => this.#arrive({ kind: 'started', trial: number }, millisecondsForNews),
        retried: (reason: string) => this.#arrive({ kind: 'retried', trial: number, reason }, millisecondsForNews),
        epoch: (report: EpochReport) => this.#arrive({ kind: 'epoch', trial: number, report }, millisecondsForNews),
        signal: this.#stopping.signal,
      };
      this.#options.evaluate({ number, decisions }, progress).then(
        (evaluation) => this.#arrive(arrivalOf(number, evaluation)),
        (reason: unknown) => {
          this.#broken ??= { reason };
          this.#wake();
        },
      );
    }
  }

  /** Outcomes wake the loop at once; other news may wait a little for them, and share their commit. */
  #arrive(arrival: Arrival, patience = 0): void {
    if (this.#stopping.signal.aborted) return;
    this.#arrivals.push(arrival);
    if (patience === 0) this.#wake();
    else this.#timer ??= setTimeout(this.#onOverdue, patience);
  }

  #interrupt(): 'interrupted' {
    this.stop();
    this.#study.transaction(() => {
      for (const trial of this.#running) this.#study.log.putBack(trial, 'requeue', 'the search was stopped');
      this.#snapshot();
      this.#countTime();
    });
    return 'interrupted';
  }

  #breakOff(): never {
    this.#interrupt();
    throw this.#broken!.reason;
  }

  #tooManyFailures(arrivals: Arrival[]): Failure {
    const last = arrivals.findLast((arrival) => arrival.kind === 'failed')!.failure;
    return new Failure(
      `${this.#failuresInARow} trials failed one after the other, so the cause is hardly the architectures; the last one: ` +
        `${last.kind}, ${last.message}. All that finished is in ${this.#study.path}: mend the cause and run again to go on`,
    );
  }

  #countTime(): void {
    const now = performance.now();
    this.#study.addSearchTime(now - this.#countedUntil);
    this.#countedUntil = now;
  }

  #emit(event: SearchEvent): void {
    this.#options.onEvent?.(event);
  }
}

/** Only a number from 0 to 1 is a reward. */
function arrivalOf(trial: number, evaluation: Evaluation): Arrival {
  if ('failure' in evaluation) return { kind: 'failed', trial, ...evaluation };
  const { reward, seconds, details } = evaluation;
  if (Number.isFinite(reward) && reward >= 0 && reward <= 1) return { kind: 'done', trial, reward, seconds, details };
  const message = `expected a reward from 0 to 1, got ${reward}`;
  return { kind: 'failed', trial, failure: { kind: 'not-a-number', message }, seconds };
}
