// Measures the latency of the final network if the search limits it, and stores it with the prediction.

import { median } from '../statistics/order.ts';
import { fitLaw } from '../statistics/robust-fit.ts';
import { Candidate } from '../study/candidate.ts';
import type { LatencyLimit, SearchSettings } from '../study/settings.ts';
import type { Study } from '../study/study.ts';
import { latencyTerms, lawValue, startingLaws } from './cost-law.ts';
import { predictedLatency } from './limits.ts';
import type { ImageCounts } from './prediction.ts';
import { randomCells } from './random-cells.ts';
import { machineName } from './this-machine.ts';

const timing = { networks: 12, seconds: 3 };

/** Measures the final networks of random cells and fits the latency law to them. */
export async function latencyLimit(
  milliseconds: number,
  settings: SearchSettings,
  counts: ImageCounts,
): Promise<LatencyLimit> {
  const { measurePlans } = await import('../latency/measure-plans.ts'); // loads the engine
  const plans = randomCells(settings)
    .slice(0, timing.networks)
    .map((candidate) => candidate.usedPlan(settings.final, counts.classes));
  const measured = await measurePlans(plans, { seconds: timing.seconds });
  const observations = measured.map(({ plan, milliseconds: value }) => ({ terms: latencyTerms(plan), value }));
  const errors = observations.map(({ terms, value }, left) => {
    const others = observations.filter((_, index) => index !== left);
    return Math.abs(lawValue(fitLaw(others, startingLaws.latency), terms) / value - 1);
  });
  return {
    milliseconds,
    law: fitLaw(observations, startingLaws.latency),
    measured: measured.length,
    error: median(errors),
    machine: machineName(),
  };
}

/** Measures the final network of a search that limits latency, once per network, and stores the result. */
export async function measureFinalLatency(study: Study<SearchSettings>, counts: ImageCounts): Promise<void> {
  const { limits, final, space } = study.settings;
  const built = study.result('final model');
  if (!limits?.latency || !built || study.result('final latency')?.trial === built.trial) return;
  const { measurePlans } = await import('../latency/measure-plans.ts');
  const plan = new Candidate(study.trial(built.trial)!.decisions, space).usedPlan(final, counts.classes);
  const [measured] = await measurePlans([plan], { seconds: 1 });
  study.keep('final latency', {
    trial: built.trial,
    milliseconds: measured!.milliseconds,
    foretold: predictedLatency(limits.latency, plan),
    machine: machineName(),
  });
}
