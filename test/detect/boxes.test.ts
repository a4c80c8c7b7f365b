// Anchors, offsets and matching against numbers by hand and laws.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { background, matchBoxes, nothing, sampleBoxes } from '../../src/detect/anchor-matching.ts';
import { anchorsOf } from '../../src/detect/anchors.ts';
import { clipBoxes, decodeBoxes, encodeBox } from '../../src/detect/box-coder.ts';
import { planDetector } from '../../src/detect/detector-plan.ts';
import { detectorSettings, headRules } from '../../src/detect/detector-settings.ts';
import { tensor } from '../../src/engine/create.ts';
import { scope } from '../../src/engine/memory.ts';
import { namedModels } from '../../src/plan/named-models.ts';
import { RandomStream } from '../../src/random/stream.ts';
import { nasnetA } from '../../src/space/published.ts';
import { assertClose } from '../engine/definition.ts';

test('the released detector has 67,500 anchors at 1200 pixels, in its order: rows, columns, ratios, sides', () => {
  const { cells, filters, stemChannels, skipReductionInput } = namedModels.large;
  const network = { cells, filters, stemChannels, skipReductionInput };
  const plan = planDetector(nasnetA, detectorSettings({ head: 'paper', network, input: [1200, 1200] }), 90);
  const level = plan.levels[0]!;
  const anchors = anchorsOf(level, [level.shape[0], level.shape[1]], headRules.paper.ratios);
  assert.equal(anchors.length / 4, 67_500);
  const anchor = (row: number, column: number, ratio: number, side: number) => {
    const place = 4 * (12 * (75 * row + column) + 4 * ratio + side);
    return [...anchors.subarray(place, place + 4)];
  };
  // grid_anchor_generator.py: height = scale · 256 / √ratio, width = scale · 256 · √ratio; centre 16 · place.
  assert.deepEqual(anchor(0, 0, 1, 0), [-32, -32, 32, 32]);
  assert.deepEqual(anchor(2, 3, 1, 3), [48 - 256, 32 - 256, 48 + 256, 32 + 256]);
  const [half, double] = [(64 * Math.SQRT1_2) / 2, (64 * Math.SQRT2) / 2];
  assertClose(anchor(0, 1, 2, 0), [16 - double, -half, 16 + double, half], 1e-4, 'ratio 2 is wide');
  assertClose(anchor(0, 1, 0, 0), [16 - half, -double, 16 + half, double], 1e-4, 'ratio 0.5 is high');
});

test('offsets of a box by hand: half a side across, a quarter down, twice as wide, as high', () => {
  const offsets = new Float32Array(4);
  encodeBox([25, 5, 65, 45], 0, [10, 0, 30, 40], 0, offsets, 0);
  // From centre (20, 20), sides 20 and 40, to centre (45, 25), sides 40 and 40.
  assertClose(offsets, [10 * (25 / 20), 10 * (5 / 40), 5 * Math.log(2), 0], 1e-6, 'offsets');
});

test('decoding the offsets of a box gives the box', () => {
  const random = new RandomStream(5);
  const some = () => {
    const [x, y] = [100 * random.uniform(), 100 * random.uniform()];
    return [x, y, x + 1 + 50 * random.uniform(), y + 1 + 50 * random.uniform()];
  };
  for (let turn = 0; turn < 200; turn++) {
    const [box, from] = [some(), some()];
    const offsets = new Float32Array(4);
    encodeBox(box, 0, from, 0, offsets, 0);
    scope(() => {
      const decoded = decodeBoxes(tensor(offsets, [1, 4]), tensor(from, [1, 4]));
      assertClose(decoded.toArray(), box, 1e-3, `turn ${turn}`);
    });
  }
});

test('offsets that would overflow are limited, and boxes are clipped to height and width', () => {
  scope(() => {
    const decoded = decodeBoxes(tensor([0, 0, 5000, 5000], [1, 4]), tensor([0, 0, 16, 16], [1, 4]));
    assertClose(decoded.toArray(), [-492, -492, 508, 508], 1e-2, 'sides are 1,000 at most');
    assert.deepEqual([...clipBoxes(decoded.unsqueeze(0), [[20, 30]]).toArray()], [0, 0, 30, 20]);
  });
});

const anchorRules = { object: 0.7, background: 0.3, everyObject: true };

test('boxes learn the object they overlap most, those between the thresholds nothing, and every object is learnt', () => {
  const overlaps = [
    [0.8, 0.1],
    [0.71, 0.75],
    [0.5, 0],
    [0.2, 0.29],
    [0, 0],
  ];
  const match = (rows: number[][], objects: number) => [...matchBoxes(rows.flat(), rows.length, objects, anchorRules)];
  assert.deepEqual(match(overlaps, 2), [0, 1, nothing, background, background]);
  assert.deepEqual(match([[0.4], [0.2], [0.1]], 1), [0, background, background]); // its best box, below 0.7
  assert.deepEqual(match([[0], [0]], 1), [background, background]); // an object that no box touches
  assert.deepEqual(match([[], []], 0), [background, background]);
});

test('samples have at most their share of objects, the rest is background, and neither is taken twice', () => {
  const matches = Int32Array.from({ length: 1000 }, (_, box) =>
    box % 3 === 0 ? 7 : box % 3 === 1 ? background : nothing,
  );
  const sample = (count: number, seed: number) =>
    sampleBoxes(matches, { count, positives: 0.25 }, new RandomStream(seed));
  const { objects, backgrounds } = sample(64, 1);
  assert.equal(objects.length, 16);
  assert.equal(backgrounds.length, 48);
  assert.ok(objects.every((box) => box % 3 === 0) && backgrounds.every((box) => box % 3 === 1));
  assert.equal(new Set([...objects, ...backgrounds]).size, 64);
  assert.deepEqual(sample(64, 1), { objects, backgrounds });
  assert.notDeepEqual(sample(64, 2), { objects, backgrounds });
  const few = sampleBoxes(Int32Array.of(0, background, background), { count: 64, positives: 0.5 }, new RandomStream(1));
  assert.deepEqual(few, { objects: [0], backgrounds: [1, 2] });
});

test('every box is sampled equally often', () => {
  const matches = new Int32Array(40).fill(background);
  const counts = new Array<number>(40).fill(0);
  for (let seed = 0; seed < 4000; seed++) {
    const { backgrounds } = sampleBoxes(matches, { count: 10, positives: 0.5 }, new RandomStream(seed));
    for (const box of backgrounds) counts[box]! += 1;
  }
  // 1,000 each, standard deviation 27.4.
  assert.ok(
    counts.every((count) => Math.abs(count - 1000) < 5 * 27.4),
    counts.join(),
  );
});
