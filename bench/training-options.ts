// The options of bench/training.ts, its help text, and the Python whose PyTorch it measures.
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { InputError } from '../src/failure.ts';
import {
  type ArrangementChoice,
  arrangementNames,
  buffersMeasured,
  devicesMeasured,
  usualArrangements,
} from './training-arrangements.ts';
import { type Case, caseNames, casesNamed } from './training-cases.ts';

export interface TrainingBenchOptions {
  cases: Case[];
  arrangements: ArrangementChoice;
  /** Steps per turn. Default: each case's. */
  steps?: number;
  /** Number of turns of each side in each arrangement. */
  repeats: number;
  json?: string;
}

const usualRepeats = 3;

export const help = `Images per second of training and of running networks, compared with PyTorch on the same networks, alternating.

  node bench/training.ts [options]

  --case NAME          ${caseNames.join(', ')}, random-7; repeatable (all)
  --device NAME        ${devicesMeasured.join(', ')} (cpu)
  --arrangement NAME   ${arrangementNames.join(', ')}; repeatable (${usualArrangements.cpu.join(', ')}; on cuda all)
  --peer NAME          on cuda: eager, autocast, graph, compile, compile-graph; repeatable (all)
  --buffers NAME       on cpu, of PyTorch: installed, kept (both)
  --precision NAME     on cpu: float32, or bf16: each side in bfloat16, too, and counted with its better one (float32)
  --steps COUNT        steps of a turn (each case's own: 1 or 2, mobile-1 8); on cuda 50 times as many
  --repeats TURNS      of each side in each arrangement; medians count (${usualRepeats})
  --json FILE          every turn's figure, too
  --help

Arrangements: one process with a thread for each core; a process for each core; one thread; on cuda one process, and four at once.
Each side counts with its best. Ours on cuda: float32, bfloat16 (autocast), bfloat16 with the step captured (graph).
PyTorch is that of NASNET_PYTHON, else of the first of python3 and /usr/bin/python3 that has it (Debian: python3-torch).
First both sides make three steps from the same weights and images; if their parameters or losses differ, nothing is measured.
The processes of an arrangement live at once and take turns: N = 2, F = 32, batch 128 takes 4 GB (ours) and 5 GB (PyTorch) each.
Ours keeps large buffers instead of giving them back to the system. PyTorch is measured as installed and with its buffers kept
(glibc's MALLOC_MMAP_THRESHOLD_ and MALLOC_TRIM_THRESHOLD_), and counts with the better one; --buffers halves its memory.
NASNET_KERNELS=off turns our kernels off; NASNET_KERNELS=avx2 gives PyTorch and its libraries no more than AVX2 either.`;

/** Parses the options. @returns undefined if help is requested @throws InputError for invalid options */
export function parseOptions(words: readonly string[]): TrainingBenchOptions | undefined {
  const { json, help, steps, repeats, case: names = [], device = 'cpu', peer, arrangement, ...more } = parsed(words);
  const { buffers, precision } = more;
  if (help) return undefined;
  if (device !== 'cpu' && device !== 'cuda') {
    throw new InputError(`--device: expected ${devicesMeasured.join(' or ')}, got "${device}"`);
  }
  if (precision !== undefined && (device !== 'cpu' || !['float32', 'bf16'].includes(precision))) {
    throw new InputError(`--precision: expected float32 or bf16, on the CPU, got "${precision}" on ${device}`);
  }
  if (buffers !== undefined && (device !== 'cpu' || !['installed', 'kept'].includes(buffers))) {
    throw new InputError(`--buffers: expected installed or kept, on the CPU, got "${buffers}" on ${device}`);
  }
  const chosen = arrangement ?? usualArrangements[device];
  const unknown = chosen.find((name) => !arrangementNames.includes(name));
  if (unknown !== undefined) {
    throw new InputError(`--arrangement: expected ${arrangementNames.join(', ')}, got "${unknown}"`);
  }
  return {
    cases: casesNamed(names),
    arrangements: {
      device,
      names: chosen,
      variants: peer,
      sixteenBits: precision === 'bf16',
      ...(buffers && { buffers: buffersMeasured.find((each) => each.endsWith(buffers)) }),
    },
    repeats: repeats === undefined ? usualRepeats : count('repeats', repeats),
    ...(steps !== undefined && { steps: count('steps', steps) }),
    ...(json !== undefined && { json }),
  };
}

function count(name: string, given: string): number {
  if (/^[1-9]\d*$/.test(given)) return Number(given);
  throw new InputError(`--${name}: expected a whole number from 1, got "${given}"`);
}

function parsed(words: readonly string[]) {
  const text = { type: 'string' } as const;
  const texts = { type: 'string', multiple: true } as const;
  const options = {
    case: texts,
    device: text,
    arrangement: texts,
    peer: texts,
    buffers: text,
    precision: text,
    steps: text,
    repeats: text,
    json: text,
  } as const;
  try {
    return parseArgs({ args: [...words], options: { ...options, help: { type: 'boolean' } } }).values;
  } catch (error) {
    throw new InputError((error as Error).message);
  }
}

/** Returns a Python command that can import torch. @throws InputError if there is none */
export function findPython(environment = process.env): string {
  const named = environment.NASNET_PYTHON;
  const found = (named ? [named] : ['python3', '/usr/bin/python3']).find((command) => {
    return spawnSync(command, ['-c', 'import torch'], { stdio: 'ignore' }).status === 0;
  });
  if (found) return found;
  const where = named ? `NASNET_PYTHON: ${named}` : 'python3, /usr/bin/python3';
  throw new InputError(
    `${where}: expected a Python that can import torch, got none (Debian: apt-get install python3-torch)`,
  );
}
