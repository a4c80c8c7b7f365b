// The machine a study ran on, as far as its figures depend on it.

import { cpus, totalmem } from 'node:os';
import { type Computing, onCpu } from '../engine/device.ts';

export interface Machine {
  processor: string;
  cores: number;
  /** GiB */
  memory: number;
  system: string;
  node: string;
  /** Where and in how many bits networks were computed: 'cuda:0, bfloat16'. Absent for float32 on the processor. */
  device?: string;
}

export function thisMachine({ device, precision }: Computing = onCpu): Machine {
  const processors = cpus();
  return {
    processor: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
    memory: Math.round(totalmem() / 2 ** 30),
    system: `${process.platform} ${process.arch}`,
    node: process.version,
    ...((device !== onCpu.device || precision !== onCpu.precision) && { device: `${device}, ${precision}` }),
  };
}
