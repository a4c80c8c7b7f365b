// How many images an evaluation processes together.

import type { Plan } from './plan.ts';

/** Larger batches need more memory and are not faster on a CPU. */
export const evaluationBatch = 64;

const memory = 2e9; // bytes
/** Memory per byte of the cells' outputs, including the temporaries of a cell: 1.6 to 2 measured on NASNet-A. */
const bytesPerEndpointByte = 2.5;

/** Returns the batch size whose forward pass needs about 2 GB, at most 64: 9 for NASNet-A large at 331 pixels. */
export function batchWithinMemory(plan: Pick<Plan, 'endpoints'>): number {
  const elements = plan.endpoints.reduce((sum, { shape }) => sum + shape[0] * shape[1] * shape[2], 0);
  return Math.max(1, Math.min(evaluationBatch, Math.floor(memory / (4 * elements * bytesPerEndpointByte))));
}
