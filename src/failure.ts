// Errors that stop nasnet with one sentence instead of a stack trace. Any other error is a bug and keeps its stack
// trace.

import { visible } from './visible.ts';

/** The machine-readable part of an error. */
export interface ErrorDetails {
  /**
   * Stable when the sentence changes: 'unknown-device'. The command line adds its flags by this code
   * (cli/flag-words.ts).
   */
  code?: string;
  /** The values in the sentence: { got: 'gpu' }. */
  fields?: Readonly<Record<string, unknown>>;
}

class SentenceError extends Error {
  readonly code: string | undefined;
  readonly fields: Readonly<Record<string, unknown>>;

  constructor(message: string, { code, fields = {} }: ErrorDetails = {}) {
    super(visible(message)); // one line, whatever text of a file it quotes
    this.code = code;
    this.fields = fields;
  }
}

/** Invalid input of the user. One sentence: what was expected, what came, where. Exit code 2. */
export class InputError extends SentenceError {
  override name = 'InputError';
}

/** The work itself failed: a full disk, a dead worker, a missing library. One sentence and what to do. Exit code 1. */
export class Failure extends SentenceError {
  override name = 'Failure';
}

/** Another process is writing the file. */
export class FileBusy extends Failure {}

/** The user stopped the work (Ctrl-C). Its progress is saved, and the sentence says how to resume. Exit code 130. */
export class Interruption extends SentenceError {
  override name = 'Interruption';
}
