// How much memory the workers of a search may hold on this machine, and how many of them that allows.

import { freemem, totalmem } from 'node:os';

/** Elsewhere than on Linux the free memory leaves out what the system would give back at once. */
const shareOfTotal = 0.75;

/** Bytes: what is free or can be freed, within the limit of this process's control group (a container's), without what it holds. */
export function memoryLeft(): number {
  const free = process.platform === 'linux' ? freemem() : shareOfTotal * totalmem();
  const limit = process.constrainedMemory(); // 0, or more than there is, without a limit
  return limit > 0 && limit < totalmem() ? Math.min(free, limit - process.memoryUsage.rss()) : free;
}

/** At least one: a worker that does not fit fails in a sentence of its own. */
export function workersThatFit(wanted: number, bytesEach: number, left: number): number {
  return Math.max(1, Math.min(wanted, Math.floor(left / bytesEach)));
}
