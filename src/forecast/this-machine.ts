// Describes this machine, as studies store it.

import { cpus, totalmem } from 'node:os';
import { type Computing, onCpu, type Precision } from '../engine/device.ts';
import type { Machine } from '../study/results.ts';

/** Returns this machine with the device and precision of the trainings. */
export function thisMachine(computing: Computing = onCpu): Machine {
  const processors = cpus();
  return {
    processor: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
    memory: Math.round(totalmem() / 2 ** 30),
    system: `${process.platform} ${process.arch}`,
    node: process.version,
    ...(!isUsual(computing) && { device: `${computing.device}, ${computing.precision}` }),
  };
}

/** Returns the device and precision of a stored machine's trainings. */
export function computingOfMachine({ device }: Pick<Machine, 'device'>): Computing {
  if (device === undefined) return onCpu;
  const [name, precision] = device.split(', ') as [string, Precision];
  return { device: name, precision };
}

const isUsual = ({ device, precision }: Computing) => device === onCpu.device && precision === onCpu.precision;

/** Returns the machine in one line. Observations on another machine, device or in another precision do not count. */
export function machineName(computing: Computing = onCpu): string {
  const { processor, cores, system, device } = thisMachine(computing);
  return [processor, `${cores} cores`, system, ...(device === undefined ? [] : [device])].join(', ');
}
