// How a machine's cores, or its GPU, are given to trainings: what bench/training.ts measures each case in.
import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';

export interface Arrangement {
  name: string;
  processes: number;
  /** Of each process. */
  threads: number;
  device: string;
  /** The peer's ways to run it; ours has one. */
  variants: string[];
}

const cores = availableParallelism();
const eager = { device: 'cpu', variants: ['eager'] };

const onCpu: Arrangement[] = [
  { name: 'threads', processes: 1, threads: cores, ...eager },
  { name: 'processes', processes: cores, threads: 1, ...eager },
  { name: 'one', processes: 1, threads: 1, ...eager },
];

export const arrangementNames = onCpu.map(({ name }) => name);

/** The named ones, and one on the GPU where PyTorch sees one. Never measured so far: no machine of ours had one. */
export function arrangementsOn(python: string, names: readonly string[]): Arrangement[] {
  const chosen = onCpu.filter(({ name }) => names.includes(name));
  const question = 'import torch; print(torch.cuda.is_available(), hasattr(torch, "compile"))';
  const { stdout } = spawnSync(python, ['-c', question], { encoding: 'utf8' });
  const [hasGpu, canCompile] = stdout.trim().split(' ').map((word) => word === 'True'); // biome-ignore format: one line
  if (!hasGpu) return chosen;
  const variants = ['eager', 'autocast', 'graph', ...(canCompile ? ['compile'] : [])];
  return [...chosen, { name: 'GPU', processes: 1, threads: cores, device: 'cuda:0', variants }];
}
