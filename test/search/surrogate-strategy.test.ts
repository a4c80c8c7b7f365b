// The surrogate: features that belong to the network and not to its notation, what it asks for, and that it learns.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RandomStream } from '../../src/random/stream.ts';
import { CellFeatures } from '../../src/search/cell-features.ts';
import { createStrategy, type Strategy } from '../../src/search/strategy.ts';
import { architectureKey, canonicalArchitecture } from '../../src/space/canonical.ts';
import { decisionSizes, decode, encode } from '../../src/space/decisions.ts';
import { operationNames, operations } from '../../src/space/operations.ts';
import { nasnetA } from '../../src/space/published.ts';
import { sampleDecisions } from '../../src/space/sample.ts';
import { defaultSpace } from '../../src/space/search-space.ts';
import { encodeUnderRule } from '../../src/study/named-decisions.ts';

const blocks = 5;
const create = (options = {}, seed = 1) => createStrategy('surrogate', { blocks, seed, options });
const share = (decisions: readonly number[], name: string) => {
  const { normal, reduction } = decode(decisions);
  const names = [normal, reduction].flatMap((cell) => cell.blocks.flatMap(({ operations }) => operations));
  return names.filter((other) => other === name).length / names.length;
};

/** Asks for trials and reports each one's reward at once. Returns the decisions. */
function run(strategy: Strategy, trials: number, rewardOf: (decisions: number[]) => number): number[][] {
  return Array.from({ length: trials }, (_, trial) => {
    const decisions = strategy.ask(trial);
    strategy.tell(trial, { reward: rewardOf(decisions) });
    return decisions;
  });
}

test('two notations of one network have the same features', () => {
  const features = new CellFeatures(decisionSizes(blocks), defaultSpace, new RandomStream(1));
  let different = 0;
  for (let seed = 0; seed < 100; seed++) {
    const decisions = sampleDecisions(new RandomStream(seed));
    const { normal, reduction } = canonicalArchitecture(decode(decisions));
    const canonical = encode({ normal, reduction });
    if (canonical.join() !== decisions.join()) different++;
    assert.deepEqual(features.of(canonical), features.of(decisions));
  }
  assert.ok(different > 90);
});

test('the features of NASNet-A are those of the studies that are there: others would change their next cells', () => {
  const features = new CellFeatures(decisionSizes(blocks), defaultSpace, new RandomStream('cell features'));
  const found = features.of(encodeUnderRule(nasnetA, defaultSpace));
  assert.equal(found.length, 62);
  const sum = found.reduce((total, value, place) => total + (place + 1) * value, 0);
  assert.ok(Math.abs(sum + 128.6190383303654) < 1e-9, `${sum}`);
});

test('features have mean 0 and their scale over random cells, in every space', () => {
  for (const space of ['a', 'b', 'c'] as const) {
    const sizes = decisionSizes(undefined, space);
    const features = new CellFeatures(sizes, space, new RandomStream(1));
    const rows = Array.from({ length: 2000 }, (_, seed) =>
      features.of(sampleDecisions(new RandomStream(`cell ${seed}`), undefined, space)),
    );
    for (let column = 0; column < features.count; column++) {
      const mean = rows.reduce((sum, row) => sum + row[column]!, 0) / rows.length;
      const deviation = Math.sqrt(rows.reduce((sum, row) => sum + (row[column]! - mean) ** 2, 0) / rows.length);
      assert.ok(Math.abs(mean) < 0.6, `space ${space}, feature ${column}: mean ${mean}`);
      assert.ok(deviation > 0.5 && deviation < 3.5, `space ${space}, feature ${column}: deviation ${deviation}`);
    }
  }
});

test('its first trials do not depend on rewards, later ones do', () => {
  const ask = (sign: number) =>
    run(create({ randomTrials: 10 }), 14, (decisions) => sign * share(decisions, 'conv_3x3')).map(String);
  const [up, down] = [ask(1), ask(-1)];
  assert.deepEqual(up.slice(0, 10), down.slice(0, 10));
  assert.notDeepEqual(up.slice(10), down.slice(10));
});

test('it learns which operation is rewarded', () => {
  const name = 'sep_conv_3x3';
  const noise = new RandomStream('noise');
  const asked = run(create(), 100, (decisions) => share(decisions, name) + 0.05 * noise.uniform());
  const mean = asked.slice(50).reduce((sum, decisions) => sum + share(decisions, name), 0) / 50;
  const chance = 1 / operationNames.length;
  assert.ok(mean > 3 * chance, `${mean}, by chance ${chance}`);
});

test('no network is asked for twice, in any notation, even if it failed or was known before', () => {
  const known = [sampleDecisions(new RandomStream('known'), 1)];
  const strategy = createStrategy('surrogate', { blocks: 1, seed: 1, options: { randomTrials: 5 }, known });
  const keys = new Set<string>();
  for (let trial = 0; trial < 300; trial++) {
    const decisions = strategy.ask(trial);
    keys.add(architectureKey(decode(decisions)));
    strategy.tell(trial, trial % 7 === 6 ? { failed: 'nan' } : { reward: share(decisions, 'identity') });
  }
  assert.equal(keys.size, 300);
});

test('a space with fewer networks than trials is no error', () => {
  const identities = { operations: { identity: operations.identity }, combiners: ['add'], blocks: 1 } as const;
  const space = { ...identities, output: 'unread' } as const;
  const options = { randomTrials: 2, candidates: 8 };
  const strategy = createStrategy('surrogate', { blocks: 1, space, seed: 1, options });
  const asked = run(strategy, 60, (decisions) => decisions[0]!);
  const keys = new Set(asked.map((decisions) => architectureKey(decode(decisions, space))));
  assert.equal(keys.size, 9); // each cell reads both states, or one of them twice
});

test('the regression is the same after a load, although the state has only the rewards', () => {
  const strategy = create();
  run(strategy, 60, (decisions) => share(decisions, 'conv_1x1'));
  const other = create({}, 2);
  other.load(strategy.save());
  for (let trial = 60; trial < 66; trial++) assert.deepEqual(other.ask(trial), strategy.ask(trial));
});
