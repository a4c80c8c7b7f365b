// Waits for a study that other short commands may be writing.

import { setTimeout as sleep } from 'node:timers/promises';
import { FileBusy } from '../../failure.ts';

const longestWait = 10_000; // milliseconds
const pause = () => 20 + 60 * Math.random();

/**
 * Returns the result of `open` when no other process writes the file. @throws FileBusy if one still does after ten
 * seconds
 */
export async function whenFree<Result>(open: () => Result | Promise<Result>): Promise<Result> {
  const until = performance.now() + longestWait;
  for (;;) {
    try {
      return await open();
    } catch (error) {
      if (!(error instanceof FileBusy) || performance.now() > until) throw error;
      await sleep(pause());
    }
  }
}
