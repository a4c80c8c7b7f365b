// Which device tensors are computed on: what `--device` may name, whether this machine has it, and what a process does before its
// first tensor there. Graphs of it are cuda-graph.ts's.

import { existsSync } from 'node:fs';
import { switches } from '../environment.ts';
import { InputError } from '../failure.ts';
import { addon } from './addon.ts';
import { devices, libtorch } from './machine.ts';

export const cpu = 'cpu';

/**
 * What images are computed in. bfloat16: images and convolutions in 16 bits, summed in 32; parameters, batch statistics, losses and the
 * optimizer stay in float32.
 */
export type Precision = 'float32' | 'bfloat16';

/** Where and how networks are computed. Plain data: workers are told so. */
export interface Computing {
  device: string;
  precision: Precision;
}

export const onCpu: Computing = { device: cpu, precision: 'float32' };

/** The device of a word, as `resolveDevice`; without a precision, bfloat16 on a GPU. */
export function computingOn(word: string, precision?: Precision): Computing {
  const device = resolveDevice(word);
  return { device, precision: precision ?? (device === cpu ? 'float32' : 'bfloat16') };
}

/** What `resolveDevice` understands, for help texts. */
export const deviceForms = 'auto, cpu, cuda or cuda:N';

/**
 * The device of a word: 'cpu', 'cuda' (the first GPU), 'cuda:1', or 'auto': the first GPU where there is one. 'cpu' and, on machines
 * without NVIDIA's driver, 'auto' load nothing. @throws InputError for other words and for a GPU that is not there
 */
export function resolveDevice(word: string, driverSeen = hasDriver): string {
  if (!/^(auto|cpu|cuda(:\d+)?)$/.test(word)) {
    throw new InputError(`device: expected ${deviceForms}, got ${JSON.stringify(word)}`, {
      code: 'unknown-device',
      fields: { got: word },
    });
  }
  if (word === cpu || (word === 'auto' && !driverSeen())) return cpu;
  const [first, ...others] = devices().filter((name) => name !== cpu);
  if (word === 'auto') return first ?? cpu;
  const wanted = word === 'cuda' ? 'cuda:0' : word;
  if (first === undefined) {
    const { version } = libtorch();
    const reason = driverSeen()
      ? `libtorch ${version} is built without CUDA or too new for the driver`
      : 'no NVIDIA driver is there';
    throw new InputError(`device: expected a GPU for ${word}, found none: ${reason}; the device cpu goes without`, {
      code: 'no-gpu',
      fields: { got: word },
    });
  }
  if (![first, ...others].includes(wanted)) {
    throw new InputError(`device: expected one of ${[cpu, first, ...others].join(', ')}, got ${word}`, {
      code: 'unknown-device',
      fields: { got: word },
    });
  }
  return wanted;
}

/** NVIDIA's driver makes these files on Linux; under Windows' Linux the third. */
function hasDriver(): boolean {
  return ['/dev/nvidiactl', '/dev/nvidia0', '/dev/dxg'].some((path) => existsSync(path));
}

/**
 * Before a process's first tensor on a GPU: its operators go to a stream of its own, where steps can be captured. cuDNN tries its
 * algorithms at every new shape, once for each process; NASNET_CUDNN_TRIALS=off leaves the choice to its rules of thumb.
 */
export function prepareDevice(device: string): void {
  if (device !== cpu) addon().useStream?.(device, switches.cudnnTrials);
}

/** Bytes of a GPU's memory; undefined where the addon was compiled without CUDA. */
export function deviceMemory(device: string): { free: number; total: number; peak: number } | undefined {
  const [free, total, peak] = addon().deviceMemory?.(device) ?? [];
  return free === undefined ? undefined : { free, total: total!, peak: peak! };
}

/** Gives memory that no tensor uses any more back to the GPU, for other processes. */
export function emptyDeviceCache(): void {
  addon().emptyCache?.();
}
