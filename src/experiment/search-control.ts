// What a person asks of a running search, between the file of requests (study/requests.ts) and the loop.

import { decode } from '../space/decisions.ts';
import type { Space } from '../space/search-space.ts';
import { Requests, type SearchRequest } from '../study/requests.ts';
import type { JobRunner } from '../workers/job-runner.ts';

export class SearchControl implements Disposable {
  readonly #stopping = new AbortController();
  readonly #requests: Requests;
  readonly #blocks: number;
  readonly #space: Space;
  /** Whether more trials can be added: not where a budget decides their number. */
  readonly #mayAdd: boolean;
  #news: SearchRequest[] = [];
  #named: number[][] = [];
  #paused = false;
  #runner: Pick<JobRunner, 'pause'> | undefined;
  #nudge: (() => void) | undefined;

  /** @param study the file of the study that this process writes */
  constructor(study: string, { space, blocks, budget }: { space: Space; blocks: number; budget?: unknown }) {
    this.#space = space;
    this.#blocks = blocks;
    this.#mayAdd = budget === undefined;
    this.#requests = new Requests(study, (request) => this.receive(request));
  }

  /** Aborted when a person stops the search. */
  get signal(): AbortSignal {
    return this.#stopping.signal;
  }

  receive(request: SearchRequest): void {
    if (!this.#isPossible(request)) return;
    if (request.action === 'try') this.#named.push(request.decisions);
    if (request.action === 'pause' || request.action === 'resume') {
      this.#paused = request.action === 'pause';
      this.#runner?.pause?.(this.#paused);
    }
    this.#news.push(request);
    if (request.action === 'stop') this.#stopping.abort();
    this.#nudge?.();
  }

  /** Returns the requests since the last call. */
  take(): SearchRequest[] {
    const news = this.#news;
    this.#news = [];
    return news;
  }

  /** Returns the next cell that a person named, once. */
  takeNamed(): number[] | undefined {
    return this.#named.shift();
  }

  /** Pauses this runner from now on. */
  pauses(runner: Pick<JobRunner, 'pause'>): void {
    this.#runner = runner;
    runner.pause?.(this.#paused);
  }

  /** Calls `nudge` when there is a request; undefined: nobody takes them. */
  follow(nudge: (() => void) | undefined): void {
    this.#nudge = nudge;
  }

  [Symbol.dispose](): void {
    this.#requests.close();
  }

  #isPossible(request: SearchRequest): boolean {
    if (request.action === 'add') return this.#mayAdd;
    if (request.action !== 'try') return true;
    try {
      decode(request.decisions, this.#space);
      return request.decisions.length === 10 * this.#blocks;
    } catch {
      return false; // not a cell of this space
    }
  }
}
