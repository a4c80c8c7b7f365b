// The memory of a worker process as the operating system counts it: what a child took at most, where that can be told from the ones
// before it.

import { readFileSync, writeFileSync } from 'node:fs';

/** Forgets the peak so far, where the system can: on Linux. Elsewhere the peak stays that of the process. */
export function forgetPeakMemory(): void {
  try {
    writeFileSync('/proc/self/clear_refs', '5'); // "reset the peak resident set size"
  } catch {} // not Linux, or not allowed: peakMemory() then tells the most since the process began
}

/** Bytes of physical memory that this process held at most, mapped images included. */
export function peakMemory(): number {
  try {
    const [, kibibytes] = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
    if (kibibytes !== undefined) return 1024 * Number(kibibytes);
  } catch {} // not Linux
  return 1024 * process.resourceUsage().maxRSS;
}
