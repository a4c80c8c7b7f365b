// How many children one GPU trains at once: what a child's process takes of its memory, foretold from the plan, and what the card has
// free. The factors are reckoned from what libtorch keeps; no GPU has confirmed them yet (docs/gpu.md).

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

const reckoned = {
  /** Bytes of a process before its first tensor: CUDA's context, cuBLAS, cuDNN and their workspaces. */
  process: 0.9e9,
  /**
   * Numbers kept for each one that a fused unit would write: layer by layer a separable half keeps the ReLU's, the depthwise one's and
   * the 1×1's results and its normalised images, and backward holds a gradient beside them.
   */
  keptPerResult: 5,
  /** Of a weight: itself, gradient, momentum, its move, all float32, and a 16-bit copy. */
  bytesPerWeight: 18,
  /** What the allocator holds beyond that: a graph's memory is its own, and blocks do not fit exactly. */
  slack: 1.3,
  /** Of the free memory: the rest is for what others start meanwhile. */
  share: 0.9,
  /** More children at once only take turns; not measured. */
  most: 8,
};

/** Bytes of a GPU that a process takes at most to train a plan's network in such batches, beside `images` bytes of images. */
export function gpuMemoryOf(
  plan: Plan,
  batch: number,
  { precision }: Pick<Computing, 'precision'>,
  images: number,
): number {
  const bytesPerNumber = precision === 'bfloat16' ? 2 : 4;
  const kept = batch * planWork(plan).results * bytesPerNumber * reckoned.keptPerResult;
  return reckoned.process + images + reckoned.slack * (kept + weightCount(plan) * reckoned.bytesPerWeight);
}

/** The same for the workers of a search: the most that any of some random cells takes at any rung, or as a finalist. */
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

/** How many such children fit a card with so many bytes free; at least one, whose failure then says that it does not. */
export function childrenOnGpu(bytesEach: number, free: number, cores: number): number {
  return Math.max(1, Math.min(cores, reckoned.most, Math.floor((reckoned.share * free) / bytesEach)));
}

/**
 * Bytes free on 'cuda:N' as the driver's nvidia-smi tells; undefined where it does not. It costs no CUDA context, which would take half a
 * gigabyte of the card for as long as the search's own process lives.
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
