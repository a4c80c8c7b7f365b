// The contract suite: the requirements of every strategy. Runs over all of them.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { InputError } from '../../src/failure.ts';
import { RandomStream } from '../../src/random/stream.ts';
import { createStrategy, type Outcome, type Strategy, strategyNames } from '../../src/search/strategy.ts';
import { decisionSizes } from '../../src/space/decisions.ts';

const blocks = 2;
const sizes = decisionSizes(blocks);

/** Options with small batches, controllers and populations, for many updates in a test. */
const smallBatches: Record<string, object> = {
  ppo: { batchSize: 5, epochs: 2, hiddenUnits: 16, embeddingSize: 8 },
  evolution: { populationSize: 8, sampleSize: 3 },
  surrogate: { randomTrials: 6, candidates: 12, parents: 4 },
};
const arms = 'ppo,random,ppo,evolution,surrogate';
smallBatches[arms] = { ...smallBatches };

function create(name: string, seed: number | string = 1): Strategy {
  return createStrategy(name, { blocks, seed, options: smallBatches[name] });
}

/** A reward that depends on the decisions: the share of decisions that are 0. */
const rewardOf = (decisions: readonly number[]) => decisions.filter((choice) => choice === 0).length / decisions.length;

interface Worker {
  open: { trial: number; decisions: number[] }[];
  next: number;
  random: RandomStream;
}

const newWorker = (seed = 'worker'): Worker => ({ open: [], next: 0, random: new RandomStream(seed) });

/**
 * Asks and tells in a random order with up to four open trials; every ninth fails, every thirteenth is never reported.
 */
function work(strategy: Strategy, worker: Worker, asks: number): number[][] {
  const asked: number[][] = [];
  while (asked.length < asks) {
    if (worker.open.length < 4 && worker.random.uniform() < 0.6) {
      const trial = worker.next++;
      const decisions = strategy.ask(trial);
      asked.push(decisions);
      if (trial % 13 !== 12) worker.open.push({ trial, decisions });
    } else if (worker.open.length > 0) {
      const [done] = worker.open.splice(worker.random.integer(worker.open.length), 1);
      strategy.tell(done!.trial, done!.trial % 9 === 8 ? { failed: 'nan' } : { reward: rewardOf(done!.decisions) });
    }
  }
  return asked;
}

const copyWorker = ({ open, next, random }: Worker): Worker => ({
  open: [...open],
  next,
  random: RandomStream.load(random.save()),
});

for (const name of [...strategyNames, arms]) {
  describe(name, () => {
    test('says its name', () => assert.equal(create(name).name, name));

    test('every decision is an integer within its size, for 1 to 5 blocks', () => {
      for (const count of [1, 2, 5]) {
        const strategy = createStrategy(name, { blocks: count, seed: 3 });
        for (let trial = 0; trial < 20; trial++) {
          const decisions = strategy.ask(trial);
          assert.equal(decisions.length, 10 * count);
          decisions.forEach((choice, index) => {
            assert.ok(Number.isInteger(choice) && choice >= 0 && choice < decisionSizes(count)[index]!);
          });
        }
      }
    });

    test('the same seed gives the same sequence, another seed another one', () => {
      const first = work(create(name, 5), newWorker(), 60);
      assert.deepEqual(work(create(name, 5), newWorker(), 60), first);
      assert.notDeepEqual(work(create(name, 6), newWorker(), 60), first);
    });

    test('equal states are equal bytes, and saving changes nothing', () => {
      const [left, right] = [create(name), create(name)];
      const [leftWorker, rightWorker] = [newWorker(), newWorker()];
      for (let round = 0; round < 6; round++) {
        work(left, leftWorker, 7);
        work(right, rightWorker, 7);
        assert.deepEqual(left.save(), left.save());
        assert.deepEqual(left.save(), right.save());
      }
    });

    test('after a load the next hundred asks are those of the strategy that continued', () => {
      // Saved at many points: at the start, within a batch, just before and after an update, with open trials.
      const strategy = create(name);
      const worker = newWorker();
      for (let saves = 0; saves < 12; saves++) {
        const resumed = create(name, 'another seed');
        work(resumed, newWorker('other'), 3 * saves); // load replaces this history
        resumed.load(strategy.save());
        const resumedWorker = copyWorker(worker);
        const expected = createAndLoad(name, strategy.save());
        assert.deepEqual(work(resumed, resumedWorker, 100), work(expected, copyWorker(worker), 100));
        assert.deepEqual(resumed.save(), expected.save());
        work(strategy, worker, 1);
      }
    });

    test('an uninterrupted run and one that is saved and loaded after every call agree to the bit', () => {
      const whole = create(name);
      const expected = work(whole, newWorker(), 100);
      let strategy = create(name);
      const reloading: Strategy = {
        name,
        ask: (trial) => reload((it) => it.ask(trial)),
        tell: (trial, outcome) => reload((it) => it.tell(trial, outcome)),
        save: () => strategy.save(),
        load: (bytes) => strategy.load(bytes),
      };
      function reload<Result>(act: (strategy: Strategy) => Result): Result {
        strategy = createAndLoad(name, strategy.save());
        return act(strategy);
      }
      assert.deepEqual(work(reloading, newWorker(), 100), expected);
      assert.deepEqual(strategy.save(), whole.save());
    });

    test('a trial can be reported late, after many others', () => {
      const strategy = create(name);
      const first = strategy.ask(0);
      work(strategy, { ...newWorker(), next: 1 }, 50);
      strategy.tell(0, { reward: rewardOf(first) });
    });

    test('asks continue without end while nothing is reported', () => {
      const strategy = create(name);
      for (let trial = 0; trial < 60; trial++) assert.equal(strategy.ask(trial).length, sizes.length);
    });

    test('reporting a trial that was never asked for or is already reported is an error', () => {
      const strategy = create(name);
      assert.throws(
        () => strategy.tell(0, { reward: 0.5 }),
        /trial 0 was never asked for or has been reported already/,
      );
      strategy.ask(0);
      strategy.tell(0, { reward: 0.5 });
      assert.throws(() => strategy.tell(0, { failed: 'nan' }), /reported already/);
    });

    test('asking for an open trial again is an error and changes nothing', () => {
      const strategy = create(name);
      strategy.ask(3);
      const before = strategy.save();
      assert.throws(() => strategy.ask(3), /trial 3 has been asked for and is still open/);
      assert.throws(() => strategy.ask(-1), /trial -1/);
      assert.deepEqual(strategy.save(), before);
    });

    test('a reward that is not finite is an error, and the trial stays open', () => {
      const strategy = create(name);
      strategy.ask(0);
      for (const reward of [Number.NaN, Number.POSITIVE_INFINITY, 1e300]) {
        assert.throws(() => strategy.tell(0, { reward }), /expected a finite reward/);
      }
      strategy.tell(0, { reward: 0 });
    });

    test('if every trial fails, asks continue', () => {
      const strategy = create(name);
      const failed: Outcome = { failed: 'out-of-memory' };
      for (let trial = 0; trial < 100; trial++) {
        strategy.ask(trial);
        strategy.tell(trial, failed);
      }
      assert.equal(strategy.ask(100).length, sizes.length);
    });

    test('a state of another strategy, space or option is refused and changes nothing', () => {
      const strategy = create(name);
      work(strategy, newWorker(), 12);
      const before = strategy.save();
      const refused: [Uint8Array, RegExp][] = [
        [new Uint8Array(0), /^strategy state: expected bytes that a strategy saved, got 0 other bytes$/],
        [new TextEncoder().encode('SQLite format 3\0 and more of it\n'), /got 32 other bytes$/],
        [before.subarray(0, before.length - 4), /expected a whole state, got one that is cut or damaged$/],
        [before.subarray(0, 120), /cut or damaged$/],
        [damaged(before), /cut or damaged$/],
        [replaced(before, /"version":\d/, '"version":9'), /expected format version 2 or older, got version 9$/],
        [createStrategy(name, { blocks: 3, seed: 1 }).save(), /expected 20 decisions of sizes .+, got 30 of/],
      ];
      for (const other of strategyNames.filter((it) => it !== name)) {
        refused.push([create(other).save(), new RegExp(`expected strategy ${name}, got ${other}$`)]);
      }
      for (const [bytes, message] of refused) {
        assert.throws(
          () => strategy.load(bytes),
          (error) => error instanceof InputError && message.test(error.message),
        );
        assert.deepEqual(strategy.save(), before);
      }
    });

    test('unknown options are refused', () => {
      assert.throws(
        () => createStrategy(name, { blocks, seed: 1, options: name === arms ? { ppo: { speed: 3 } } : { speed: 3 } }),
        /options: .*got "speed"/,
      );
    });
  });
}

test('unknown strategies are refused with the known names', () => {
  assert.throws(() => createStrategy('annealing', { blocks, seed: 1 }), /expected one of random.*got "annealing"/);
  assert.throws(() => createStrategy('constructor', { blocks, seed: 1 }), InputError);
});

function createAndLoad(name: string, bytes: Uint8Array): Strategy {
  const strategy = create(name, 'unused');
  strategy.load(bytes);
  return strategy;
}

function damaged(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice();
  copy[copy.length - 5]! ^= 1;
  return copy;
}

function replaced(bytes: Uint8Array, from: RegExp, to: string): Uint8Array {
  return new Uint8Array(Buffer.from(Buffer.from(bytes).toString('latin1').replace(from, to), 'latin1'));
}
