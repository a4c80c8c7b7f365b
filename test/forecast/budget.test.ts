// The plan of a budget, by hand and by laws that hold for any machine.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type BudgetCosts,
  childLength,
  childrenShare,
  childrenUntil,
  finalistsOf,
  finalWithin,
  planBudget,
  raceLength,
  shortestBudget,
} from '../../src/forecast/budget.ts';
import { RandomStream } from '../../src/random/stream.ts';

const laptop: BudgetCosts = {
  workers: 2,
  child: 4,
  race: { run: 20, runs: 2, most: 8 },
  finals: [
    { epoch: 60, once: 5, fewestEpochs: 0.5 },
    { epoch: 250, once: 20, fewestEpochs: 10 },
    { epoch: 1500, once: 100, fewestEpochs: 20 },
  ],
};

test('eight minutes: 8% for 18 children, 12% for two finalists, the rest for the final network', () => {
  const { children, finalists, final } = planBudget(480, laptop);
  assert.equal(children, 18); // (0.08 · 480 − 2) · 2 / 4
  assert.equal(finalists, 2); // (0.12 · 480 − 2) · 2 / 40 = 2.8
  assert.deepEqual(final, { size: 0, epochs: 6 }); // (480 · (1 − 0.08 − 0.12 − 0.03) − 2 − 5) / 60 = 6.02
});

test('an hour buys a larger network, and a larger share of it children', () => {
  const { children, finalists, final } = planBudget(3600, laptop);
  assert.ok(Math.abs(childrenShare(3600) - (0.08 + 0.07 * Math.log2(7.5))) < 1e-12);
  assert.equal(children, Math.floor((3600 * childrenShare(3600) - 2) / 2));
  assert.equal(finalists, 8);
  // 3600 · 0.55 = 1,990 s are 8 epochs of the next size, which wants 10
  assert.deepEqual([final.size, childrenShare(1e9)], [0, 0.4]);
  assert.equal(planBudget(7200, laptop).final.size, 1);
});

test('in a longer race more finalists are trained longer, and never for less than stated', () => {
  const lengthOf = (budget: number, run: number) => raceLength(budget, { workers: 2, race: { run, runs: 2, most: 8 } });
  const near = (actual: number, expected: number) => assert.ok(Math.abs(actual - expected) < 1e-9, `${actual}`);
  near(lengthOf(480, 20), 2.78 / 2); // (0.12 · 480 − 2) · 2 / 40 = 2.78 finalists, of which two race
  near(lengthOf(480, 80), 1);
  near(lengthOf(3600, 20), 21.5 / 6); // √(2 · 21.5) = 6.6
  near(lengthOf(28_800, 20), 172.7 / 8); // at most 8
  near(raceLength(480, { workers: 2 }), 1);
});

test('with time for four times as many children there are twice as many, each trained twice as long', () => {
  const lengthOf = (budget: number, child: number, workers = 2) => childLength(budget, { child, workers });
  assert.equal(lengthOf(480, 2.56), 1); // 0.08 · 480 · 2 / 2.56 = 30
  assert.equal(lengthOf(480, 20), 1); // never shorter than stated
  assert.equal(lengthOf(480, 2.56, 8), 2);
  const hour = (childrenShare(3600) * 3600 * 2) / 4.8; // 443
  assert.ok(Math.abs(lengthOf(3600, 4.8) - Math.sqrt(hour / 30)) < 1e-9);
});

test('two finalists race even if that takes up to half as long again as planned, since else chance chooses', () => {
  const finalistsWith = (run: number) => {
    const costs = { ...laptop, race: { ...laptop.race!, run } };
    return finalistsOf(480, 100, costs);
  };
  assert.deepEqual([27, 30, 41, 42].map(finalistsWith), [2, 2, 2, 0]); // 55.6 s are 2.06, 1.85, 1.36 and 1.32 finalists
});

test('more minutes never give fewer children, finalists, a smaller network, or fewer epochs of one size, except when a race starts', () => {
  const random = new RandomStream('budgets');
  for (let machine = 0; machine < 50; machine++) {
    const between = (low: number, high: number) => low * (high / low) ** random.uniform();
    const first = between(5, 300);
    const costs: BudgetCosts = {
      workers: 1 + random.integer(8),
      child: between(0.5, 60),
      ...(machine % 3 > 0 && { race: { run: between(1, 100), runs: 2, most: 8 } }),
      finals: [
        { epoch: first, once: first / 10, fewestEpochs: 0.5 },
        { epoch: 4 * first, once: first / 2, fewestEpochs: 8 },
        { epoch: 30 * first, once: 4 * first, fewestEpochs: 20 },
      ],
    };
    let before = planBudget(1, costs);
    for (let seconds = 2; seconds < 2e5; seconds *= 1.07) {
      const plan = planBudget(seconds, costs);
      assert.ok(plan.children >= before.children && plan.finalists >= before.finalists, `${seconds}`);
      const raceBegins = plan.finalists > 0 && before.finalists === 0;
      assert.ok(plan.final.size >= before.final.size || raceBegins, `${seconds}`);
      if (plan.final.size === before.final.size && !raceBegins)
        assert.ok(plan.final.epochs >= before.final.epochs, `${seconds}`);
      before = plan;
    }
  }
});

test('the parts fit into the whole, from the shortest budget on', () => {
  const spentBy = (seconds: number) => {
    const { children, finalists, final } = planBudget(seconds, laptop);
    const { epoch, once } = laptop.finals[final.size]!;
    const { run, runs } = laptop.race!;
    return (children * laptop.child + finalists * runs * run) / laptop.workers + final.epochs * epoch + once;
  };
  for (let seconds = shortestBudget(laptop); seconds < 1e6; seconds *= 1.1)
    assert.ok(spentBy(seconds) <= seconds && (spentBy(seconds) > 0.7 * seconds || seconds < 300), `${seconds}`);
});

test('a resumed search plans the rest of its budget, with its finished trials', () => {
  const half = planBudget(480, laptop, { seconds: 19, children: 9 });
  assert.equal(half.children, 9 + 8); // (38.4 − 19 − 2) · 2 / 4
  assert.equal(half.final.epochs, planBudget(480, laptop).final.epochs);
  const late = planBudget(480, laptop, { seconds: 400, children: 30 });
  assert.deepEqual([late.children, late.final.epochs], [30, 0.5]);
  assert.equal(planBudget(480, laptop, { seconds: 470, children: 0 }).children, 4);
});

test('a slow search has fewer finalists in the remaining time, and the final network gets the rest', () => {
  assert.equal(finalistsOf(480, childrenUntil(480), laptop), 2);
  assert.equal(finalistsOf(480, 470, laptop), 0);
  const { race: _, ...alone } = laptop;
  assert.equal(finalistsOf(480, 100, alone), 0);
  assert.deepEqual(finalWithin(1e9, 1e9, laptop.finals), { size: 2, epochs: 600 });
  assert.deepEqual(finalWithin(-5, 480, laptop.finals), { size: 0, epochs: 0.5 });
});
