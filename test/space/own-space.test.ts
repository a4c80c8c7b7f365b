// Custom spaces: their decisions, the operations that their architectures carry, and that the paper's spaces are
// unchanged.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawArchitecture } from '../../src/draw/picture.ts';
import { layerParameters } from '../../src/plan/layer-cost.ts';
import { planNetwork } from '../../src/plan/plan.ts';
import { RandomStream } from '../../src/random/stream.ts';
import type { Architecture } from '../../src/space/architecture.ts';
import { architectureKey, canonicalArchitecture } from '../../src/space/canonical.ts';
import { decisionSizes, decode, encode } from '../../src/space/decisions.ts';
import { operationNames, operations } from '../../src/space/operations.ts';
import { parseArchitectureText } from '../../src/space/parse.ts';
import { printArchitecture } from '../../src/space/print.ts';
import { sampleDecisions } from '../../src/space/sample.ts';
import { defineSpace, spaces } from '../../src/space/search-space.ts';

const wide = defineSpace({
  name: 'wide',
  operations: {
    sep_conv_9x9: { kind: 'separable', kernel: 9 },
    identity: operations.identity,
    avg_pool_5x5: { kind: 'average-pool', kernel: 5 },
    conv_1x1: operations.conv_1x1,
  },
  combiners: ['concat', 'add', 'add_layer_norm'],
  blocks: 3,
});
const handsOn = defineSpace({ name: 'hands on', operations: { ...wide.operations }, blocks: 2, output: 'states' });

test('each decision chooses among the operations and combiners of the space', () => {
  assert.deepEqual(decisionSizes(undefined, wide).slice(0, 10), [2, 2, 4, 4, 3, 3, 3, 4, 4, 3]);
  const { normal } = decode([0, 1, 0, 2, 1, 1, 1, 1, 3, 0, 0, 0, 1, 1, 1, 0, 0, 1, 1, 1], wide);
  assert.deepEqual(normal.blocks[0], { inputs: [0, 1], operations: ['sep_conv_9x9', 'avg_pool_5x5'], combine: 'add' });
  assert.deepEqual(normal.blocks[1], { inputs: [1, 1], operations: ['identity', 'conv_1x1'], combine: 'concat' });
});

test('decoding then encoding returns every sampled architecture, as text too; its canonical form keeps its key', () => {
  const random = new RandomStream('own spaces');
  for (const space of [wide, handsOn]) {
    for (let count = 0; count < 50; count++) {
      const decisions = sampleDecisions(random, undefined, space);
      const architecture = decode(decisions, space);
      assert.deepEqual(encode(architecture, space), decisions);
      assert.deepEqual(encode(parseArchitectureText(printArchitecture(architecture)), space), decisions);
      assert.equal(architectureKey(canonicalArchitecture(architecture)), architectureKey(architecture));
    }
  }
});

test('operations that differ only in their names give different keys, swapped halves the same key', () => {
  const block = (left: string, right: string): Architecture => {
    const cell = { blocks: [{ inputs: [0, 1] as const, operations: [left, right] as const, combine: 'add' as const }] };
    const { operations: own } = decode(Array(30).fill(0), wide);
    return { normal: cell, reduction: cell, ...(own && { operations: own }) };
  };
  assert.notEqual(
    architectureKey(block('sep_conv_9x9', 'identity')),
    architectureKey(block('avg_pool_5x5', 'identity')),
  );
  const [one, other] = [block('sep_conv_9x9', 'avg_pool_5x5'), block('avg_pool_5x5', 'sep_conv_9x9')];
  for (const cell of [other.normal, other.reduction]) Object.assign(cell.blocks[0]!, { inputs: [1, 0] });
  assert.equal(architectureKey(one), architectureKey(other));
});

test('the cost of a custom operation follows from its kernel', () => {
  const cell = {
    blocks: [{ inputs: [0, 0] as const, operations: ['sep_conv_9x9', 'identity'] as const, combine: 'add' as const }],
  };
  const plan = planNetwork({ normal: cell, reduction: cell, operations: wide.operations }, { cells: 1, filters: 4 });
  const { layers } = plan.cells[0]!.blocks[0]!.left;
  const weights = layers.flatMap(layerParameters).filter(({ shape }) => shape.length === 4);
  // Twice a depthwise 9 × 9 of 4 channels and a pointwise of 4 × 4 (paper, appendix A.4).
  assert.deepEqual(
    weights.map(({ shape }) => shape.reduce((a, b) => a * b)),
    [4 * 81, 16, 4 * 81, 16],
  );
});

test('it is drawn with its kernel in its label', () => {
  const svg = drawArchitecture(decode([0, 1, 0, 2, 0, 0, 1, 0, 2, 0], wide));
  assert.match(svg, />sep 9×9</);
  assert.match(svg, />avg 5×5</);
});

test('architectures of the paper’s spaces carry no operations, and their decisions are unchanged', () => {
  for (const space of ['a', 'b', 'c'] as const) {
    assert.deepEqual(Object.keys(spaces[space].operations), operationNames);
    assert.equal('operations' in decode(sampleDecisions(new RandomStream(1), 2, space), space), false);
  }
  const part = defineSpace({
    name: 'part',
    operations: { identity: operations.identity, conv_1x1: operations.conv_1x1 },
  });
  assert.equal('operations' in decode(sampleDecisions(new RandomStream(1), 2, part), part), false);
});

test('an invalid space is refused in one sentence', () => {
  const refused = (change: object, sentence: RegExp) =>
    assert.throws(() => defineSpace({ ...wide, ...change }), { name: 'InputError', message: sentence });
  refused({ operations: {} }, /^operations: expected at least one operation/);
  refused({ operations: { 'a b': { kind: 'identity' } } }, /^operations: expected names of letters/);
  refused(
    { operations: { big: { kind: 'separable', kernel: 8 } } },
    /^operations\.big\.kernel: expected an odd number from 1 to 31, got 8$/,
  );
  refused(
    { operations: { odd: { kind: 'star' } } },
    /^operations\.odd\.kind: expected one of identity, .*, got "star"$/,
  );
  refused(
    { operations: { conv_1x1: { kind: 'convolution', kernel: 3 } } },
    /^operations\.conv_1x1: expected another name/,
  );
  refused(
    { operations: { same: { kind: 'convolution', kernel: 3 } } },
    /^operations\.same: .* got the same as conv_3x3$/,
  );
  refused({ combiners: ['add', 'add'] }, /^combiners: expected one or more, each once/);
  refused({ combiners: ['multiply'] }, /^combiners: expected one of add, .* got "multiply"$/);
  refused({ blocks: 0 }, /^blocks: expected/);
  assert.throws(
    () => encode(decode([0, 1, 0, 2, 0, 0, 1, 0, 2, 0], wide)),
    /normal\.blocks\[0\]\.operations\[0\]: expected one of identity, .* as in space a, got sep_conv_9x9/,
  );
});
