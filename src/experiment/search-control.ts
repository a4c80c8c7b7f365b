// What a person asks of a running search, between the file of requests (study/requests.ts) and the loop.

import { decode } from '../space/decisions.ts';
import type { Space } from '../space/search-space.ts';
import { Requests, type SearchRequest } from '../study/requests.ts';
import type { JobRunner } from '../workers/job-runner.ts';
import { unlessAborted } from '../workers/unless-aborted.ts';

/** The settings of a search that say what can be asked of it. */
export interface ControlledSettings {
  space: Space;
  blocks: number;
  budget?: unknown;
  known?: readonly unknown[] | undefined;
}

export class SearchControl implements Disposable {
  readonly #stopping = new AbortController();
  readonly #requests: Requests;
  readonly #blocks: number;
  readonly #space: Space;
  /** Whether more trials can be added: not where a budget decides their number. */
  #mayAdd: boolean;
  /** Whether another trial can be one that a person names. */
  #mayName = true;
  /** The number of known cells, which are the first trials. */
  readonly #known: number;
  #news: SearchRequest[] = [];
  #named: number[][] = [];
  #paused = false;
  #runner: Pick<JobRunner, 'pause'> | undefined;
  #resumed = Promise.withResolvers<void>();
  #nudge: (() => void) | undefined;

  /** @param study the file of the study that this process writes */
  constructor(study: string, { space, blocks, budget, known = [] }: ControlledSettings) {
    this.#space = space;
    this.#blocks = blocks;
    this.#mayAdd = budget === undefined;
    this.#known = known.length;
    this.#resumed.resolve();
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
      this.#pause(request.action === 'pause');
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

  /** Returns the next cell that a person named, once; undefined for the trial of a known cell. */
  takeNamed(trial: number): number[] | undefined {
    return trial < this.#known ? undefined : this.#named.shift();
  }

  /** From now on no more trials can be added or named. */
  endTrials(): void {
    this.#mayAdd = false;
    this.#mayName = false;
  }

  /** Pauses this runner from now on. */
  pauses(runner: Pick<JobRunner, 'pause'>): void {
    this.#runner = runner;
    runner.pause?.(this.#paused);
  }

  /** Resolves when the search is not paused. @throws the signal's reason when it is aborted */
  async resumed(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await unlessAborted(this.#resumed.promise, signal);
  }

  #pause(paused: boolean): void {
    if (paused && !this.#paused) this.#resumed = Promise.withResolvers<void>();
    this.#paused = paused;
    if (!paused) this.#resumed.resolve();
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
    if (!this.#mayName) return false;
    try {
      decode(request.decisions, this.#space);
      return request.decisions.length === 10 * this.#blocks;
    } catch {
      return false; // not a cell of this space
    }
  }
}
