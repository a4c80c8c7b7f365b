// Describes this machine, as studies store it.

import { cpus, totalmem } from 'node:os';
import { type Computing, onCpu } from '../engine/device.ts';
import type { Machine } from '../study/results.ts';

/** Returns this machine with the device and precision of the trainings. */
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

/** Returns the machine in one line. Observations on another machine do not count. */
export function machineName(): string {
  const { processor, cores, system } = thisMachine();
  return `${processor}, ${cores} cores, ${system}`;
}
