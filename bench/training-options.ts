// What bench/training.ts is told: its options, its help text, and the Python whose PyTorch it measures.
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { InputError } from '../src/failure.ts';

export interface TrainingBenchOptions {
  /** N, F and the images of a step. */
  cells: number;
  filters: number;
  batch: number;
  /** Steps of a turn, turns of each side. */
  steps: number;
  repeats: number;
  json?: string;
}

const defaults = { cells: 2, filters: 24, batch: 64, steps: 3, repeats: 5 };

export const help = `Images per second of training NASNet-A on 32 × 32 images, ours beside the same network in PyTorch.

  node bench/training.ts [options]

  --cells N      normal cells before, between and after the reductions (${defaults.cells})
  --filters F    filters of the first cells (${defaults.filters})
  --batch IMAGES images of a step (${defaults.batch})
  --steps COUNT  steps of a turn (${defaults.steps})
  --repeats TURNS of each side, in turns; medians count (${defaults.repeats})
  --json FILE    every turn's figure, too
  --help

PyTorch is that of NASNET_PYTHON, else of the first of python3 and /usr/bin/python3 that has it (Debian: python3-torch).
First both sides make three steps from the same weights and images; if their parameters or losses differ, nothing is measured.
Ours keeps large buffers instead of giving them back to the system. To give PyTorch the same:
  MALLOC_MMAP_THRESHOLD_=1073741824 MALLOC_TRIM_THRESHOLD_=1073741824 node bench/training.ts
NASNET_KERNELS=off turns our kernels off.`;

/** @returns undefined where help is asked for @throws InputError in one sentence */
export function parseOptions(words: readonly string[]): TrainingBenchOptions | undefined {
  const { json, help, ...numbers } = parsed(words);
  if (help) return undefined;
  const counts = Object.entries(defaults).map(([name, usual]) => {
    const given = numbers[name as keyof typeof defaults] ?? String(usual);
    if (!/^[1-9]\d*$/.test(given)) throw new InputError(`--${name}: expected a whole number from 1, got "${given}"`);
    return [name, Number(given)];
  });
  return { ...(Object.fromEntries(counts) as typeof defaults), ...(json !== undefined && { json }) };
}

function parsed(words: readonly string[]) {
  const text = { type: 'string' } as const;
  try {
    return parseArgs({
      args: [...words],
      options: {
        cells: text,
        filters: text,
        batch: text,
        steps: text,
        repeats: text,
        json: text,
        help: { type: 'boolean' },
      },
    }).values;
  } catch (error) {
    throw new InputError((error as Error).message);
  }
}

/** A command whose Python can import torch. @throws InputError if there is none */
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
