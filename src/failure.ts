// The ways in which nasnet stops with a sentence instead of a stack trace.
// Everything else that is thrown is a bug and keeps its stack.

/** What the user gave cannot be used. One sentence: what was expected, what came, where. Exit code 2. */
export class InputError extends Error {
  override name = 'InputError';
}

/** The work itself failed: a full disk, a dead worker, a missing library. One sentence and what to do. Exit code 1. */
export class Failure extends Error {
  override name = 'Failure';
}

/** Another process writes the file at this moment. */
export class FileBusy extends Failure {}

/** The user stopped the work (Ctrl-C); what was done so far is saved, and the sentence says how to go on. Exit code 130. */
export class Interruption extends Error {
  override name = 'Interruption';
}
