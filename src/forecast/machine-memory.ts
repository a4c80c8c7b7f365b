// The memory available to a search's workers on this machine, and the number of workers that fit.

import { freemem, totalmem } from 'node:os';

/** On systems other than Linux, the free memory does not include what the system could release. */
const shareOfTotal = 0.75;

/** Returns the bytes that are free or can be freed, within the limit of this process's control group (container). */
export function memoryLeft(): number {
  const free = process.platform === 'linux' ? freemem() : shareOfTotal * totalmem();
  const limit = process.constrainedMemory(); // 0, or more than there is, without a limit
  return limit > 0 && limit < totalmem() ? Math.min(free, limit - process.memoryUsage.rss()) : free;
}

/** Returns the number of workers that fit; at least one, which then fails with a message. */
export function workersThatFit(wanted: number, bytesEach: number, left: number): number {
  return Math.max(1, Math.min(wanted, Math.floor(left / bytesEach)));
}
