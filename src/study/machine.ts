// The machine a study ran on, as far as its figures depend on it.

import { cpus, totalmem } from 'node:os';

export interface Machine {
  processor: string;
  cores: number;
  /** GiB */
  memory: number;
  system: string;
  node: string;
}

export function thisMachine(): Machine {
  const processors = cpus();
  return {
    processor: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
    memory: Math.round(totalmem() / 2 ** 30),
    system: `${process.platform} ${process.arch}`,
    node: process.version,
  };
}
