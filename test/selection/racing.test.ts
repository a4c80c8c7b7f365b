// The racing rule, by hand and on simulated finalists whose true means are known.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RandomStream } from '../../src/random/stream.ts';
import { type Race, type Racer, type RacingRule, race, ranking } from '../../src/selection/racing.ts';

const racers = (...rows: number[][]): Racer[] => rows.map((accuracies) => ({ accuracies, failed: false }));

test('two finalists are compared by the paired t-test: by hand, over three runs', () => {
  // Differences 4, 5, 6 (percent): mean 5, deviation 1, t = 5 / (1 / √3) = 8.66; critical at 2.5% with 2 degrees of
  // freedom: 4.303.
  const rule: RacingRule = { least: 3, most: 3, step: 1e-6 };
  const apart = race(racers([0.54, 0.6, 0.57], [0.5, 0.55, 0.51]), rule);
  assert.deepEqual([apart.racing, apart.beaten, apart.end], [[0], [[1]], 'one is left']);
  // Differences 0, 5, 10: the same mean, deviation 5, t = 1.73.
  const together = race(racers([0.54, 0.6, 0.57], [0.54, 0.55, 0.47]), rule);
  assert.deepEqual([together.racing, together.beaten, together.end], [[0, 1], [], 'all runs are done']);
});

test('an effect of a run that all finalists share does not count: only differences within runs do', () => {
  const rule: RacingRule = { least: 3, most: 3, step: 1e-6 };
  const [a, b] = [
    [0.54, 0.6, 0.57],
    [0.5, 0.55, 0.51],
  ];
  const shifted = [a!, b!].map((row) => row.map((accuracy, run) => accuracy - 0.2 * run));
  assert.deepEqual(race(racers(...shifted), rule).racing, [0]);
});

test('a difference smaller than one image is not significant', () => {
  const rule: RacingRule = { least: 2, most: 2, step: 0.01 };
  assert.deepEqual(race(racers([0.51, 0.51], [0.5, 0.5]), rule).racing, [0, 1]);
});

test('the race wants the missing runs of the next look, and a failed finalist is eliminated', () => {
  const rule: RacingRule = { least: 2, most: 4, step: 1e-3 };
  const started: Racer[] = [
    { accuracies: [0.5], failed: false },
    { accuracies: [0.7, 0.7], failed: true },
    { accuracies: [undefined, 0.5], failed: false },
  ];
  const now = race(started, rule);
  assert.deepEqual(now.wanted, [
    { racer: 2, run: 1 },
    { racer: 0, run: 2 },
  ]);
  assert.deepEqual([now.failed, now.end], [[1], undefined]);
  assert.equal(race(started.slice(1, 2), rule).end, 'all failed');
  assert.equal(race(started.slice(0, 1), rule).end, 'one is left', 'a single finalist needs no runs');
});

/**
 * Simulates a race: finalists with these true means, the same noise for all, and an effect of each run that all share.
 */
function simulate(means: readonly number[], noise: number, rule: RacingRule, random: RandomStream): Race {
  const shared = Array.from({ length: rule.most }, () => 3 * noise * normal(random));
  const all: (number | undefined)[][] = means.map(() => []);
  for (;;) {
    const now = race(
      all.map((accuracies) => ({ accuracies, failed: false })),
      rule,
    );
    if (now.end) return now;
    for (const { racer, run } of now.wanted)
      all[racer]![run - 1] = means[racer]! + shared[run - 1]! + noise * normal(random);
  }
}

const normal = (random: RandomStream) =>
  Math.sqrt(-2 * Math.log(1 - random.uniform())) * Math.cos(2 * Math.PI * random.uniform());
const rule: RacingRule = { least: 2, most: 6, step: 1e-4 };
const races = 600;
const most = 0.05 * races + 3 * Math.sqrt(0.05 * 0.95 * races); // 46: 5% and three standard deviations

test('the best of ten is eliminated in at most 5% of races, and the clearly worse are eliminated', () => {
  const means = Array.from({ length: 10 }, (_, place) => 0.5 - 0.01 * place); // one standard deviation apart
  const random = new RandomStream('known means');
  const ends = Array.from({ length: races }, () => simulate(means, 0.01, rule, random));
  const lost = ends.filter(({ racing }) => !racing.includes(0)).length;
  assert.ok(lost <= most, `the best was eliminated ${lost} times`);
  const staying = ends.reduce((sum, { racing }) => sum + racing.length, 0) / races;
  assert.ok(staying < 3.5, `${staying} stay on average`);
});

test('ten equal finalists all stay in at least 95% of races, which mostly end early', () => {
  const random = new RandomStream('equal means');
  const ends = Array.from({ length: races }, () => simulate(Array(10).fill(0.5), 0.01, rule, random));
  const split = ends.filter(({ racing }) => racing.length < 10).length;
  assert.ok(split <= most, `${split} races eliminated one`);
  const early = ends.filter(({ end }) => end === 'more runs would not tell them apart').length;
  assert.ok(early > 0.5 * races, `only ${early} ended early`);
});

test('eliminated finalists are grouped, and the ranking orders groups before means', () => {
  const rule: RacingRule = { least: 3, most: 3, step: 1e-6 };
  const offsets = [0.001, -0.001, 0]; // which sum to 0
  const rows = [0.5, 0.8, 0.3, 0.5005, 0.8005].map((mean, place) =>
    offsets.map((part, run) => mean + part * (place % 2) + offsets[(run + place) % 3]!),
  );
  const end = race(racers(...rows), rule);
  assert.deepEqual(end.racing, [1, 4]);
  assert.deepEqual(end.beaten, [[3, 0], [2]]);
  assert.deepEqual(ranking(racers(...rows), end), [4, 1, 3, 0, 2]);
});
