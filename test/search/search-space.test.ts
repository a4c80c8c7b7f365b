// Every strategy in the spaces of NASNet-B and -C, and the settings of a search for them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createStrategy, strategyNames } from '../../src/search/strategy.ts';
import { decode, encode } from '../../src/space/decisions.ts';
import { settingsOf } from '../../src/study/presets.ts';

for (const name of strategyNames) {
  for (const space of ['b', 'c'] as const) {
    test(`${name} proposes cells of space ${space} with all four combiners, and continues from its saved state`, () => {
      const options =
        name === 'ppo' ? { batchSize: 4, hiddenUnits: 8 } : name === 'evolution' ? { populationSize: 5 } : {};
      const create = () => createStrategy(name, { space, blocks: 4, seed: 1, options });
      const strategy = create();
      const seen = new Set<string>();
      for (let trial = 0; trial < 24; trial++) {
        const architecture = decode(strategy.ask(trial), space);
        for (const { blocks } of [architecture.normal, architecture.reduction])
          for (const { combine } of blocks) seen.add(combine);
        strategy.tell(trial, { reward: encode(architecture, space)[0]! / 4 });
      }
      assert.deepEqual([...seen].sort(), ['add', 'add_instance_norm', 'add_layer_norm', 'concat']);
      const other = create();
      other.load(strategy.save());
      assert.deepEqual(other.ask(24), strategy.ask(24));
    });
  }
}

test('a decision with one option, as the input of the first block of one-block cells of space B, is never changed', () => {
  const options = { populationSize: 2, sampleSize: 1 };
  const strategy = createStrategy('evolution', { space: 'b', blocks: 1, seed: 1, options });
  for (let trial = 0; trial < 40; trial++) {
    const decisions = strategy.ask(trial);
    assert.deepEqual(
      [0, 1, 5, 6].map((place) => decisions[place]),
      [0, 0, 0, 0],
    );
    strategy.tell(trial, { reward: trial });
  }
});

test('a state of one space is refused in another', () => {
  const [a, c] = (['a', 'c'] as const).map((space) => createStrategy('random', { space, blocks: 4, seed: 1 }));
  assert.throws(() => c!.load(a!.save()), /expected 40 decisions of sizes/);
});

test("the default number of blocks is the space's, and a study without a space is one of space A", () => {
  const options = { dataset: 'cifar10', seed: 1, strategy: 'random' };
  assert.equal(settingsOf('smoke', { ...options, space: 'b' }).blocks, 4);
  assert.equal(settingsOf('smoke', { ...options, space: 'c' }).blocks, 5);
  assert.equal(settingsOf('smoke', { ...options, space: 'b', blocks: 3 }).blocks, 3);
  assert.equal(settingsOf('smoke', options).space, 'a');
  const without = createStrategy('random', { blocks: 5, seed: 1 }).ask(0);
  assert.deepEqual(createStrategy('random', { space: 'a', blocks: 5, seed: 1 }).ask(0), without);
});
