// The machine under the tensors: threads, devices, libtorch.
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
