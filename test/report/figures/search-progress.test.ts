// Figure 6: best unique models by hand, intervals against known distributions, sentences.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RandomStream } from '../../../src/random/stream.ts';
import { comparisonSentence, figure6, figure6Csv } from '../../../src/report/figures/search-progress.ts';
import { figure6Chart } from '../../../src/report/figures/search-progress-chart.ts';
import { type Sample, type SearchRun, topMeans, uniqueModels } from '../../../src/report/figures/search-runs.ts';

const samples = (...rows: [reward: number | undefined, key: string][]): Sample[] =>
  rows.map(([reward, key]) => ({ reward, key }));

const few = samples([0.2, 'a'], [0.5, 'b'], [undefined, 'c'], [0.2, 'a'], [0.4, 'd'], [0.6, 'c'], [0.5, 'b']);

test('a model counts once, and not before it has a reward', () => {
  assert.deepEqual(uniqueModels(few), [0, 1, 4, 5]);
});

test('the mean of the best models after each number of samples, by hand', () => {
  const after = [1, 2, 3, 4, 5, 6, 7];
  assert.deepEqual(topMeans(few, 1, after), [0.2, 0.5, 0.5, 0.5, 0.5, 0.6, 0.6]);
  const two = topMeans(few, 2, after).map((value) => Number(value.toFixed(6)));
  assert.deepEqual(two, [Number.NaN, 0.35, 0.35, 0.35, 0.45, 0.55, 0.55]);
});

test('a model counts as often as its weight says', () => {
  assert.deepEqual(topMeans(few, 2, [7], [1, 2, 1, 0]), [0.5]); // b twice, c's reward left out
});

/** Returns runs whose rewards are uniform around a level. */
function runs(levels: Record<string, number>, count: number, seeds: number): SearchRun[] {
  const random = new RandomStream('rewards');
  return Object.entries(levels).flatMap(([strategy, level]) =>
    Array.from({ length: seeds }, (_, seed): SearchRun => {
      const rewards = Array.from({ length: count }, () => level + 0.1 * random.uniform());
      return {
        strategy,
        label: `${strategy} ${seed}`,
        samples: rewards.map((reward, place) => ({ reward, key: `${strategy} ${seed} ${place}` })),
      };
    }),
  );
}

test('different strategies show a difference of the right size', () => {
  const { comparisons } = figure6(runs({ good: 0.3, poor: 0.2 }, 300, 2));
  const top25 = comparisons.find(({ top }) => top === 25)!;
  assert.deepEqual([top25.better, top25.worse, top25.sampled], ['good', 'poor', 300]);
  assert.ok(Math.abs(top25.ahead - 0.1) < 0.005, `${top25.ahead}`);
  assert.match(
    comparisonSentence(top25),
    /^After 300 architectures good's top 25 is ahead of poor's by 1?\d\.\d\d ± 0\.\d\d points\.$/,
  );
});

test('equal strategies do not: in 40 repetitions the interval rarely misses 0', () => {
  let missed = 0;
  for (let repetition = 0; repetition < 40; repetition++) {
    const random = new RandomStream(repetition);
    const same = ['one', 'other'].map((strategy): SearchRun => {
      const rewards = Array.from({ length: 200 }, () => random.uniform());
      return {
        strategy,
        label: strategy,
        samples: rewards.map((reward, key) => ({ reward, key: `${strategy} ${key}` })),
      };
    });
    const { comparisons } = figure6(same, { resamples: 100, seed: repetition });
    const { ahead, uncertainty } = comparisons.find(({ top }) => top === 25)!;
    if (ahead > uncertainty) missed++;
  }
  assert.ok(missed <= 6, `${missed} of 40 missed`); // 2 expected; 7 or more have a chance below 0.4%
});

test('the sentence says if there is no difference', () => {
  const sentence = comparisonSentence({
    better: 'ppo',
    worse: 'random',
    top: 5,
    sampled: 1500,
    ahead: 0.001,
    uncertainty: 0.003,
  });
  assert.equal(
    sentence,
    "After 1,500 architectures no difference shows between ppo's top 5 and random's: 0.10 ± 0.30 points.",
  );
});

test('the same seed gives the same intervals, and every interval contains its point', () => {
  const allRuns = runs({ good: 0.3, poor: 0.25 }, 120, 2);
  const figure = figure6(allRuns);
  assert.deepEqual(figure6(allRuns), figure);
  const points = figure.curves.flatMap((curve) => curve.points);
  assert.ok(points.length > 300);
  for (const { mean, low, high } of points) assert.ok(low <= mean && mean <= high);
});

test('the CSV has every point, and the picture a line and a band for each curve', () => {
  const figure = figure6(runs({ good: 0.3, poor: 0.25 }, 60, 1));
  const points = figure.curves.reduce((sum, curve) => sum + curve.points.length, 0);
  const csv = figure6Csv(figure).trim().split('\n');
  assert.equal(csv.length, 1 + points);
  assert.match(csv[1]!, /^good,1,1,1,0\.3\d+,/);
  const svg = figure6Chart(figure.curves);
  const paths = (mark: string) =>
    svg.match(new RegExp(`<g aria-label="${mark}".*?(?=<g aria-label|$)`, 's'))![0].match(/<path /g);
  assert.deepEqual([paths('area')!.length, paths('line')!.length], [6, 6]); // two strategies, three panels
});
