// An output belongs to one process at a time: two trainings that run at once would replace each other's checkpoints and
// results. The operating system releases what a killed process held.

import { basename, dirname, join } from 'node:path';
import { lockForWriting } from '../database/writer-lock.ts';
import { FileBusy } from '../failure.ts';
import type { ResultFiles } from '../result-files.ts';

/**
 * Locks the weights that a training will write, before it claims its files; released by disposing of what is returned.
 * @throws FileBusy if another process has locked one of them; InputError for one that may not be replaced
 */
export function lockOutputs(results: ResultFiles, ...weights: readonly string[]): Disposable {
  results.check(...weights); // creates their folders
  using locks = new DisposableStack();
  for (const path of new Set(weights)) {
    const lock = lockForWriting(join(dirname(path), `.${basename(path)}`));
    if (!lock)
      throw new FileBusy(
        `${path}: expected an output of this process alone, got one that another process trains to; wait for it to end, or name another place`,
      );
    locks.defer(() => lock.release());
  }
  return locks.move();
}
