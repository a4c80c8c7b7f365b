// The machine under the tensors: threads, devices, libtorch; and how the process ends while they compute.
import { addon } from './addon.ts';

/** How many threads one operator may use, in libtorch and in its BLAS. Workers use one each. */
export function setThreads(count: number): void {
  addon().setThreads(count);
}

export function threads(): number {
  return addon().threads();
}

/** 'cpu', then 'cuda:0', … */
export function devices(): string[] {
  return addon().devices();
}

/** Waits until an accelerator has done what was asked of it; needed only to time it. */
export function synchronize(): void {
  addon().synchronize();
}

/** The libtorch that the addon was compiled against, and how that was built. */
export function libtorch(): { version: string; configuration: string } {
  return { version: addon().version(), configuration: addon().configuration() };
}

/**
 * From now on SIGINT or SIGTERM ends the process so many milliseconds later at the latest, with the sentence and exit code 130 or 143, also
 * while an operator or a loop keeps the main thread from hearing of it. The process's own handlers must stand before.
 */
export function endAfterSignal(milliseconds: number, sentence: string): Disposable {
  addon().endAfterSignal(milliseconds, sentence);
  return { [Symbol.dispose]: () => addon().leaveSignals() };
}
