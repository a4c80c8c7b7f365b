// What becomes of a training that fails on a GPU: out of memory is the child's failure, in words that say what helps; a GPU that
// answers nothing more is the process's end, so that a fresh one takes over.

import { cpu } from '../engine/device.ts';

/** An error whose `kind` a trial keeps as its failure's. */
export class DeviceMemoryError extends Error {
  readonly kind = 'out-of-memory';
}

/** The error in the words of the job, where it is the device's; else as it is. */
export function explained(error: unknown, device: string, { batchSize }: { batchSize: number }): unknown {
  if (device === cpu || !(error instanceof Error) || !lacksMemory(error)) return error;
  const said = error.message
    .split(/(?<=\.)\s/)
    .slice(0, 2)
    .join(' '); // libtorch's advice on its allocator is not the user's
  return new DeviceMemoryError(
    `${device} has too little memory for this network in batches of ${batchSize}: fewer workers leave each child more, a smaller batch needs less (${said})`,
    { cause: error },
  );
}

/**
 * Whether this error leaves the device unusable for the process: CUDA answers every later call with the same, so that all trials
 * after this one would fail.
 */
export function losesDevice(error: unknown, device: string): boolean {
  return (
    device !== cpu && error instanceof Error && !lacksMemory(error) && /CUDA|cuDNN|CUBLAS|CUDNN/.test(error.message)
  );
}

const lacksMemory = (error: Error) => (error as { kind?: unknown }).kind === 'out-of-memory';
