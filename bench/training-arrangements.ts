// The arrangements of bench/training.ts: how processes use a machine's cores or its GPU.
import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { InputError } from '../src/failure.ts';

/**
 * Whether the C library returns a large buffer that was freed to the system, so that the next operator faults its
 * pages in again (as installed), or keeps it, as nasnet's engine does.
 */
export type Buffers = 'as installed' | 'kept';
export const buffersMeasured: readonly Buffers[] = ['as installed', 'kept'];

export interface Arrangement {
  name: string;
  processes: number;
  /** Threads of each process. */
  threads: number;
  device: string;
  /** Our variants and PyTorch's; the first of both are compared before the measurement. */
  ours: string[];
  peer: string[];
  /** How PyTorch's process treats large buffers, each with every variant of PyTorch's. */
  peerBuffers: readonly Buffers[];
  /** Multiplies the case's number of steps per turn, because a GPU is much faster. */
  stepsFactor: number;
}

const cores = availableParallelism();
const eager = { device: 'cpu', ours: ['eager'], peer: ['eager'], peerBuffers: buffersMeasured, stepsFactor: 1 };

const onCpu: Arrangement[] = [
  { name: 'threads', processes: 1, threads: cores, ...eager },
  { name: 'processes', processes: cores, threads: 1, ...eager },
  { name: 'one', processes: 1, threads: 1, ...eager },
];

const gpu = { device: 'cuda:0', peerBuffers: ['as installed'], stepsFactor: 50 } as const;
const peerVariants = ['eager', 'autocast', 'graph', 'compile', 'compile-graph'];

/** One process on the GPU in every variant, and several at once in the useful ones. Not measured so far. */
const onGpu: Arrangement[] = [
  { name: 'GPU', processes: 1, threads: 2, ...gpu, ours: ['eager', 'autocast', 'graph'], peer: peerVariants },
  { name: 'GPU × 4', processes: 4, threads: 1, ...gpu, ours: ['graph'], peer: ['autocast', 'graph'] },
];

export const devicesMeasured = ['cpu', 'cuda'];
export const arrangementNames = [...onCpu, ...onGpu].map(({ name }) => name);
export const usualArrangements = { cpu: ['threads', 'processes'], cuda: onGpu.map(({ name }) => name) };

export interface ArrangementChoice {
  device: 'cpu' | 'cuda';
  names: readonly string[];
  /** Only these of PyTorch's variants; default: all that this PyTorch supports. */
  variants?: readonly string[] | undefined;
  /** Whether to run also in bfloat16 on the CPU, on both sides. */
  sixteenBits?: boolean;
  /** PyTorch's on the CPU. Default: both. */
  buffers?: Buffers | undefined;
}

/** Returns the arrangements to measure. @throws InputError if a GPU is requested and this Python's PyTorch has none */
export function arrangementsOn(
  python: string,
  { device, names, variants, sixteenBits, buffers }: ArrangementChoice,
): Arrangement[] {
  const chosen = (device === 'cpu' ? onCpu : onGpu).filter(({ name }) => names.includes(name));
  const both = ['eager', 'autocast'];
  if (device === 'cpu') {
    const precisions = sixteenBits ? { ours: both, peer: both } : {};
    return chosen.map((each) => ({ ...each, ...precisions, ...(buffers && { peerBuffers: [buffers] }) }));
  }
  const answers = asked(python, 'torch.cuda.is_available(), hasattr(torch, "compile")').split(' ');
  const [hasGpu, canCompile] = answers.map((word) => word === 'True');
  if (!hasGpu) throw new InputError(`--device: expected a GPU that PyTorch sees, ${python} sees none`);
  const wanted = (name: string) =>
    (variants ?? peerVariants).includes(name) && (canCompile || !name.startsWith('compile'));
  return chosen.map((each) => ({ ...each, peer: each.peer.filter(wanted) }));
}

/** Returns the name of PyTorch's GPU. */
export const gpuName = (python: string): string => asked(python, 'torch.cuda.get_device_name(0)');

/** Evaluates expressions in Python with PyTorch. */
function asked(python: string, expressions: string): string {
  return spawnSync(python, ['-c', `import torch; print(${expressions})`], { encoding: 'utf8' }).stdout.trim();
}
