// Whether nasnet may change settings of the whole process: how OpenMP's threads wait, how many threads decode images.
// The command, its workers, tests and benchmarks do; a program that imports the package must ask for it.
// The addon always tunes glibc's malloc when it is loaded (native/machine.cpp).

let guest = false;

/**
 * Called by the package's entry points (index.ts, library/tensors.ts), because the process belongs to another program.
 */
export function beGuest(): void {
  guest = true;
}

/** Allows tuning of another program's process. Takes effect only before the engine is loaded. */
export function tuneProcess(): void {
  guest = false;
}

/** Whether settings of the whole process may be changed. */
export const mayTuneProcess = (): boolean => !guest;
