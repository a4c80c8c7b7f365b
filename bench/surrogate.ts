// Measures what a surrogate is worth on the real rewards of a study: how well it ranks cells that it has not seen, and
// how good the cells are that it chooses from a pool of trained ones.
//   gunzip -k docs/experiments/figure-6-first.db.gz
//   node bench/surrogate.ts docs/experiments/figure-6-first.db [SEEDS]     (default 20; some minutes on one core)
// The pool replaces the search space: a method "trains" a cell by looking up its reward.

import { planNetwork } from '../src/plan/plan.ts';
import { RandomStream } from '../src/random/stream.ts';
import { CellFeatures } from '../src/search/cell-features.ts';
import { LinearRegression, predict, sampleWeights } from '../src/search/linear-regression.ts';
import { architectureKey } from '../src/space/canonical.ts';
import { decisionSizes, decode } from '../src/space/decisions.ts';
import { defaultSpace } from '../src/space/search-space.ts';
import { rankCorrelation } from '../src/statistics/kendall.ts';
import { mean } from '../src/statistics/order.ts';
import { openSearch } from '../src/study/parse-settings.ts';
import { variance } from './proxy-children.ts';

interface Cell {
  strategy: string;
  decisions: readonly number[];
  reward: number;
  /** Features by the name of their set. */
  features: Record<string, number[]>;
}

const trainingSizes = [30, 60, 120, 250, 500, 1000];
const testCells = 600;
const trialCounts = [30, 60, 100, 200, 300];
const randomTrials = 20; // of a search in the pool
const topCounts = [1, 5, 25];

const [path, seedText = '20'] = process.argv.slice(2);
if (!path) throw new Error('expected the path of a study');
const seeds = Array.from({ length: Number(seedText) }, (_, seed) => seed);
/** Reads the first trial of every network. */
function readCells(from: string): Cell[] {
  using study = openSearch(from, { readOnly: true });
  const { strategy, space = defaultSpace, blocks, child } = study.settings;
  const arms = strategy.split(',');
  const scaled = new CellFeatures(decisionSizes(blocks, space), space, new RandomStream('cell features'));
  const seen = new Set<string>();
  const found: Cell[] = [];
  for (const { number, decisions, reward } of study.trials()) {
    const architecture = decode(decisions, space);
    const key = architectureKey(architecture);
    if (reward === null || reward === undefined || seen.has(key)) continue;
    seen.add(key);
    const plan = planNetwork(architecture, { cells: child.cells, filters: child.filters, input: child.resolution });
    const costs = [Math.log(plan.trainableParameters), Math.log(plan.multiplyAdds)];
    const features = { cells: scaled.of(decisions), costs };
    found.push({ strategy: arms[number % arms.length]!, decisions, reward, features });
  }
  return withStandardCosts(found);
}

function withStandardCosts(found: Cell[]): Cell[] {
  const columns = [0, 1].map((index) => found.map(({ features }) => features.costs![index]!));
  const moments = columns.map((column) => [mean(column), Math.sqrt(variance(column))] as const);
  for (const { features } of found) {
    features.costs = features.costs!.map((cost, index) => (2 * (cost - moments[index]![0])) / moments[index]![1]);
    features['cells and costs'] = [...features.cells!, ...features.costs];
  }
  return found;
}

/** Prints Kendall's τ of predicted and real rewards, and the mean real reward of the best tenth by prediction. */
function printPredictions(sets: readonly string[], pool: readonly Cell[]): void {
  const spread = Math.sqrt(variance(pool.map(({ reward }) => reward)));
  console.log(`Trained on n random cells, predicted for ${testCells} others: τ; gain of the best tenth in deviations`);
  console.log(`| features | ${trainingSizes.map((size) => `n = ${size}`).join(' | ')} |`);
  console.log(`| --- |${' --- |'.repeat(trainingSizes.length)}`);
  for (const set of sets) {
    const columns = trainingSizes.map((size) => {
      const runs = seeds.map((seed) => {
        const order = [...new RandomStream(`prediction ${seed}`).shuffle(pool.length)].map((index) => pool[index]!);
        const [training, test] = [order.slice(0, size), order.slice(-testCells)];
        const weights = regressionOf(training, set).posterior().mean;
        const predicted = test.map(({ features }) => predict(weights, features[set]!));
        const rewards = test.map(({ reward }) => reward);
        const best = [...test.keys()].sort((a, b) => predicted[b]! - predicted[a]!).slice(0, testCells / 10);
        const gain = (mean(best.map((index) => rewards[index]!)) - mean(rewards)) / spread;
        return { tau: rankCorrelation(predicted, rewards)?.tau ?? 0, gain };
      });
      return `${inWords(
        runs.map(({ tau }) => tau),
        2,
      )}; ${mean(runs.map(({ gain }) => gain)).toFixed(2)}`;
    });
    console.log(`| ${set} | ${columns.join(' | ')} |`);
  }
  console.log();
}

function regressionOf(training: readonly Cell[], set: string): LinearRegression {
  const regression = new LinearRegression(training[0]!.features[set]!.length);
  for (const { features, reward } of training) regression.observe(features[set]!, reward);
  return regression;
}

/** Returns the rewards in the order in which a method chooses cells from the pool. */
type Choose = (pool: readonly Cell[], random: RandomStream) => number[];

const methods: Record<string, Choose> = {
  random: (pool, random) => [...random.shuffle(pool.length)].map((index) => pool[index]!.reward),
  'most multiply-adds': (pool) =>
    pool.toSorted((a, b) => b.features.costs![1]! - a.features.costs![1]!).map(({ reward }) => reward),
  'surrogate, mean': (pool, random) => chosenBySurrogate(pool, random, 'cells', 'mean'),
  'surrogate, Thompson': (pool, random) => chosenBySurrogate(pool, random, 'cells', 'sample'),
  'costs, Thompson': (pool, random) => chosenBySurrogate(pool, random, 'costs', 'sample'),
  'surrogate and costs, Thompson': (pool, random) => chosenBySurrogate(pool, random, 'cells and costs', 'sample'),
};

function chosenBySurrogate(pool: readonly Cell[], random: RandomStream, set: string, by: 'mean' | 'sample'): number[] {
  const left = new Set([...random.shuffle(pool.length)].map((index) => pool[index]!));
  const regression = new LinearRegression(pool[0]!.features[set]!.length);
  const rewards: number[] = [];
  while (rewards.length < trialCounts.at(-1)!) {
    const chosen = rewards.length < randomTrials ? left.values().next().value! : best();
    left.delete(chosen);
    regression.observe(chosen.features[set]!, chosen.reward);
    rewards.push(chosen.reward);
  }
  return rewards;

  function best(): Cell {
    const posterior = regression.posterior();
    const weights = by === 'mean' ? posterior.mean : sampleWeights(posterior, random);
    let top: { cell: Cell; prediction: number } | undefined;
    for (const cell of left) {
      const prediction = predict(weights, cell.features[set]!);
      if (!top || prediction > top.prediction) top = { cell, prediction };
    }
    return top!.cell;
  }
}

function printPool(label: string, pool: readonly Cell[]): void {
  printRewards(`Chosen from the pool of ${label} (${pool.length}, mean ${percentOf(mean(rewardsOf(pool)))})`);
  for (const [name, choose] of Object.entries(methods)) {
    printRow(
      name,
      seeds.map((seed) => choose(pool, new RandomStream(`pool ${seed}`))),
    );
  }
  console.log();
}

/** Prints the same figures of the study's own arms, of which each is one search. */
function printArms(from: string): void {
  using study = openSearch(from, { readOnly: true });
  const arms = study.settings.strategy.split(',');
  const trials = study.trials();
  printRewards('The arms of the study, which searched the whole space');
  for (const name of new Set(arms)) {
    const indices = arms.flatMap((arm, index) => (arm === name ? [index] : []));
    printRow(
      name,
      indices.map((index) =>
        trials.flatMap(({ number, reward }) => (number % arms.length === index ? [reward ?? 0] : [])),
      ),
    );
  }
}

function rewardsOf(pool: readonly Cell[]): number[] {
  return pool.map(({ reward }) => reward);
}

function printRewards(title: string): void {
  console.log(`${title}: reward of the best, mean of the 5 and 25 best`);
  console.log(`| method | ${trialCounts.map((count) => `${count} trials`).join(' | ')} |`);
  console.log(`| --- |${' --- |'.repeat(trialCounts.length)}`);
}

function printRow(name: string, runs: readonly (readonly number[])[]): void {
  const columns = trialCounts.map((count) => {
    const bests = topCounts.map((top) =>
      runs.map((rewards) =>
        mean(
          rewards
            .slice(0, count)
            .toSorted((a, b) => b - a)
            .slice(0, top),
        ),
      ),
    );
    return bests
      .map((values) =>
        inWords(
          values.map((value) => 100 * value),
          1,
        ),
      )
      .join(', ');
  });
  console.log(`| ${name} | ${columns.join(' | ')} |`);
}

/** Returns the mean and its standard error. */
function inWords(values: readonly number[], digits: number): string {
  const error = Math.sqrt(variance(values) / values.length);
  return `${mean(values).toFixed(digits)} ± ${error.toFixed(digits)}`;
}

function percentOf(reward: number): string {
  return `${(100 * reward).toFixed(2)}%`;
}

const cells = readCells(path);
const randomCells = cells.filter(({ strategy }) => strategy === 'random');

console.log(`${cells.length} different trained cells, ${randomCells.length} of them random; ${seeds.length} seeds\n`);
printPredictions(['cells', 'costs', 'cells and costs'], randomCells);
printPool('random cells', randomCells);
printPool('all cells', cells);
printArms(path);
