// The peak memory of a worker process, as the operating system counts it.

import { readFileSync, writeFileSync } from 'node:fs';

/** Resets the peak on Linux. On other systems it stays the peak of the process. */
export function resetPeakMemory(): void {
  try {
    writeFileSync('/proc/self/clear_refs', '5'); // "reset the peak resident set size"
  } catch {} // not Linux, or not allowed: peakMemory() then returns the peak since the process started
}

/** Returns the peak of this process's physical memory in bytes, including mapped images. */
export function peakMemory(): number {
  try {
    const [, kibibytes] = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
    if (kibibytes !== undefined) return 1024 * Number(kibibytes);
  } catch {} // not Linux
  return 1024 * process.resourceUsage().maxRSS;
}
