// Whether one training fits this machine's memory, predicted before it begins: a process that the system kills for memory says nothing.

import { type Computing, cpu } from '../engine/device.ts';
import { InputError } from '../failure.ts';
import type { Plan } from '../plan/plan.ts';
import { bytesWords } from '../words.ts';
import { lawValue, memoryTerms, startingLaws } from './cost-law.ts';
import { freeGpuMemory, gpuMemoryOf } from './gpu-memory.ts';
import { memoryLeft } from './machine-memory.ts';

export interface TrainingInMemory {
  plan: Plan;
  /** Images a step. */
  batch: number;
  /** In all, of the plan's size: a GPU holds them. */
  images: number;
  computing: Computing;
}

/** Bytes that are free where this trains; undefined where that cannot be told. */
const freeOn = (device: string) => (device === cpu ? memoryLeft() : freeGpuMemory(device));

/** @throws InputError where more is predicted than `free` bytes, in a sentence that says both and what takes less */
export function requireMemory(
  { plan, batch, images, computing }: TrainingInMemory,
  free = freeOn(computing.device),
): void {
  const { device } = computing;
  const [height, width, channels] = plan.input;
  const predicted =
    device === cpu
      ? lawValue(startingLaws.memory, memoryTerms(plan, batch))
      : gpuMemoryOf(plan, batch, computing, images * height * width * channels);
  if (free === undefined || predicted <= free) return;
  const where = device === cpu ? 'this machine' : device;
  throw new InputError(
    `training: expected at most ${bytesWords(free)} of memory, which ${where} has free, got a predicted ${bytesWords(predicted)}: ` +
      'a smaller batch, smaller images, fewer filters or cells take less; the prediction can be ignored',
    { code: 'too-little-memory', fields: { predicted, free } },
  );
}
