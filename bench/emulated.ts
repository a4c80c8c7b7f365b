// Runs strategies on emulated rewards: a regression on all trained cells of a study stands in for the training of a
// cell, with noise of the size that it leaves unexplained. Between the simulated landscape, which knows nothing of real
// cells, and real training.
//   gunzip -k docs/experiments/figure-6-first.db.gz
//   node bench/emulated.ts docs/experiments/figure-6-first.db [TRIALS] [SEEDS]     (default 150 and 8; minutes)
// The regression has every decision as a feature besides the surrogate's own features, so that it can say what the
// surrogate cannot; still it is linear as the surrogate is, which favours the surrogate.

import { normal } from '../src/random/normal.ts';
import { RandomStream } from '../src/random/stream.ts';
import { CellFeatures } from '../src/search/cell-features.ts';
import { LinearRegression, predict } from '../src/search/linear-regression.ts';
import { laptopController, laptopEvolution } from '../src/search/options.ts';
import { createStrategy } from '../src/search/strategy.ts';
import { decisionSizes } from '../src/space/decisions.ts';
import { defaultSpace } from '../src/space/search-space.ts';
import { rankCorrelation } from '../src/statistics/kendall.ts';
import { mean } from '../src/statistics/order.ts';
import { openSearch } from '../src/study/parse-settings.ts';
import { variance } from './proxy-children.ts';

const [path, trialsText = '150', seedsText = '8'] = process.argv.slice(2);
if (!path) throw new Error('expected the path of a study');
const [trials, seeds] = [Number(trialsText), Number(seedsText)];
const counts = [30, 60, 100, trials].filter((count, index, all) => count <= trials && all.indexOf(count) === index);
const strategies: [name: string, options: object][] = [
  ['random', {}],
  ['evolution', laptopEvolution],
  ['ppo', laptopController],
  ['surrogate', {}],
];

using study = openSearch(path, { readOnly: true });
const { blocks, space = defaultSpace } = study.settings;
const sizes = decisionSizes(blocks, space);
const own = new CellFeatures(sizes, space, new RandomStream('cell features'));
const cells = study.trials().flatMap(({ decisions, reward }) => (reward == null ? [] : [{ decisions, reward }]));
const held = new Set([...new RandomStream(1).shuffle(cells.length)].slice(0, 600));
const [tau, noise] = heldOut();
const emulated = fit(cells);
console.log(
  `${cells.length} real cells; of 600 held-out ones τ ${tau.toFixed(2)}, noise ${(100 * noise).toFixed(2)} points`,
);
console.log('True rewards, relative to the mean cell, of the 5 with the best measured rewards, in points:');
console.log(`| strategy | ${counts.map((count) => `${count} trials`).join(' | ')} |`);
console.log(`| --- |${' --- |'.repeat(counts.length)}`);
for (const [name, options] of strategies) {
  const runs = Array.from({ length: seeds }, (_, seed) => search(name, options, seed));
  const columns = counts.map((_, index) => {
    const values = runs.map((run) => 100 * run[index]!);
    return `${mean(values).toFixed(2)} ± ${Math.sqrt(variance(values) / seeds).toFixed(2)}`;
  });
  console.log(`| ${name} | ${columns.join(' | ')} |`);
}

/** Every decision's choice as zeros and a one, and the surrogate's features. */
function featuresOf(decisions: readonly number[]): number[] {
  const choices = sizes.flatMap((size, index) =>
    Array.from({ length: size }, (_, choice) => Number(choice === decisions[index]) * Math.sqrt(size)),
  );
  return [...choices, ...own.of(decisions)];
}

function fit(some: readonly { decisions: readonly number[]; reward: number }[]): Float64Array {
  const regression = new LinearRegression(featuresOf(cells[0]!.decisions).length);
  for (const { decisions, reward } of some) regression.observe(featuresOf(decisions), reward);
  return regression.posterior().mean;
}

/** Returns τ and the deviation of the errors for cells that were not learned from. */
function heldOut(): [tau: number, noise: number] {
  const weights = fit(cells.filter((_, index) => !held.has(index)));
  const test = cells.filter((_, index) => held.has(index));
  const predicted = test.map(({ decisions }) => predict(weights, featuresOf(decisions)));
  const errors = test.map(({ reward }, index) => reward - predicted[index]!);
  const rewards = test.map(({ reward }) => reward);
  return [rankCorrelation(predicted, rewards)!.tau, Math.sqrt(variance(errors))];
}

/** Returns the mean true reward of the five best measured ones after each count of trials. */
function search(name: string, options: object, seed: number): number[] {
  const random = new RandomStream(`emulated ${seed}`);
  const strategy = createStrategy(name, { blocks, space, seed, options });
  const done = Array.from({ length: trials }, (_, trial) => {
    const truth = predict(emulated, featuresOf(strategy.ask(trial)));
    const measured = truth + noise * normal(random);
    strategy.tell(trial, { reward: measured });
    return { truth, measured };
  });
  return counts.map((count) => {
    const best = done.slice(0, count).sort((a, b) => b.measured - a.measured);
    return mean(best.slice(0, 5).map(({ truth }) => truth));
  });
}
