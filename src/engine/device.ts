// The device on which tensors are computed: the values of `--device`, whether this machine has the device, and its
// preparation in each process. cuda-graph.ts captures graphs.

import { existsSync } from 'node:fs';
import { switches } from '../environment.ts';
import { InputError } from '../failure.ts';
import { addon } from './addon.ts';
import { devices, kernelVersion, libtorch } from './machine.ts';

export const cpu = 'cpu';

/**
 * The precision of images. bfloat16: images and convolutions in 16 bits with sums in 32; parameters, batch statistics,
 * losses and the optimizer stay in float32.
 */
export type Precision = (typeof precisions)[number];
export const precisions = ['float32', 'bfloat16'] as const;

/** The device and precision of computations. Plain data, which is sent to workers. */
export interface Computing {
  device: string;
  precision: Precision;
}

export const onCpu: Computing = { device: cpu, precision: 'float32' };

/** Returns the device (see `resolveDevice`) and the precision, by default bfloat16 on a GPU and float32 on the CPU. */
export function computingOn(word: string, precision?: Precision): Computing {
  const device = resolveDevice(word);
  return { device, precision: precision ?? (device === cpu ? 'float32' : 'bfloat16') };
}

/**
 * As `computingOn`, for trainings of one machine: on the CPU in bfloat16 too, where the processor multiplies it by
 * instructions of its own. A step with N = 1 then takes 8 to 24% less time on Zen 4 (docs/paper.md); elsewhere it takes
 * more.
 */
export function trainingOn(word: string, precision?: Precision): Computing {
  const device = resolveDevice(word);
  if (precision !== undefined || device !== cpu) return computingOn(device, precision);
  return { device, precision: switches.fused && kernelVersion() === 'avx512bf16' ? 'bfloat16' : 'float32' };
}

/** The words that `resolveDevice` accepts, for help texts. */
export const deviceForms = 'auto, cpu, cuda or cuda:N';

/**
 * Returns the device of a word: 'cpu', 'cuda' (the first GPU), 'cuda:1', or 'auto' (the first GPU, otherwise the CPU).
 * 'cpu' and, on machines without NVIDIA's driver, 'auto' do not load the engine.
 * @throws InputError for other words and for a GPU that this machine does not have
 */
export function resolveDevice(word: string, driverExists = hasDriver): string {
  if (!/^(auto|cpu|cuda(:\d+)?)$/.test(word)) {
    throw new InputError(`device: expected ${deviceForms}, got ${JSON.stringify(word)}`, {
      code: 'unknown-device',
      fields: { got: word },
    });
  }
  if (word === cpu || (word === 'auto' && !driverExists())) return cpu;
  const [first, ...others] = devices().filter((name) => name !== cpu);
  if (word === 'auto') return first ?? cpu;
  const device = word === 'cuda' ? 'cuda:0' : word;
  if (first === undefined) {
    const { version } = libtorch();
    const reason = driverExists()
      ? `libtorch ${version} is built without CUDA or too new for the driver`
      : 'there is no NVIDIA driver';
    throw new InputError(`device: expected a GPU for ${word}, found none: ${reason}; use the device cpu instead`, {
      code: 'no-gpu',
      fields: { got: word },
    });
  }
  if (![first, ...others].includes(device)) {
    throw new InputError(`device: expected one of ${[cpu, first, ...others].join(', ')}, got ${word}`, {
      code: 'unknown-device',
      fields: { got: word },
    });
  }
  return device;
}

/** NVIDIA's driver creates the first two files on Linux, and the third on Windows Subsystem for Linux. */
function hasDriver(): boolean {
  return ['/dev/nvidiactl', '/dev/nvidia0', '/dev/dxg'].some((path) => existsSync(path));
}

/**
 * Prepares a GPU; must be called before a process's first tensor on it. Operators use a separate stream, on which steps
 * can be captured. cuDNN benchmarks its algorithms at every new shape, once per process; NASNET_CUDNN_TRIALS=off uses
 * its heuristics instead.
 */
export function prepareDevice(device: string): void {
  if (device !== cpu) addon().useStream?.(device, switches.cudnnTrials);
}

/** Returns a GPU's memory in bytes; undefined if the addon was compiled without CUDA. */
export function deviceMemory(device: string): { free: number; total: number; peak: number } | undefined {
  const [free, total, peak] = addon().deviceMemory?.(device) ?? [];
  return free === undefined ? undefined : { free, total: total!, peak: peak! };
}

/** Releases cached memory that no tensor uses, for other processes. */
export function emptyDeviceCache(): void {
  addon().emptyCache?.();
}
