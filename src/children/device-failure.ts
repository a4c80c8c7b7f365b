// What becomes of a training that fails on a GPU: out of memory is the child's failure, in words that say what helps; a GPU that
// answers nothing more is lost for the process: whoever runs the job decides what then, and a worker ends so that a fresh one takes over.

import { cpu, emptyDeviceCache } from '../engine/device.ts';
import { lacksMemory } from '../out-of-memory.ts';
import { deviceLost } from '../workers/messages.ts';

/** An error whose `kind` a trial keeps as its failure's. */
export class DeviceMemoryError extends Error {
  readonly kind = 'out-of-memory';
}

/** The device answers nothing more in this process. */
export class DeviceLostError extends Error {
  readonly kind = deviceLost;
}

/**
 * What a training on a device resolves with; afterwards the device's memory is given back. @throws DeviceLostError or DeviceMemoryError where
 * the device is at fault, else what the training throws
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
    const found = explained(error, device, recipe);
    lost = found instanceof DeviceLostError;
    throw found;
  } finally {
    if (device !== cpu && !lost) emptyCache(); // a lost device would throw here, in place of the error that tells why
  }
}

/** The error in the words of the job, where it is the device's; else as it is. */
export function explained(error: unknown, device: string, { batchSize }: { batchSize: number }): unknown {
  if (device === cpu || !(error instanceof Error)) return error;
  if (losesDevice(error, device)) return new DeviceLostError(error.message, { cause: error });
  if (!lacksMemory(error)) return error;
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
