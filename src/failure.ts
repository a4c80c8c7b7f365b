// The ways in which nasnet stops with a sentence instead of a stack trace.
// Everything else that is thrown is a bug and keeps its stack.

import { visible } from './visible.ts';

/** What programs read of an error; people read the sentence. */
export interface ErrorDetails {
  /** Stays the same whatever the sentence says: 'unknown-device'. The command line adds its flags by it (cli/flag-words.ts). */
  code?: string;
  /** What the sentence speaks of, as values: { got: 'gpu' }. */
  fields?: Readonly<Record<string, unknown>>;
}

class Told extends Error {
  readonly code: string | undefined;
  readonly fields: Readonly<Record<string, unknown>>;

  constructor(message: string, { code, fields = {} }: ErrorDetails = {}) {
    super(visible(message)); // one sentence, whatever it quotes of a file
    this.code = code;
    this.fields = fields;
  }
}

/** What the user gave cannot be used. One sentence: what was expected, what came, where. Exit code 2. */
export class InputError extends Told {
  override name = 'InputError';
}

/** The work itself failed: a full disk, a dead worker, a missing library. One sentence and what to do. Exit code 1. */
export class Failure extends Told {
  override name = 'Failure';
}

/** Another process writes the file at this moment. */
export class FileBusy extends Failure {}

/** The user stopped the work (Ctrl-C); what was done so far is saved, and the sentence says how to go on. Exit code 130. */
export class Interruption extends Told {
  override name = 'Interruption';
}
