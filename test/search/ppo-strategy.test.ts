// The paper's strategy as a whole: it finds good architectures, and failed, late and missing trials do no harm.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InputError } from '../../src/failure.ts';
import { RandomStream } from '../../src/random/stream.ts';
import { paperController } from '../../src/search/options.ts';
import { createStrategy, type Strategy } from '../../src/search/strategy.ts';
import { decisionSizes } from '../../src/space/decisions.ts';

const sizes = decisionSizes(2);
const small = { batchSize: 5, epochs: 2, learningRate: 0.003 };
const create = (seed: number, options: object = small) => createStrategy('ppo', { blocks: 2, seed, options });

/** The share of decisions that are 1: a reward with a known optimum. */
const reward = (decisions: readonly number[]) => decisions.filter((choice) => choice === 1).length / decisions.length;

function search(strategy: Strategy, trials: number): number[] {
  return Array.from({ length: trials }, (_, trial) => {
    const value = reward(strategy.ask(trial));
    strategy.tell(trial, { reward: value });
    return value;
  });
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

test('on a reward whose best decisions are known PPO’s average beats random search’s best, for five seeds', () => {
  const expectedAtRandom = mean(sizes.map((size) => 1 / size)); // 0.31
  for (let seed = 0; seed < 5; seed++) {
    const learned = search(create(seed, { batchSize: 10, learningRate: 0.005 }), 200);
    const random = search(createStrategy('random', { blocks: 2, seed }), 200);
    assert.ok(Math.abs(mean(random) - expectedAtRandom) < 0.03);
    const last = mean(learned.slice(-30));
    assert.ok(last > Math.max(...random) + 0.1, `seed ${seed}: ${last}, random's best ${Math.max(...random)}`);
  }
});

test('it also learns with the paper’s options, slowly', () => {
  const learned = search(create(1, {}), 600);
  assert.ok(mean(learned.slice(-100)) > mean(learned.slice(0, 100)) + 0.1);
});

test('failed trials have no effect: the next asks are as if they had never been reported', () => {
  const informed = create(3);
  const uninformed = create(3);
  for (let trial = 0; trial < 60; trial++) {
    const decisions = informed.ask(trial);
    assert.deepEqual(uninformed.ask(trial), decisions);
    if (trial % 3 === 1) {
      informed.tell(trial, { failed: 'out-of-memory' });
    } else {
      const outcome = { reward: reward(decisions) };
      assert.deepEqual(informed.tell(trial, outcome), uninformed.tell(trial, outcome));
    }
  }
});

test('with failureWeight 1 a structure that always fails dies out', () => {
  // Combiner 1 of the first block always fails; all others have the same reward except for noise.
  const share = (failureWeight: number) => {
    const strategy = create(4, { ...small, failureWeight });
    const noise = new RandomStream(1);
    let failures = 0;
    for (let trial = 0; trial < 300; trial++) {
      const failed = strategy.ask(trial)[4] === 1;
      if (failed && trial >= 200) failures++;
      strategy.tell(trial, failed ? { failed: 'nan' } : { reward: 0.5 + 0.02 * noise.uniform() });
    }
    return failures / 100;
  };
  assert.ok(share(1) < 0.1);
  assert.ok(share(0) > 0.25);
});

test('the parameters change when the batch is full, not before', () => {
  const strategy = create(5);
  const idle = create(5);
  for (let trial = 0; trial < 12; trial++) strategy.ask(trial);
  for (let trial = 0; trial < 12; trial++) idle.ask(trial);
  for (let trial = 0; trial < 4; trial++) strategy.tell(trial, { reward: trial });
  const next = (of: Strategy, from: number) => Array.from({ length: 20 }, (_, index) => of.ask(from + index));
  assert.deepEqual(next(strategy, 100), next(idle, 100));
  strategy.tell(4, { reward: 4 });
  assert.notDeepEqual(next(strategy, 200), next(idle, 200));
});

test('trials reported after an update keep the log-probabilities with which they were sampled', () => {
  const strategy = create(6);
  const decisions = Array.from({ length: 10 }, (_, trial) => strategy.ask(trial));
  const tell = (trial: number) => strategy.tell(trial, { reward: reward(decisions[trial]!) });
  const first = [9, 8, 7, 6, 5].map(tell).at(-1)!;
  assert.ok(first.staleKl! < 1e-6); // drawn from the very policy that was updated
  const second = [0, 1, 2, 3, 4].map(tell).at(-1)!;
  assert.ok(second.staleKl! > 1e-6, `${second.staleKl}`); // the policy has moved since
  assert.ok(second.staleKl! < 10 * first.kl!);
});

test('the baseline starts as the first batch’s mean and then follows each reward, by hand', () => {
  const strategy = create(7);
  const tell = (rewards: number[], from: number) =>
    rewards
      .map((value, index) => {
        strategy.ask(from + index);
        return strategy.tell(from + index, { reward: value });
      })
      .at(-1)!;
  const first = tell([0.1, 0.2, 0.3, 0.4, 0.5], 0);
  assert.ok(Math.abs(first.baseline! - 0.3) < 1e-12);
  const second = tell([0.5, 0.5, 0.5, 0.5, 0.5], 5);
  assert.ok(Math.abs(second.baseline! - 0.3) < 1e-12); // what this batch was compared with
  assert.ok(Math.abs(second.meanAdvantage! - 0.2) < 1e-12);
  const third = tell([0.5, 0.5, 0.5, 0.5, 0.5], 10);
  assert.ok(Math.abs(third.baseline! - (0.5 - 0.2 * 0.95 ** 5)) < 1e-12);
});

test('the tell that fills a batch returns finite figures of the update, the others nothing', () => {
  const strategy = create(8);
  const told = Array.from({ length: 5 }, (_, trial) => strategy.tell(trial, { reward: reward(strategy.ask(trial)) }));
  const figures = told.pop()!;
  assert.deepEqual(told, [undefined, undefined, undefined, undefined]);
  assert.deepEqual(Object.keys(figures).sort(), [
    'baseline',
    'clipFraction',
    'combinerEntropy',
    'entropy',
    'gradientNorm',
    'inputEntropy',
    'kl',
    'meanAdvantage',
    'operationEntropy',
    'staleKl',
    'update',
  ]);
  assert.ok(Object.values(figures).every(Number.isFinite));
  assert.equal(figures.update, 1);
});

test('invalid options are refused with their name', () => {
  const refused: [object, RegExp][] = [
    [{ batchSize: 0 }, /batchSize to be positive, got 0$/],
    [{ batchSize: 2.5 }, /batchSize to be a whole number, got 2.5$/],
    [{ learningRate: Number.NaN }, /learningRate to be a number, got NaN$/],
    [{ learningRate: '3' }, /learningRate to be a number, got 3$/],
    [{ baselineDecay: 1 }, /baselineDecay to be below 1, got 1$/],
    [{ rate: 1 }, /one of hiddenUnits, .*, got "rate"$/],
  ];
  for (const [options, message] of refused) {
    assert.throws(
      () => create(1, options),
      (error) => error instanceof InputError && message.test(error.message),
    );
  }
});

test('a state can be loaded only with the same options', () => {
  const state = create(1).save();
  assert.throws(() => create(1, { ...small, epochs: 3 }).load(state), /expected option epochs = 3, got 2$/);
  assert.equal(paperController.batchSize, 20);
});
