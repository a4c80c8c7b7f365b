// How strategies came to their decisions: what the dashboard shows of a controller's mind and of evolution's families.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createStrategy, type Strategy } from '../../src/search/strategy.ts';
import { decisionSizes } from '../../src/space/decisions.ts';

const settings = { blocks: 5, seed: 4 };
const rewardOf = (decisions: readonly number[]) => decisions.reduce((sum, choice) => sum + choice, 0) / 1000;
const run = (strategy: Strategy, from: number, trials: number) =>
  Array.from({ length: trials }, (_, index) => {
    const decisions = strategy.ask(from + index);
    const background = strategy.background?.(from + index);
    strategy.tell(from + index, { reward: rewardOf(decisions) });
    return { decisions, ...background };
  });

test('a policy gives each decision probabilities that add up to 1, at first nearly equal ones', () => {
  const [{ policy }] = run(createStrategy('ppo', settings), 0, 1) as [ReturnType<typeof run>[0]];
  assert.deepEqual(
    policy!.probabilities.map(({ length }) => length),
    decisionSizes(5),
  );
  for (const options of policy!.probabilities) {
    assert.ok(Math.abs(options.reduce((sum, each) => sum + each, 0) - 1) < 1e-5);
    for (const each of options) assert.ok(Math.abs(each * options.length - 1) < 0.3);
  }
});

test('a policy is another one after an update, and says after how many', () => {
  const trials = run(createStrategy('ppo', settings), 0, 41);
  assert.deepEqual(
    [0, 20, 40].map((trial) => trials[trial]!.policy!.update),
    [0, 1, 2],
  );
  assert.notDeepEqual(trials[0]!.policy!.probabilities, trials[20]!.policy!.probabilities);
});

test('a child of evolution differs from its parent in one decision', () => {
  const options = { populationSize: 5, sampleSize: 3 };
  const trials = run(createStrategy('evolution', { ...settings, options }), 0, 60);
  const children = trials.filter(({ parent }) => parent !== undefined);
  assert.equal(children.length, 55); // the first population is random
  for (const { decisions, parent } of children) {
    const differing = decisions.filter((choice, index) => choice !== trials[parent!]!.decisions[index]);
    assert.equal(differing.length, 1);
  }
});

test('arms say which of them has the policy', () => {
  const trials = run(createStrategy('random,ppo', settings), 0, 4);
  assert.deepEqual(
    trials.map(({ policy }) => policy?.arm),
    [undefined, 1, undefined, 1],
  );
});
