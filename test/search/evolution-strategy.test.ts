// Regularized evolution: which architectures are random, which become parents, which die.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EvolutionStrategy } from '../../src/search/evolution-strategy.ts';
import { createStrategy } from '../../src/search/strategy.ts';
import { decisionSizes } from '../../src/space/decisions.ts';

const sizes = decisionSizes(5);
const create = (populationSize: number, sampleSize: number, seed = 1) =>
  new EvolutionStrategy({ sizes, seed, options: { populationSize, sampleSize } });

const differences = (a: readonly number[], b: readonly number[]) =>
  a.filter((choice, index) => choice !== b[index]).length;

/** Asks for trials and reports each one's reward at once. */
function run(strategy: EvolutionStrategy, from: number, rewards: readonly number[]): number[][] {
  return rewards.map((reward, index) => {
    const decisions = strategy.ask(from + index);
    strategy.tell(from + index, { reward });
    return decisions;
  });
}

test('after the first population every child differs from a living member in exactly one decision', () => {
  const strategy = create(10, 3);
  const asked = run(strategy, 0, new Array(10).fill(0.5));
  for (let trial = 10; trial < 200; trial++) {
    const [child] = run(strategy, trial, [(trial % 7) / 10]);
    const living = asked.slice(-10);
    assert.ok(living.some((member) => differences(member, child!) === 1));
    asked.push(child!);
  }
});

test('with a very large sample the best living member is the parent', () => {
  const strategy = create(5, 500);
  const members = run(strategy, 0, [0.1, 0.9, 0.2, 0.3, 0.4]);
  for (let trial = 5; trial < 25; trial++) {
    const child = strategy.ask(trial); // never reported, so the population is unchanged
    assert.equal(differences(child, members[1]!), 1);
  }
});

test('the oldest member dies, however good it is', () => {
  const strategy = create(3, 300);
  const [best] = run(strategy, 0, [0.9, 0.1, 0.2]);
  const [child] = run(strategy, 3, [0.3]); // the best member's child replaces it
  assert.equal(differences(child!, best!), 1);
  for (let trial = 4; trial < 12; trial++) assert.equal(differences(strategy.ask(trial), child!), 1);
});

test('every decision is changed sometimes, to every other value', () => {
  const strategy = create(1, 1);
  const [parent] = run(strategy, 0, [1]);
  const seen = sizes.map(() => new Set<number>());
  for (let trial = 1; trial < 8000; trial++) {
    strategy.ask(trial).forEach((choice, index) => {
      if (choice !== parent![index]) seen[index]!.add(choice);
    });
  }
  assert.deepEqual(
    seen.map(({ size }) => size),
    sizes.map((size) => size - 1),
  );
});

test('trials that failed have no children', () => {
  const strategy = create(2, 50);
  strategy.ask(0);
  strategy.tell(0, { failed: 'nan' });
  const [member] = run(strategy, 1, [0.1]);
  for (let trial = 2; trial < 10; trial++) assert.equal(differences(strategy.ask(trial), member!), 1);
});

test('evolution improves where random search does not: half of 300 trials, rewarded for zeros', () => {
  const mean = (name: string) => {
    const options = name === 'evolution' ? { populationSize: 20, sampleSize: 5 } : {};
    const strategy = createStrategy(name, { blocks: 5, seed: 1, options });
    const rewards = Array.from({ length: 300 }, (_, trial) => {
      const decisions = strategy.ask(trial);
      const reward = decisions.filter((choice) => choice === 0).length / decisions.length;
      strategy.tell(trial, { reward });
      return reward;
    });
    return rewards.slice(150).reduce((sum, reward) => sum + reward, 0) / 150;
  };
  const chance = sizes.reduce((sum, size) => sum + 1 / size, 0) / sizes.length;
  assert.ok(Math.abs(mean('random') - chance) < 0.02, `random: ${mean('random')}, by chance ${chance}`);
  assert.ok(mean('evolution') > 2 * chance, `evolution: ${mean('evolution')}, by chance ${chance}`);
});
