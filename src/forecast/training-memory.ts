// Predicts whether a training fits this machine's memory, since a process that the system kills for memory prints no
// message.

import { type Computing, cpu } from '../engine/device.ts';
import { InputError } from '../failure.ts';
import { batchWithinMemory, evaluationBatch } from '../plan/evaluation-batch.ts';
import type { Plan } from '../plan/plan.ts';
import { bytesWords } from '../words.ts';
import { lawValue, memoryTerms, startingLaws } from './cost-law.ts';
import { freeGpuMemory, gpuMemoryOf } from './gpu-memory.ts';
import { memoryLeft } from './machine-memory.ts';

export interface TrainingInMemory {
  plan: Plan;
  /** Images per step. */
  batch: number;
  /** Total number of images of the plan's size, which a GPU holds. */
  images: number;
  computing: Computing;
  /** Images of a batch of streamed pictures, of which several are decoded ahead. */
  streamedBatch?: number | undefined;
  /** Processes of this machine that train the network together, each with such a batch. Default: one. */
  processes?: number;
}

/** Batches of streamed pictures in memory. */
const streamedBatches = 3;

/** Predicts the peak bytes of a training: of this machine's memory, or of the GPU's. */
export function trainingMemory(training: TrainingInMemory): number {
  const { plan, batch, images, computing, streamedBatch, processes = 1 } = training;
  const [height, width, channels] = plan.input;
  const image = height * width * channels;
  if (computing.device !== cpu) return gpuMemoryOf(plan, batch, computing, (images + (streamedBatch ?? 0)) * image);
  const evaluated = streamedBatch === undefined ? evaluationBatch : batchWithinMemory(plan);
  const ahead = streamedBatches * (streamedBatch ?? 0) * image;
  return processes * (lawValue(startingLaws.memory, memoryTerms(plan, batch, evaluated)) + ahead);
}

/** Returns the free bytes of the device; undefined if unknown. */
export const freeFor = (device: string) => (device === cpu ? memoryLeft() : freeGpuMemory(device));

/** Whether a training is predicted to fit the free memory of its device; true if that is unknown. */
export function fitsMemory(training: TrainingInMemory, free = freeFor(training.computing.device)): boolean {
  return free === undefined || trainingMemory(training) <= free;
}

/**
 * Refuses a training that does not fit.
 * @throws InputError if more than `free` bytes are predicted, with both numbers and advice
 */
export function requireMemory(training: TrainingInMemory, free = freeFor(training.computing.device)): void {
  const { device } = training.computing;
  if (free === undefined || fitsMemory(training, free)) return;
  const predicted = trainingMemory(training);
  const where = device === cpu ? 'this machine' : device;
  throw new InputError(
    `training: expected at most ${bytesWords(free)} of memory, which ${where} has free, got a predicted ${bytesWords(predicted)}: ` +
      'a smaller batch, one in more parts, smaller images, fewer filters or cells take less; the prediction can be ignored',
    { code: 'too-little-memory', fields: { predicted, free } },
  );
}
