// The plan of a budget, by hand and by laws that hold for any machine.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type BudgetCosts,
  budgetRule,
  childLength,
  childrenDecide,
  childrenShare,
  childrenUntil,
  finalistsOf,
  finalSeconds,
  finalWithin,
  hasTimeForLarger,
  planBudget,
  raceLength,
  shortestBudget,
} from '../../src/forecast/budget.ts';
import { RandomStream } from '../../src/random/stream.ts';
import { type SearchRequest, settingsOf } from '../../src/study/presets.ts';

const laptop: BudgetCosts = {
  workers: 2,
  child: 4,
  race: { run: 20, runs: 2, most: 8, arms: 1 },
  finals: [
    { epoch: 60, once: 5, fewestEpochs: 0.5 },
    { epoch: 250, once: 20, fewestEpochs: 10 },
    { epoch: 1500, once: 100, fewestEpochs: 20 },
  ],
};

/** Four of its finalists race in eight minutes. */
const fast: BudgetCosts = { ...laptop, race: { ...laptop.race!, run: 12.5 } };

/** The budget of a search whose children decide, as this version plans it. */
const newBudget = (seconds: number) => ({ seconds, childrenShare: childrenShare(seconds, true) });

test('eight minutes: 8% for 18 children, 12% for four finalists, the rest for the final network', () => {
  const { children, finalists, final } = planBudget(newBudget(480), fast);
  assert.equal(children, 18); // (0.08 · 480 − 2) · 2 / 4
  assert.equal(finalists, 4); // (0.12 · 480 − 2) · 2 / 25 = 4.4
  assert.deepEqual(final, { size: 0, epochs: 6 }); // (480 · (1 − 0.08 − 0.12 − 0.03) − 2 − 5) / 60 = 6.02
});

test('an hour buys a larger network, and a larger share of it children', () => {
  const { children, finalists, final } = planBudget(newBudget(3600), laptop);
  const share = childrenShare(3600, true);
  assert.ok(Math.abs(share - (0.08 + 0.07 * Math.log2(7.5))) < 1e-12);
  assert.equal(children, Math.floor((3600 * share - 2) / 2));
  assert.equal(finalists, 8);
  // 3600 · 0.55 = 1,990 s are 8 epochs of the next size, which wants 10
  assert.deepEqual([final.size, childrenShare(1e9, true)], [0, 0.4]);
  assert.equal(planBudget({ seconds: 7200 }, laptop).final.size, 1);
});

test('children that decide nothing get the least share of any budget, and the final network the rest', () => {
  const hour = { seconds: 3600, childrenShare: childrenShare(3600, false) };
  const { race: _, ...costs } = laptop;
  assert.equal(childrenUntil(hour), 0.08 * 3600);
  const { children, final } = planBudget(hour, costs);
  assert.equal(children, 143); // (0.08 · 3600 − 2) · 2 / 4
  assert.deepEqual(final, { size: 1, epochs: 12.7 }); // (3600 · 0.89 − 2 − 20) / 250 = 12.73
  assert.deepEqual(planBudget({ seconds: 3600 }, costs).final, { size: 0, epochs: 41.05 }); // 9.8 of the next size
});

test('children decide unless a known cell is preferred and there is no time for a race', () => {
  const decide = (request: Partial<SearchRequest>, finalists: number) =>
    childrenDecide(settingsOf('laptop', { dataset: 'cifar10', seed: 1, budget: 480, ...request }), { finalists });
  assert.equal(decide({}, 0), false);
  assert.equal(decide({}, 4), true);
  assert.equal(decide({ known: [] }, 0), true);
  assert.equal(decide({ finalists: 0 }, 0), true); // the best child is chosen
});

test('in a longer race more finalists are trained longer, and never for less than stated', () => {
  const lengthOf = (seconds: number, run: number) =>
    raceLength(newBudget(seconds), { workers: 2, race: { run, runs: 2, most: 8, arms: 1 } });
  const near = (actual: number, expected: number) => assert.ok(Math.abs(actual - expected) < 1e-9, `${actual}`);
  near(lengthOf(480, 10), 5.56 / 4); // (0.12 · 480 − 2) · 2 / 20 = 5.56 finalists, of which four race
  near(lengthOf(480, 80), 1);
  near(lengthOf(3600, 20), 21.5 / 6); // √(2 · 21.5) = 6.6
  near(lengthOf(28_800, 20), 172.7 / 8); // at most 8
  near(raceLength(newBudget(480), { workers: 2 }), 1);
});

test('with time for four times as many children there are twice as many, each trained twice as long', () => {
  const lengthOf = (budget: number, child: number, workers = 2) => childLength({ seconds: budget }, { child, workers });
  assert.equal(lengthOf(480, 2.56), 1); // 0.08 · 480 · 2 / 2.56 = 30
  assert.equal(lengthOf(480, 20), 1); // never shorter than stated
  assert.equal(lengthOf(480, 2.56, 8), 2);
  const enough = (child: number) => hasTimeForLarger({ seconds: 480 }, { child, workers: 2 });
  assert.deepEqual([2.5, 2.56, 2.6].map(enough), [true, true, false]);
  const hour = (childrenShare(3600, true) * 3600 * 2) / 4.8; // 443
  assert.ok(Math.abs(lengthOf(3600, 4.8) - Math.sqrt(hour / 30)) < 1e-9);
});

test('four finalists race even if that takes up to half as long again as planned', () => {
  const finalistsWith = (run: number) => {
    const costs = { ...laptop, race: { ...laptop.race!, run } };
    return finalistsOf(newBudget(480), 100, costs);
  };
  assert.deepEqual([13.5, 15, 20.5, 21].map(finalistsWith), [4, 4, 4, 0]); // 55.6 s are 4.1, 3.7, 2.7 and 2.6 finalists
});

test('a race that is planned takes place up to twice its time, and one that is not never does', () => {
  const racing = (run: number, races?: boolean) =>
    finalistsOf({ ...newBudget(480), ...(races !== undefined && { races }) }, 100, {
      ...laptop,
      race: { ...laptop.race!, run },
    });
  const runs = [5, 13.5, 20.5, 21, 27.5, 28]; // 55.6 s are 8, 4.1, 2.7, 2.6, 2.02 and 1.99 finalists
  assert.deepEqual(
    runs.map((run) => racing(run)),
    [8, 4, 4, 0, 0, 0],
  );
  assert.deepEqual(
    runs.map((run) => racing(run, true)),
    [8, 4, 4, 4, 4, 0],
  );
  assert.deepEqual(
    runs.map((run) => racing(run, false)),
    [0, 0, 0, 0, 0, 0],
  );
});

test('fewer finalists race if no more are asked for, and two in studies of older versions', () => {
  const asked = (most: number, run: number) => ({ ...laptop, race: { ...laptop.race!, most, run } });
  for (const most of [2, 3, 4]) {
    assert.equal(finalistsOf(newBudget(480), 0, asked(most, 12)), most);
    const long = asked(most, 12 * raceLength(newBudget(480), asked(most, 12)));
    assert.equal(finalistsOf(newBudget(480), 0, long), most, 'also with runs as long as there is time for');
  }
  assert.equal(finalistsOf(newBudget(480), 0, asked(8, 30)), 0); // time for 1.85, or 2.8 with half as long again
  assert.equal(finalistsOf({ seconds: 480 }, 0, asked(8, 30)), 2);
  assert.equal(finalistsOf({ seconds: 480 }, 0, asked(1, 30)), 2);
});

test('one finalist alone does not race, one of each of two arms does', () => {
  const asked = (arms: number) => ({ ...laptop, race: { run: 12, runs: 2, most: 1, arms } });
  assert.deepEqual(
    [1, 2].map((arms) => finalistsOf(newBudget(480), 0, asked(arms))),
    [0, 1],
  );
  const { race: _, ...alone } = laptop;
  assert.deepEqual(planBudget(newBudget(480), asked(1)), planBudget(newBudget(480), alone));
  const ofTwoArms = (run: number) => ({ ...laptop, race: { run, runs: 2, most: 8, arms: 2 } });
  assert.deepEqual(
    [6, 10, 11].map((run) => finalistsOf(newBudget(480), 0, ofTwoArms(run))),
    [4, 4, 0],
  ); // 4.6, 2.8, 2.5
});

test('more minutes never give fewer children, finalists, a smaller network, or fewer epochs of one size, except when a race starts', () => {
  const random = new RandomStream('budgets');
  for (let machine = 0; machine < 50; machine++) {
    const between = (low: number, high: number) => low * (high / low) ** random.uniform();
    const first = between(5, 300);
    const costs: BudgetCosts = {
      workers: 1 + random.integer(8),
      child: between(0.5, 60),
      ...(machine % 3 > 0 && { race: { run: between(1, 100), runs: 2, most: 8, arms: 1 } }),
      finals: [
        { epoch: first, once: first / 10, fewestEpochs: 0.5 },
        { epoch: 4 * first, once: first / 2, fewestEpochs: 8 },
        { epoch: 30 * first, once: 4 * first, fewestEpochs: 20 },
      ],
    };
    const planOf = (seconds: number) => {
      const decide = finalistsOf(newBudget(seconds), 0, costs) > 0;
      return planBudget({ seconds, childrenShare: childrenShare(seconds, decide) }, costs);
    };
    let before = planOf(1);
    for (let seconds = 2; seconds < 2e5; seconds *= 1.07) {
      const plan = planOf(seconds);
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
    const { children, finalists, final } = planBudget({ seconds }, laptop);
    const { epoch, once } = laptop.finals[final.size]!;
    const { run, runs } = laptop.race!;
    return (children * laptop.child + finalists * runs * run) / laptop.workers + final.epochs * epoch + once;
  };
  for (let seconds = shortestBudget(laptop); seconds < 1e6; seconds *= 1.1)
    assert.ok(spentBy(seconds) <= seconds && (spentBy(seconds) > 0.7 * seconds || seconds < 300), `${seconds}`);
});

test('the shortest budget has time for what is spent before', () => {
  const rest = 1 - budgetRule.reserve;
  assert.ok(Math.abs(shortestBudget(laptop, 8) - shortestBudget(laptop) - 8 / rest) < 1e-9);
});

test('the most epochs do not make a network larger that needs more, and have a deadline as fewer ones', () => {
  const sizes = [
    { epoch: 1, once: 0, fewestEpochs: 0.5 },
    { epoch: 1, once: 0, fewestEpochs: 700 },
  ];
  assert.deepEqual(finalWithin(1e5, 1e5, sizes), { size: 0, epochs: 600 });
  const secondsOf = (epochs: number) => finalSeconds(400, 480, { size: 0, epochs }, 1);
  assert.equal(secondsOf(600), secondsOf(599));
  assert.equal(secondsOf(0.5), undefined);
});

test('a resumed search plans the rest of its budget, with its finished trials', () => {
  const half = planBudget({ seconds: 480 }, laptop, { seconds: 19, children: 9 });
  assert.equal(half.children, 9 + 8); // (38.4 − 19 − 2) · 2 / 4
  assert.equal(half.final.epochs, planBudget({ seconds: 480 }, laptop).final.epochs);
  const late = planBudget({ seconds: 480 }, laptop, { seconds: 400, children: 30 });
  assert.deepEqual([late.children, late.final.epochs], [30, 0.5]);
  assert.equal(planBudget({ seconds: 480 }, laptop, { seconds: 470, children: 0 }).children, 4);
});

test('a slow search has fewer finalists in the remaining time, and the final network gets the rest', () => {
  assert.equal(finalistsOf(newBudget(480), childrenUntil(newBudget(480)), fast), 4);
  assert.equal(finalistsOf(newBudget(480), 470, fast), 0);
  const inTime = (spent: number) => finalistsOf(newBudget(480), spent, laptop); // four take 2 + 80 s
  assert.deepEqual([300, 397, 399, 420].map(inTime), [4, 4, 0, 0]);
  const { race: _, ...alone } = laptop;
  assert.equal(finalistsOf(newBudget(480), 100, alone), 0);
  assert.deepEqual(finalWithin(1e9, 1e9, laptop.finals), { size: 2, epochs: 600 });
  assert.deepEqual(finalWithin(-5, 480, laptop.finals), { size: 0, epochs: 0.5 });
});
