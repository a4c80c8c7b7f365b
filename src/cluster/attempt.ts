// One attempt of a worker at a job: it collects what happens and reports it now and then, so that a short job sends
// only its result.

import type { JobOutcome } from '../workers/job-runner.ts';
import type { Entry, Progress, Returned } from './queue-messages.ts';
import { largestResult, reportEvery } from './queue-settings.ts';

export interface AttemptOptions {
  /** Identifies the attempt. */
  attempt: string;
  host: string;
  kind: string;
  send: (progress: Progress) => Promise<void>;
  /** Whether a message matters only while it is new. */
  isBrief: (message: unknown) => boolean;
}

export class Attempt {
  readonly #options: AttemptOptions;
  readonly #entries: Entry[] = [];
  #sent = 0;
  #live: unknown;
  #timer: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(options: AttemptOptions) {
    this.#options = options;
  }

  started = (worker?: string): void => this.#add({ kind: 'start', ...(worker !== undefined && { worker }) });
  retried = (reason: string): void => this.#add({ kind: 'retry', reason });

  message = (message: unknown): void => {
    if (this.#options.isBrief(message)) this.#live = message;
    else this.#entries.push({ kind: 'message', message });
    this.#plan();
  };

  /** Returns what the search is sent of the end. */
  end({ seconds, recorded: _, ...outcome }: JobOutcome): Returned {
    this.stop();
    const { attempt, host, kind } = this.#options;
    const whole: Returned = { attempt, entries: this.#entries, outcome, seconds, host, kind };
    const size = JSON.stringify(whole).length;
    if (size <= largestResult) return whole;
    const message = `its result has ${size} characters, more than the ${largestResult} that a queue takes`;
    return { ...whole, entries: [], outcome: { failure: { kind: 'result-too-large', message } } };
  }

  stop(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
  }

  #add(entry: Entry): void {
    this.#entries.push(entry);
    this.#plan();
  }

  #plan(): void {
    if (!this.#ended) this.#timer ??= setTimeout(() => void this.#send(), reportEvery);
  }

  async #send(): Promise<void> {
    const { attempt, send } = this.#options;
    const from = this.#sent;
    const entries = this.#entries.slice(from);
    const live = this.#live;
    this.#sent = this.#entries.length;
    this.#live = undefined;
    try {
      await send({ attempt, from, entries, ...(live !== undefined && { live }) });
    } catch {
      this.#sent = from; // the server refused it; the next report or the result has it
    }
    this.#timer = undefined;
    if (this.#sent < this.#entries.length || this.#live !== undefined) this.#plan();
  }
}
