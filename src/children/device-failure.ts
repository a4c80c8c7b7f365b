// Handles trainings that fail on a GPU. Out of memory is a failure of the child, with a message that says what helps. A
// GPU that does not respond is lost for the process: a worker then ends, and a new one runs the job.

import { cpu, emptyDeviceCache } from '../engine/device.ts';
import { lacksMemory } from '../out-of-memory.ts';
import { deviceLost } from '../workers/messages.ts';

/** An error whose `kind` is that of the trial's failure. */
export class DeviceMemoryError extends Error {
  readonly kind = 'out-of-memory';
}

/** The device does not respond any more in this process. */
export class DeviceLostError extends Error {
  readonly kind = deviceLost;
}

/**
 * Runs a training on a device, frees the device's cached memory afterwards, and returns the result.
 * @throws DeviceLostError or DeviceMemoryError for errors of the device, else the error of the training
 */
export async function onDevice<Result>(
  device: string,
  recipe: { batchSize: number },
  train: () => Promise<Result>,
  emptyCache = emptyDeviceCache,
): Promise<Result> {
  let lost = false;
  try {
    return await train();
  } catch (error) {
    const cause = explained(error, device, recipe);
    lost = cause instanceof DeviceLostError;
    throw cause;
  } finally {
    if (device !== cpu && !lost) emptyCache(); // a lost device would throw here and hide the cause
  }
}

/** Returns an error of the device as an error of the job; any other error unchanged. */
export function explained(error: unknown, device: string, { batchSize }: { batchSize: number }): unknown {
  if (device === cpu || !(error instanceof Error)) return error;
  if (losesDevice(error, device)) return new DeviceLostError(error.message, { cause: error });
  if (!lacksMemory(error)) return error;
  const reason = error.message
    .split(/(?<=\.)\s/)
    .slice(0, 2)
    .join(' '); // without libtorch's advice on its allocator
  return new DeviceMemoryError(
    `${device} has too little memory for this network in batches of ${batchSize}: fewer workers leave each child more, a smaller batch needs less (${reason})`,
    { cause: error },
  );
}

/**
 * Whether the device is unusable after this error: CUDA returns the same error for every later call of the process, so
 * that all later trials would fail.
 */
export function losesDevice(error: unknown, device: string): boolean {
  return (
    device !== cpu && error instanceof Error && !lacksMemory(error) && /CUDA|cuDNN|CUBLAS|CUDNN/.test(error.message)
  );
}
