// The simulated clock against queues worked out by hand, and the landscape against its own description.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RandomStream } from '../../src/random/stream.ts';
import { createStrategy, type Outcome, type Strategy } from '../../src/search/strategy.ts';
import { landscapes, trueReward } from '../../src/simulation/landscape.ts';
import { type SimulationOptions, simulate } from '../../src/simulation/simulated-search.ts';
import { decisionSizes } from '../../src/space/decisions.ts';

const sizes = decisionSizes(5);

const options = (more: Partial<SimulationOptions> = {}): SimulationOptions => ({
  strategy: createStrategy('random', { blocks: 5, seed: 1 }),
  sizes,
  trials: 6,
  workers: 2,
  landscape: landscapes.kind,
  seed: 1,
  childSeconds: 10,
  timeSpread: 0,
  failureRate: 0,
  askSeconds: 0,
  tellSeconds: 0,
  mode: 'asynchronous',
  ...more,
});

/** A strategy with random decisions that updates at every second tell. */
function counting(): Strategy {
  const inner = createStrategy('random', { blocks: 5, seed: 1 });
  let tells = 0;
  return {
    name: 'counting',
    ask: (trial) => inner.ask(trial),
    tell: (trial: number, outcome: Outcome) => {
      inner.tell(trial, outcome);
      tells++;
      return tells % 2 === 0 ? { update: tells / 2 } : undefined;
    },
    save: () => inner.save(),
    load: (bytes) => inner.load(bytes),
  };
}

test('six children of 10 s on two workers take 30 s, and nobody waits', () => {
  const { seconds, utilisation, waiting, trials } = simulate(options());
  assert.equal(seconds, 30);
  assert.deepEqual(utilisation, { whileAsking: 1, overall: 1 });
  assert.deepEqual(waiting, { mean: 0, most: 0 });
  assert.deepEqual(
    trials.map(({ trial }) => trial),
    [0, 1, 2, 3, 4, 5],
  );
});

test('workers wait in turn for a controller that takes a second per ask', () => {
  // Asks at 0–1 and 1–2; ends at 11 and 12; asks at 11–12 and 12–13; ends at 22 and 23.
  const { seconds, waiting, utilisation } = simulate(options({ trials: 4, askSeconds: 1 }));
  assert.equal(seconds, 23);
  assert.deepEqual(waiting, { mean: (1 + 2 + 1 + 1) / 4, most: 2 });
  assert.equal(utilisation.overall, 40 / (2 * 23));
});

test('staleness counts the updates between ask and tell', () => {
  // Three workers, all ending together: trials 0–2 are reported after 0, 0, 1 updates; 3 is asked after the first, and
  // so on.
  const { trials, updates } = simulate(options({ strategy: counting(), trials: 6, workers: 3 }));
  assert.equal(updates, 3);
  assert.deepEqual(
    trials.map(({ staleness }) => staleness),
    [0, 0, 1, 1, 1, 1],
  );
});

test('rounds last as long as their slowest child', () => {
  const spread = { timeSpread: 0.6, trials: 200, workers: 10 };
  const [free, rounds] = (['asynchronous', 'rounds'] as const).map((mode) => simulate(options({ ...spread, mode })));
  assert.ok(free!.utilisation.overall > 0.9, `${free!.utilisation.overall}`);
  assert.ok(rounds!.utilisation.overall < 0.6, `${rounds!.utilisation.overall}`);
});

test('500 workers with random training times are busy for 99% of the time until the last ask', () => {
  const more = {
    trials: 5000,
    workers: 500,
    childSeconds: 3600,
    timeSpread: 0.6,
    askSeconds: 0.002,
    tellSeconds: 0.005,
  };
  const { utilisation } = simulate(options(more));
  assert.ok(utilisation.whileAsking > 0.99, `${utilisation.whileAsking}`);
});

test('the same seed gives the same simulation, failures included', () => {
  const run = () => {
    const strategy = createStrategy('evolution', {
      blocks: 5,
      seed: 1,
      options: { populationSize: 20, sampleSize: 5 },
    });
    return simulate(options({ strategy, trials: 300, workers: 7, timeSpread: 0.5, failureRate: 0.1 }));
  };
  const first = run();
  assert.deepEqual(run(), first);
  const failed = first.trials.filter(({ measured }) => measured === undefined).length;
  assert.ok(failed > 15 && failed < 50, `${failed} of 300 failed at a rate of 10%`);
});

test('evolution finds better cells than random search within 2,000 simulated trials, on both landscapes', () => {
  for (const landscape of Object.values(landscapes)) {
    const [random, evolution] = ['random', 'evolution'].map((name) => {
      const strategy = createStrategy(name, { blocks: 5, seed: 1 });
      const { trials } = simulate(options({ strategy, trials: 2000, workers: 50, timeSpread: 0.6, landscape }));
      const best = trials.toSorted((a, b) => b.measured! - a.measured!).slice(0, 25);
      return best.reduce((sum, { truth }) => sum + truth, 0) / best.length;
    });
    assert.ok(evolution! > random! + 0.01, `evolution ${evolution}, random ${random}`);
  }
});

test('random architectures have the stated deviation of true rewards around 45%', () => {
  const random = new RandomStream('draws');
  const reward = trueReward(sizes, landscapes.kind, 3);
  const values = Array.from({ length: 4000 }, () => reward(sizes.map((size) => random.integer(size))));
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
  assert.ok(Math.abs(mean - 0.45) < 0.005, `mean ${mean}`);
  assert.ok(Math.abs(deviation - landscapes.kind.deviation) < 0.005, `deviation ${deviation}`); // tanh takes a little
  assert.ok(values.every((value) => value > 0.3 && value < 0.6));
});
