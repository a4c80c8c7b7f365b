// Compares controller options for a few hundred trials: PPO against random search on simulated rewards, over many
// seeds.
// node bench/controller-options.ts [trials] [seeds]     (default 120 and 20; half a minute per row on one core)
// Rewards are simulated (src/simulation/landscape.ts).

import { normal } from '../src/random/normal.ts';
import { RandomStream } from '../src/random/stream.ts';
import { createStrategy } from '../src/search/strategy.ts';
import { type Landscape, landscapes, trueReward } from '../src/simulation/landscape.ts';
import { decisionSizes } from '../src/space/decisions.ts';

const sizes = decisionSizes(5);

const candidates: Record<string, object> = {
  'paper: batch 20, rate 3.5e-4': {},
  'batch 20, rate 2e-3': { batchSize: 20, learningRate: 2e-3 },
  'batch 20, rate 1e-2': { batchSize: 20, learningRate: 1e-2 },
  'batch 10, rate 1e-3': { batchSize: 10, learningRate: 1e-3 },
  'batch 10, rate 2e-3': { batchSize: 10, learningRate: 2e-3 },
  'batch 10, rate 5e-3': { batchSize: 10, learningRate: 5e-3 },
  'batch 5, rate 1e-3': { batchSize: 5, learningRate: 1e-3 },
  'batch 5, rate 2e-3': { batchSize: 5, learningRate: 2e-3 },
  'batch 5, rate 3e-3': { batchSize: 5, learningRate: 3e-3 },
};

function moments(values: number[]): [mean: number, deviation: number] {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return [mean, Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length)];
}

/**
 * Returns the true rewards of the trial with the best measured reward, of the five best and of the last 30, and the
 * final entropy.
 */
function search(strategyName: string, options: object, landscape: Landscape, trials: number, seed: number): number[] {
  const random = new RandomStream(`noise ${seed}`);
  const reward = trueReward(sizes, landscape, seed);
  const strategy = createStrategy(strategyName, { blocks: 5, seed, options });
  const done: { truth: number; measured: number }[] = [];
  const open: number[][] = [];
  let entropy = Number.NaN; // of the last update
  for (let trial = 0; trial < trials + 1; trial++) {
    if (trial < trials) open.push(strategy.ask(trial));
    if (trial === 0) continue; // two workers: an ask comes before the previous trial's tell
    const truth = reward(open.shift()!);
    const measured = truth + landscape.noise * normal(random);
    entropy = strategy.tell(trial - 1, { reward: measured })?.entropy ?? entropy;
    done.push({ truth, measured });
  }
  const mean = (some: { truth: number }[]) => moments(some.map(({ truth }) => truth))[0];
  const best = done.toSorted((a, b) => b.measured - a.measured);
  return [best[0]!.truth, mean(best.slice(0, 5)), mean(done.slice(-30)), entropy];
}

const [trials = 120, seeds = 20] = process.argv.slice(2).map(Number);
for (const [name, landscape] of Object.entries(landscapes)) {
  console.log(`\n${name}: ${trials} trials, ${seeds} seeds, ${JSON.stringify(landscape)}`);
  console.log(
    '| options | selected | best five | last 30 | ± | entropy at the end |\n| --- | --- | --- | --- | --- | --- |',
  );
  for (const [label, options] of [['random search', null], ...Object.entries(candidates)] as [
    string,
    object | null,
  ][]) {
    const runs = Array.from({ length: seeds }, (_, seed) =>
      search(options ? 'ppo' : 'random', options ?? {}, landscape, trials, seed),
    );
    const column = (index: number) => moments(runs.map((run) => run[index]!));
    const [selected, error] = [column(0)[0], column(0)[1] / Math.sqrt(seeds)];
    const figures = [selected, column(1)[0], column(2)[0], error].map((value) => value.toFixed(4));
    console.log(`| ${label} | ${figures.join(' | ')} | ${column(3)[0].toFixed(1)} |`);
  }
}
