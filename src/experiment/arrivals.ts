// Sends out evaluations, collects their news, and resolves when news are due. search-loop.ts and finalists.ts record
// them.

import type { EpochReport, Reward, TrialFailure } from '../study/outcome.ts';
import type { StartOfTraining } from '../study/training-table.ts';
import { type Evaluate, type Evaluation, isReward } from './evaluator.ts';

/** News of an evaluation, with its request. */
export interface Arrival<Request> {
  request: Request;
  news: News;
}

export type News =
  | ({ kind: 'started' } & StartOfTraining)
  | { kind: 'retried'; reason: string }
  | { kind: 'epoch'; report: EpochReport }
  | ({ kind: 'done' } & Reward & Recordable)
  | ({ kind: 'failed'; failure: TrialFailure; seconds: number } & Recordable);

type Recordable = Pick<Evaluation, 'recorded'>;

/** Tells the runner that it need not keep an outcome any more, which is on disk. */
export function acknowledge(news: News): void {
  if (news.kind === 'done' || news.kind === 'failed') news.recorded?.();
}

const millisecondsForNews = 100; // the maximum delay of starts and epochs, which share the commit of an outcome

const isOutcome = ({ kind }: News) => kind === 'done' || kind === 'failed';

export class Arrivals<Request> {
  readonly #evaluate: Evaluate<Request>;
  readonly #stopping = new AbortController();
  #waiting: Arrival<Request>[] = [];
  #due = false;
  #wake = () => {};
  #timer: NodeJS.Timeout | undefined;
  /** The rejection of an evaluation, after which nothing can be evaluated. */
  broken: { reason: unknown } | undefined;

  constructor(evaluate: Evaluate<Request>) {
    this.#evaluate = evaluate;
  }

  send(requests: readonly Request[]): void {
    for (const request of requests) {
      const arrive = (news: News) => this.#arrive({ request, news });
      const progress = {
        started: (about?: StartOfTraining) => arrive({ kind: 'started', ...about }),
        retried: (reason: string) => arrive({ kind: 'retried', reason }),
        epoch: (report: EpochReport) => arrive({ kind: 'epoch', report }),
        signal: this.#stopping.signal,
      };
      this.#evaluate(request, progress).then(
        (evaluation) => arrive(newsOf(evaluation)),
        (reason: unknown) => {
          this.broken ??= { reason };
          this.nudge();
        },
      );
    }
  }

  /** Returns all news since the last call, in order. */
  take(): Arrival<Request>[] {
    const news = this.#waiting;
    this.#waiting = [];
    this.#due = false;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    return news;
  }

  /** Resolves when there is an outcome, when other news have waited long enough, or after nudge(). */
  async due(): Promise<void> {
    if (this.#due) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    await promise;
  }

  /** Makes due() resolve immediately. */
  nudge = (): void => {
    this.#due = true;
    this.#wake();
  };

  /** Aborts all evaluations and ignores further news. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#stopping.abort(new Error('the search has stopped'));
  }

  #arrive(arrival: Arrival<Request>): void {
    if (this.#stopping.signal.aborted) return;
    this.#waiting.push(arrival);
    if (isOutcome(arrival.news)) this.nudge();
    else this.#timer ??= setTimeout(this.nudge, millisecondsForNews);
  }
}

/** Returns the facts about a start that the study records. */
export const startOf = (news: News): StartOfTraining | undefined =>
  news.kind === 'started' ? { worker: news.worker, predicted: news.predicted } : undefined;

function newsOf(evaluation: Evaluation): News {
  if ('failure' in evaluation) return { kind: 'failed', ...evaluation };
  const { reward, seconds, recorded } = evaluation;
  if (isReward(reward)) return { kind: 'done', ...evaluation };
  const message = `expected a reward from 0 to 1, got ${reward}`;
  return { kind: 'failed', failure: { kind: 'not-a-number', message }, seconds, ...(recorded && { recorded }) };
}
