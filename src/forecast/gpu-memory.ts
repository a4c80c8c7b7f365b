// The number of children that one GPU trains at once: from the predicted GPU memory of a child's process and the free
// memory. The factors are assumptions from the tensors that libtorch stores; they have not been confirmed on a GPU
// (docs/gpu.md).

import { spawnSync } from 'node:child_process';
import type { Computing } from '../engine/device.ts';
import type { Plan } from '../plan/plan.ts';
import { planWork, weightCount } from '../plan/plan-work.ts';
import { RandomStream } from '../random/stream.ts';
import { sampleDecisions } from '../space/sample.ts';
import { Candidate } from '../study/candidate.ts';
import { rungTrainings } from '../study/rung-trainings.ts';
import type { SearchSettings } from '../study/settings.ts';
import { imagesTogether } from '../train/recipe.ts';

const assumed = {
  /** Bytes of a process before its first tensor: CUDA's context, cuBLAS, cuDNN and their workspaces. */
  process: 0.9e9,
  /**
   * Stored numbers per number that a fused unit would write: half of a separable convolution stores the results of
   * ReLU, depthwise and 1×1 convolution and normalisation, and backward needs a gradient.
   */
  storedPerResult: 5,
  /** Bytes per weight: weight, gradient, momentum and update in float32, and a 16-bit copy. */
  bytesPerWeight: 18,
  /** Factor for the allocator: a graph has its own memory, and blocks do not fit exactly. */
  slack: 1.3,
  /** Share of the free memory to use; the rest is for other programs. */
  share: 0.9,
  /** Maximum number of children: more would only take turns (not measured). */
  most: 8,
};

/**
 * Returns the peak GPU bytes of a process that trains a plan's network in batches of `batch`, with `images` bytes of
 * images.
 */
export function gpuMemoryOf(
  plan: Plan,
  batch: number,
  { precision }: Pick<Computing, 'precision'>,
  images: number,
): number {
  const bytesPerNumber = precision === 'bfloat16' ? 2 : 4;
  const activations = batch * planWork(plan).results * bytesPerNumber * assumed.storedPerResult;
  return assumed.process + images + assumed.slack * (activations + weightCount(plan) * assumed.bytesPerWeight);
}

/** Returns the peak GPU bytes of a search's workers: the maximum over random cells, rungs and finalists. */
export function workerGpuMemory(
  settings: SearchSettings,
  { images, classes }: { images: number; classes: number },
  computing: Pick<Computing, 'precision'>,
): number {
  const { space, blocks, finalists } = settings;
  const trainings = [...rungTrainings(settings), ...(finalists ? [finalists.training] : [])];
  const sides = new Set(trainings.map(({ resolution }) => resolution));
  const stored = [...sides].reduce((bytes, side) => bytes + images * 3 * side ** 2, 0);
  const random = new RandomStream('memory of a GPU');
  const cells = Array.from({ length: 32 }, () => new Candidate(sampleDecisions(random, blocks, space), space));
  const each = trainings.flatMap((training) => {
    const together = imagesTogether(training.recipe);
    return cells.map((cell) => gpuMemoryOf(cell.trainedPlan(training, classes), together, computing, stored));
  });
  return Math.max(...each);
}

/** Returns the number of children that fit into the free bytes; at least one, which then fails with a message. */
export function childrenOnGpu(bytesEach: number, free: number, cores: number): number {
  return Math.max(1, Math.min(cores, assumed.most, Math.floor((assumed.share * free) / bytesEach)));
}

/**
 * Returns the free bytes on 'cuda:N' according to nvidia-smi; undefined if unknown. It needs no CUDA context, which
 * would occupy half a gigabyte while the search runs.
 */
export function freeGpuMemory(device: string, { environment = process.env, ask = askDriver } = {}): number | undefined {
  const cards = ask()
    .split('\n')
    .map((line) => line.split(',').map((word) => word.trim()))
    .filter((words) => words.length === 3);
  const visible = environment.CUDA_VISIBLE_DEVICES?.split(',').map((word) => word.trim());
  const place = Number(device.slice('cuda:'.length));
  const name = visible ? visible[place] : String(place);
  const [, , mebibytes] = cards.find(([index, uuid]) => index === name || (name && uuid!.startsWith(name))) ?? [];
  return mebibytes === undefined || !/^\d+$/.test(mebibytes) ? undefined : Number(mebibytes) * 2 ** 20;
}

function askDriver(): string {
  const query = ['--query-gpu=index,uuid,memory.free', '--format=csv,noheader,nounits'];
  return spawnSync('nvidia-smi', query, { encoding: 'utf8', timeout: 10_000 }).stdout ?? '';
}
