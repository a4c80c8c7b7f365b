// The machine: threads, devices, libtorch; and ending the process while they compute.
import { addon } from './addon.ts';

/** Sets the number of threads per operator, in libtorch and in its BLAS. Workers use one each. */
export function setThreads(count: number): void {
  addon().setThreads(count);
}

export function threads(): number {
  return addon().threads();
}

/** Returns 'cpu', then 'cuda:0', … */
export function devices(): string[] {
  return addon().devices();
}

/** Returns the instruction set of nasnet's kernels here, as NASNET_KERNELS names them; 'off' without them. */
export function kernelVersion(): string {
  return addon().kernelVersion();
}

/** Waits until the GPU has finished its work; needed only for timing. */
export function synchronize(): void {
  addon().synchronize();
}

/** Returns the version and build configuration of the libtorch that the addon was compiled against. */
export function libtorch(): { version: string; configuration: string } {
  return { version: addon().version(), configuration: addon().configuration() };
}

/**
 * After this call SIGINT or SIGTERM ends the process at most so many milliseconds later, with the sentence and exit
 * code 130 or 143, even if an operator or a loop blocks the main thread. The process must install its own handlers
 * before.
 */
export function endAfterSignal(milliseconds: number, sentence: string): Disposable {
  addon().endAfterSignal(milliseconds, sentence);
  return { [Symbol.dispose]: () => addon().leaveSignals() };
}
