// Device and precision of a search's trainings.

import { type Computing, cpu } from '../../engine/device.ts';
import { computingOfMachine } from '../../forecast/this-machine.ts';
import type { SearchSettings } from '../../study/settings.ts';
import type { Study } from '../../study/study.ts';
import { computingOf, trainingComputing } from '../flags/device-flags.ts';
import type { SearchFlags } from './flags.ts';

/**
 * Returns device and precision by the flags. Without `--precision`, a study on the same kind of device goes on in the
 * precision in which it last trained. Workers of a queue, which may be of any kind, use float32 on a CPU.
 * @param study an existing study
 * @throws InputError if this machine does not have the device
 */
export function searchComputing(flags: SearchFlags, study?: Study<SearchSettings>): Computing {
  const typed = computingOf(flags);
  const machine = study?.result('machine');
  const before = machine && computingOfMachine(machine);
  const last = before && isCpu(before) === isCpu(typed) ? before.precision : undefined;
  return trainingComputing(typed, flags, { last, alone: flags.queue === undefined });
}

const isCpu = ({ device }: Computing) => device === cpu;
