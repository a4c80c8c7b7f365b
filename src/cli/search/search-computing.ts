// Device and precision of a search's trainings.

import { type Computing, cpu } from '../../engine/device.ts';
import { computingOf as computingOfMachine } from '../../forecast/this-machine.ts';
import type { SearchSettings } from '../../study/settings.ts';
import type { Study } from '../../study/study.ts';
import { computingOf, trainingComputingOf } from '../flags/device-flags.ts';
import type { SearchFlags } from './flags.ts';

/**
 * Returns device and precision by the flags. Without `--precision`, a study on the same kind of device goes on in the
 * precision in which it began. Workers of a queue, which may be of any kind, use float32 on a CPU.
 * @param study an existing study
 */
export function searchComputing(flags: SearchFlags, study?: Study<SearchSettings>): Computing {
  const machine = study?.result('machine');
  const begun = machine && computingOfMachine(machine);
  const here = flags.queue === undefined ? trainingComputingOf(flags) : computingOf(flags);
  if (flags.precision !== undefined || !begun || isCpu(begun) !== isCpu(here)) return here;
  return { ...here, precision: begun.precision };
}

const isCpu = ({ device }: Computing) => device === cpu;
