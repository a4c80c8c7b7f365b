// How long the network that was built from a study's best cell takes for one image: measured where the search was limited by it, and
// kept beside what had been foretold.

import { latencyTerms, lawValue } from '../space/cost-law.ts';
import type { Plan } from '../space/plan.ts';
import type { LatencyLimit } from './limits.ts';
import { machineName } from './prediction-record.ts';
import type { StudyRecords } from './records.ts';
import type { Study } from './study.ts';

export interface FinalLatency {
  trial: number;
  /** For one image on one thread: its fastest run. */
  milliseconds: number;
  foretold: number;
  machine: string;
}

const name = 'final latency';

export function readFinalLatency(study: StudyRecords): FinalLatency | undefined {
  return study.result(name);
}

export function keepFinalLatency(
  study: Study<object>,
  { trial, plan, milliseconds, limit }: { trial: number; plan: Plan; milliseconds: number; limit: LatencyLimit },
): void {
  const found: FinalLatency = {
    trial,
    milliseconds,
    foretold: lawValue(limit.law, latencyTerms(plan)),
    machine: machineName(),
  };
  study.keep(name, found);
}
