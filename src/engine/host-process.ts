// Whose process this is. The command, its workers, tests and benchmarks run in processes of their own and tune them: how OpenMP's
// threads wait, how many threads decode images. A program that imports the package is left as it is until it asks.
// The addon tunes glibc's malloc when it is loaded, whoever loads it (native/machine.cpp).

let guest = false;

/** Called by the package's doors (index.ts, library/tensors.ts): the process belongs to somebody else. */
export function beGuest(): void {
  guest = true;
}

/** Tunes the process although it is somebody else's. Takes effect only before the engine is loaded. */
export function tuneProcess(): void {
  guest = false;
}

/** Whether settings of the whole process may be changed. */
export const mayTuneProcess = (): boolean => !guest;
