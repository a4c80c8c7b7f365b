// Known cells first: the order of trials, which strategies learn from them, and the decisions afterwards.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createStrategy } from '../../src/search/strategy.ts';
import { decisionSizes } from '../../src/space/decisions.ts';

const sizes = decisionSizes(2);
const known = [sizes.map(() => 0), sizes.map((size) => size - 1)];

test('the known cells are the first trials, then the strategy decides as it would alone', () => {
  const alone = createStrategy('random', { blocks: 2, seed: 3 });
  const warm = createStrategy('random', { blocks: 2, seed: 3, known });
  assert.deepEqual(
    [0, 1].map((trial) => warm.ask(trial)),
    known,
  );
  assert.deepEqual(
    [2, 3, 4].map((trial) => warm.ask(trial)),
    [2, 3, 4].map((trial) => alone.ask(trial)),
  );
});

test('evolution adds them to its population: with a population of one, children descend from the last known cell', () => {
  const options = { populationSize: 1, sampleSize: 1 };
  const warm = createStrategy('evolution', { blocks: 2, seed: 3, options, known });
  for (const trial of [0, 1]) {
    warm.ask(trial);
    warm.tell(trial, { reward: 0.5 });
  }
  warm.ask(2); // the strategy's first architecture is random
  const child = warm.ask(3);
  assert.equal(child.filter((choice, index) => choice !== known[1]![index]).length, 1);
});

test('the controller does not learn from architectures that it did not sample', () => {
  const options = { batchSize: 1, hiddenUnits: 8, embeddingSize: 4 };
  const warm = createStrategy('ppo', { blocks: 2, seed: 3, options, known });
  warm.ask(0);
  assert.equal(warm.tell(0, { reward: 0.5 }), undefined);
  warm.ask(2);
  assert.equal(warm.tell(2, { reward: 0.5 })!.update, 1);
});

test('saving and loading after every call changes no bit, during the known cells and after', () => {
  const options = { populationSize: 3, sampleSize: 2 };
  const create = () => createStrategy('evolution', { blocks: 2, seed: 3, options, known });
  const whole = create();
  let piecewise = create();
  const reload = () => {
    const next = create();
    next.load(piecewise.save());
    piecewise = next;
  };
  for (let trial = 0; trial < 20; trial++) {
    assert.deepEqual(piecewise.ask(trial), whole.ask(trial));
    reload();
    for (const strategy of [whole, piecewise]) strategy.tell(trial, { reward: (trial % 7) / 10 });
    reload();
    assert.deepEqual(piecewise.save(), whole.save());
  }
});

test('a state can be loaded only with the same known cells', () => {
  const saved = createStrategy('random', { blocks: 2, seed: 3, known }).save();
  const other = createStrategy('random', { blocks: 2, seed: 3, known: known.toReversed() });
  assert.throws(() => other.load(saved), /strategy state: expected option known 0 = .+, got /);
});
