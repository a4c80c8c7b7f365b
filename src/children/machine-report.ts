// Run as a process of its own: says what a worker computes with. The engine is loaded here and not in the worker's main
// process, which must stay small and answer at any time.

import { type Computing, computingOn, cpu, deviceMemory, type Precision } from '../engine/device.ts';
import { libtorch } from '../engine/machine.ts';
import { InputError } from '../failure.ts';

export type MachineReport = { libtorch: string; computing: Computing; deviceBytes?: number } | { refused: string };

/** 2.8.0+cpu as 2.8: results of builds for other devices are comparable, those of other versions may not be. */
export const libtorchLine = (version: string): string => version.split('.').slice(0, 2).join('.');

function report(device: string, precision: Precision | undefined): MachineReport {
  try {
    const computing = computingOn(device, precision);
    const memory = computing.device === cpu ? undefined : deviceMemory(computing.device)?.free;
    return {
      libtorch: libtorchLine(libtorch().version),
      computing,
      ...(memory !== undefined && { deviceBytes: memory }),
    };
  } catch (error) {
    if (error instanceof InputError) return { refused: error.message };
    throw error;
  }
}

if (process.argv[1] === import.meta.filename) {
  const [, , device = 'auto', precision] = process.argv;
  process.stdout.write(JSON.stringify(report(device, precision === '' ? undefined : (precision as Precision))));
}
