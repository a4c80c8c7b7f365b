// The default number of children that `nasnet search` trains at once on a device: on a GPU as many as fit in its
// memory.

import { availableParallelism } from 'node:os';
import { type Computing, cpu } from '../engine/device.ts';
import type { SearchSettings } from '../study/settings.ts';
import { bytesWords } from '../words.ts';
import { childrenOnGpu, freeGpuMemory, workerGpuMemory } from './gpu-memory.ts';
import type { ImageCounts } from './prediction.ts';

/**
 * Returns the number of children to train at once.
 * @param onCpu the number on the CPU
 * @param note called with a sentence about the calculation
 */
export function workersOn(
  computing: Computing,
  settings: SearchSettings,
  counts: ImageCounts,
  onCpu: number,
  note: (line: string) => void,
  free = freeGpuMemory,
): number {
  const { device } = computing;
  if (device === cpu) return onCpu;
  const each = workerGpuMemory(settings, counts, computing);
  const left = free(device);
  if (left === undefined) {
    note(
      `On ${device}, one child at a time: nvidia-smi does not report how much memory is free; another number of workers may be asked for`,
    );
    return 1;
  }
  const workers = childrenOnGpu(each, left, availableParallelism());
  note(
    `On ${device}, ${workers} at a time: ${bytesWords(left)} free, each is assumed to take up to ${bytesWords(each)}`,
  );
  note('The predictions below are for the processor; a GPU takes less time');
  return workers;
}
