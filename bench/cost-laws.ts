// Makes the default coefficients of src/forecast/cost-law.ts: trains networks of random cells, one on each core of an
// idle machine, and runs them on one, fits the laws to what it measured, and compares the errors of both. And makes the
// law of src/study/presets.ts by which searches compare costs: final networks of random and of known cells.
//   node bench/cost-laws.ts [--cells 12]
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { kernelVersion } from '../src/engine/machine.ts';
import { latencyTerms, lawValue, startingLaws, stepTerms } from '../src/forecast/cost-law.ts';
import { probeRunner } from '../src/forecast/probe.ts';
import type { Probed, ProbeJob } from '../src/forecast/probe-job.ts';
import { measurePlans } from '../src/latency/measure-plans.ts';
import { RandomStream } from '../src/random/stream.ts';
import { defaultBlocks } from '../src/space/decisions.ts';
import { sampleDecisions } from '../src/space/sample.ts';
import { defaultSpace } from '../src/space/search-space.ts';
import { quantile } from '../src/statistics/order.ts';
import { type Coefficients, fitLaw, type Observation } from '../src/statistics/robust-fit.ts';
import { Candidate } from '../src/study/candidate.ts';
import { namedDecisions } from '../src/study/named-decisions.ts';
import { recipes } from '../src/train/recipe.ts';

/** N, F, pixels, images per step and steps. */
const trainings = [
  [0, 4, 8, 64, 60],
  [1, 8, 8, 64, 40],
  [1, 8, 16, 64, 20],
  [1, 16, 16, 64, 12],
  [2, 16, 16, 64, 8],
  [2, 32, 32, 16, 6],
] as const;

/** Those of final networks with a budget, whose relative costs count. */
const finals = [
  [1, 8, 32, 64, 8],
  [1, 16, 32, 64, 5],
  [1, 24, 32, 64, 4],
  [2, 24, 32, 64, 3],
] as const;

/** N, F and pixels. */
const inferences = [
  [0, 4, 8],
  [1, 8, 16],
  [1, 16, 16],
  [2, 16, 32],
  [2, 32, 32],
  [6, 32, 32],
] as const;

const { values } = parseArgs({ options: { cells: { type: 'string', default: '12' } } });
const cells = Array.from({ length: Number(values.cells) }, (_, index) => {
  const random = new RandomStream(`cost laws, cell ${index}`);
  return new Candidate(sampleDecisions(random), defaultSpace);
});
const recipe = { ...recipes.fast, growth: [] };
const classes = 10;
const workers = availableParallelism();

/** All workers train at once, as in a search. */
async function measureTrainings(
  trainings: readonly (readonly [number, number, number, number, number])[],
  cells: readonly Candidate[],
): Promise<Observation[]> {
  await using runner = probeRunner(workers);
  const measured = trainings.flatMap(([n, filters, resolution, batch, steps]) =>
    cells.map(async (cell) => {
      const plan = cell.trainedPlan({ cells: n, filters, resolution, recipe }, classes);
      const outcome = await runner.run({ plan, recipe, batch, steps } satisfies ProbeJob);
      if ('failure' in outcome) throw new Error(outcome.failure.message);
      return { terms: stepTerms(plan, { steps, batch }), value: (outcome.result as Probed).seconds };
    }),
  );
  return await Promise.all(measured);
}

async function measureInferences(): Promise<Observation[]> {
  const plans = inferences.flatMap(([n, filters, resolution]) =>
    cells.map((cell) => cell.usedPlan({ cells: n, filters, resolution }, classes)),
  );
  const measured = await measurePlans(plans, { seconds: plans.length });
  return measured.map(({ plan, milliseconds: value }) => ({ terms: latencyTerms(plan), value }));
}

/** Fits without a pull towards the present coefficients: each fit starts from the last one. */
function fitted(observations: readonly Observation[], start: Coefficients): number[] {
  let law = [...start];
  for (let round = 0; round < 50; round++)
    law = fitLaw(
      observations,
      law.map((value) => Math.max(value, 1e-15)),
    );
  return law;
}

function show(name: keyof typeof startingLaws, unit: string, observations: readonly Observation[]): void {
  const present = startingLaws[name];
  const law = fitted(observations, present);
  const errors = (coefficients: Coefficients, factor = 1) => {
    const each = observations.map(({ terms, value }) => Math.abs((factor * lawValue(coefficients, terms)) / value - 1));
    return [0.5, 0.9].map((share) => `${(100 * quantile(each, share)).toFixed(1)}%`).join(', 90% within ');
  };
  const ratios = observations.map(({ terms, value }) => value / lawValue(present, terms));
  const factor = quantile(ratios, 0.5);
  console.log(
    `${name}, ${observations.length} networks: ${law.map((value) => value.toPrecision(3)).join(', ')} ${unit}`,
  );
  console.log(`  median error ${errors(law)}`);
  console.log(
    `  of the present coefficients ${errors(present)}; times ${factor.toFixed(2)}: ${errors(present, factor)}`,
  );
}

console.log(`${workers} workers, one thread each, float32, kernels: ${kernelVersion()}`);
show('seconds', 'seconds', await measureTrainings(trainings, cells));
console.log('of final networks:');
const known = namedDecisions(defaultSpace, defaultBlocks).map((decisions) => new Candidate(decisions, defaultSpace));
show('seconds', 'seconds', await measureTrainings(finals, [...known, ...cells]));
show('latency', 'milliseconds', await measureInferences());
