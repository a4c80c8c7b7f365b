// What a person asks of a running search: lines of JSON in a file next to the study, STUDY-requests. Whoever may write
// into the study's folder may ask; the search takes only what its own user wrote.

import { appendFileSync, closeSync, fstatSync, openSync, readSync, rmSync, statSync } from 'node:fs';
import { z } from 'zod';
import { InputError } from '../failure.ts';

export type SearchRequest =
  /** No training begins until `resume`; running ones go on. */
  | { action: 'pause' }
  | { action: 'resume' }
  /** As Ctrl-C: running trainings return to the queue. */
  | { action: 'stop' }
  /** So many more trials than planned. */
  | { action: 'add'; trials: number }
  /** The next trial is this cell. */
  | { action: 'try'; decisions: number[] };

/** How many trials one request may add. */
const mostAdded = 1_000_000;
const mostDecisions = 10_000;

export const searchRequest: z.ZodType<SearchRequest> = z.discriminatedUnion('action', [
  z.strictObject({ action: z.literal('pause') }),
  z.strictObject({ action: z.literal('resume') }),
  z.strictObject({ action: z.literal('stop') }),
  z.strictObject({ action: z.literal('add'), trials: z.int().positive().max(mostAdded) }),
  z.strictObject({ action: z.literal('try'), decisions: z.array(z.int().nonnegative()).max(mostDecisions) }),
]);

const fileOf = (study: string) => `${study}-requests`;
const millisecondsBetweenLooks = 250;
const mostBytes = 1_000_000; // of requests between two looks

/** Leaves a request for the search that writes the study. */
export function sendRequest(study: string, request: SearchRequest): void {
  appendFileSync(fileOf(study), `${JSON.stringify(request)}\n`, { mode: 0o600 });
}

/** Takes the requests that are sent from now on, in order. */
export class Requests {
  readonly #path: string;
  readonly #timer: NodeJS.Timeout;
  #read = 0;

  constructor(study: string, onRequest: (request: SearchRequest) => void) {
    this.#path = fileOf(study);
    rmSync(this.#path, { force: true }); // an earlier search did not live to read them
    this.#timer = setInterval(() => {
      for (const request of this.#look()) onRequest(request);
    }, millisecondsBetweenLooks);
  }

  close(): void {
    clearInterval(this.#timer);
    rmSync(this.#path, { force: true });
  }

  #look(): SearchRequest[] {
    const size = statSync(this.#path, { throwIfNoEntry: false })?.size ?? 0;
    if (size <= this.#read) return [];
    const file = openSync(this.#path, 'r');
    try {
      if (fstatSync(file).uid !== process.getuid?.()) return [];
      const bytes = Buffer.alloc(Math.min(size - this.#read, mostBytes));
      const text = bytes.toString('utf8', 0, readSync(file, bytes, 0, bytes.length, this.#read));
      const whole = text.slice(0, text.lastIndexOf('\n') + 1); // a line may be in the middle of being written
      this.#read += Buffer.byteLength(whole);
      return whole.split('\n').flatMap(requestOf);
    } finally {
      closeSync(file);
    }
  }
}

/** A line that is no request is not obeyed. */
function requestOf(line: string): SearchRequest[] {
  try {
    const { data } = searchRequest.safeParse(JSON.parse(line));
    return data ? [data] : [];
  } catch {
    return [];
  }
}

/** Parses a request from outside. @throws InputError in one sentence */
export function parseRequest(json: unknown): SearchRequest {
  const { data } = searchRequest.safeParse(json);
  if (data) return data;
  throw new InputError('expected {"action": "pause"}, "resume", "stop", "add" with trials, or "try" with decisions');
}
