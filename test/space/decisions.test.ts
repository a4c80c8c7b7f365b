// Conversion between decisions and architectures, and uniform sampling.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RandomStream } from '../../src/random/stream.ts';
import { decisionSizes, decode, encode } from '../../src/space/decisions.ts';
import { parseArchitectureText } from '../../src/space/parse.ts';
import { printArchitecture } from '../../src/space/print.ts';
import { nasnetA } from '../../src/space/published.ts';
import { sampleDecisions } from '../../src/space/sample.ts';

const seeds = Array.from({ length: 200 }, (_, seed) => seed);

test('decoding then encoding returns every sampled architecture', () => {
  for (const seed of seeds) {
    const decisions = sampleDecisions(new RandomStream(seed), 1 + (seed % 7));
    assert.deepEqual(encode(decode(decisions)), decisions);
  }
});

test('printing then parsing returns every sampled architecture, and NASNet-A with its output lists', () => {
  const sampled = seeds.map((seed) => decode(sampleDecisions(new RandomStream(seed))));
  for (const architecture of [...sampled, nasnetA]) {
    assert.deepEqual(parseArchitectureText(printArchitecture(architecture)), architecture);
  }
});

test('the space of B = 5 has 2.3 · 10¹⁸ cells, and as many pairs as their square', () => {
  const points = decisionSizes(5).reduce((product, size) => product * BigInt(size), 1n);
  const oneCell = (2n * 3n * 4n * 5n * 6n) ** 2n * 13n ** 10n * 2n ** 5n;
  assert.equal(oneCell, 2_286_906_949_584_691_200n);
  assert.equal(points, oneCell ** 2n);
});

test('two hand-written blocks decode in the order input 1, input 2, operation 1, operation 2, combiner', () => {
  const normal = [0, 1, 11, 10, 0, 2, 0, 4, 0, 1];
  const reduction = [1, 1, 5, 12, 1, 0, 1, 3, 8, 0];
  assert.deepEqual(decode([...normal, ...reduction]), {
    normal: {
      blocks: [
        { inputs: [0, 1], operations: ['sep_conv_5x5', 'sep_conv_3x3'], combine: 'add' },
        { inputs: [2, 0], operations: ['avg_pool_3x3', 'identity'], combine: 'concat' },
      ],
    },
    reduction: {
      blocks: [
        { inputs: [1, 1], operations: ['max_pool_3x3', 'sep_conv_7x7'], combine: 'concat' },
        { inputs: [0, 1], operations: ['dil_conv_3x3', 'conv_1x1'], combine: 'add' },
      ],
    },
  });
});

test('invalid decisions are refused with their position', () => {
  assert.throws(() => decode([0, 1, 2]), /^InputError: decisions: expected 10 numbers a block, got 3 numbers$/);
  const decisions = sampleDecisions(new RandomStream(1));
  assert.throws(() => decode(decisions.with(12, 13)), /decisions\[12\]: expected a whole number from 0 to 12, got 13$/);
  assert.throws(() => decode(decisions.with(5, 0.5)), /decisions\[5\]: expected a whole number from 0 to 2, got 0.5$/);
});

test('an architecture that no decisions express is refused: an output list unlike the rule, unequal cells', () => {
  assert.throws(
    () => encode(nasnetA),
    /normal\.output: expected the unread states 2, 3, 4, 5, 6, got 1, 2, 3, 4, 5, 6/,
  );
  const { normal, reduction } = decode(sampleDecisions(new RandomStream(1), 2));
  const shorter = { normal, reduction: { blocks: reduction.blocks.slice(0, 1) } };
  assert.throws(() => encode(shorter), /reduction\.blocks: expected as many blocks as in the normal cell, got 2 and 1/);
});

test('every value of every decision is sampled equally often', () => {
  const random = new RandomStream('uniform');
  const draws = 5_200;
  const counts = decisionSizes(2).map((size) => new Array<number>(size).fill(0));
  for (let draw = 0; draw < draws; draw++) {
    sampleDecisions(random, 2).forEach((value, index) => {
      counts[index]![value]!++;
    });
  }
  for (const values of counts) {
    const expected = draws / values.length;
    const chiSquared = values.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    assert.ok(chiSquared < values.length - 1 + 5 * Math.sqrt(2 * values.length), `chi squared ${chiSquared}`);
  }
});
