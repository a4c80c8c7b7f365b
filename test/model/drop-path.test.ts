// ScheduledDropPath: its schedule by hand, its masks' expectation, off in evaluation.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ones, randn } from '../../src/engine/create.ts';
import { noGrad, scope } from '../../src/engine/memory.ts';
import { Generator, manualSeed } from '../../src/engine/random.ts';
import { NetworkCell } from '../../src/model/cell.ts';
import { dropPath, keepProbability, pathMasks } from '../../src/model/drop-path.ts';
import { buildNetwork } from '../../src/model/network.ts';
import { SharedRelus } from '../../src/model/path.ts';
import { planNetwork } from '../../src/plan/plan.ts';
import { nasnetA } from '../../src/space/published.ts';

const near = (actual: number, expected: number, tolerance: number) =>
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected} ± ${tolerance}`);

test('the keep probability falls linearly with the cell and with the progress of the training', () => {
  // The released CIFAR network: 20 cells, 0.6 in the last one at the end.
  near(keepProbability(0.6, 19, 20, 1), 0.6, 1e-12);
  near(keepProbability(0.6, 0, 20, 1), 1 - 0.4 / 20, 1e-12);
  near(keepProbability(0.6, 9, 20, 0.5), 0.9, 1e-12); // half the depth, half the time: 1 − 0.4 / 4
  near(keepProbability(0.6, 19, 20, 2), 0.6, 1e-12);
  assert.equal(keepProbability(0.6, 19, 20, 0), 1);
  assert.equal(keepProbability(1, 19, 20, 1), 1);
});

test('a mask drops whole images or divides them by keep, which preserves the expectation', () => {
  scope(() => {
    const [paths, images, keep] = [10, 4_000, 0.7];
    const masks = pathMasks(paths, ones([images, 2, 3, 3]), keep, new Generator(7));
    assert.deepEqual(masks.shape, [paths, images]);
    const values = masks.toArray();
    const scaled = values.filter((value) => value > 0);
    for (const value of scaled) near(value, 1 / keep, 1e-6);
    const deviation = Math.sqrt((keep * (1 - keep)) / values.length);
    near(scaled.length / values.length, keep, 5 * deviation);
    const dropped = dropPath(ones([images, 2, 3, 3]), masks, 3);
    const sums = dropped.sum([1, 2, 3]).toArray();
    for (const [image, sum] of sums.entries()) near(sum, 18 * values[3 * images + image]!, 1e-4);
  });
});

const plan = planNetwork(nasnetA, { cells: 1, filters: 4, input: 16 });

test('the same generator state gives the same masks, another state different ones', () => {
  const network = buildNetwork(plan, { seed: 1, dropPathKeep: 0.5 });
  const images = randn([8, 3, 16, 16]);
  const logits = (seed: number) => {
    manualSeed(seed);
    return scope(() => noGrad(() => [...network.forward(images, { progress: 1 }).logits.toArray()]));
  };
  assert.deepEqual(logits(1), logits(1));
  assert.notDeepEqual(logits(1), logits(2));
});

test('by the linear rule every cell drops as the last one of the schedule does', () => {
  const [first] = plan.cells;
  const last = { ...first!, index: first!.count - 1 };
  const images = randn([8, first!.sources[0] === undefined ? 4 : 12, 16, 16]);
  const run = (cell: typeof last, dropPathRule: 'linear' | 'scheduled') => {
    manualSeed(1);
    const built = new NetworkCell(cell, { dropPathKeep: 0.5, dropPathRule });
    return scope(() =>
      noGrad(() =>
        built
          .forward([images, images], new SharedRelus(), 0.7)
          .map((each) => Buffer.from(each.toBytes()).toString('hex')),
      ),
    );
  };
  assert.deepEqual(run(first!, 'linear'), run(last, 'scheduled'));
  assert.notDeepEqual(run(first!, 'linear'), run(first!, 'scheduled'));
});

test('nothing is dropped in evaluation, at the start of the training, or with a final keep of 1', () => {
  const images = randn([8, 3, 16, 16]);
  const outputs = (dropPathKeep: number, training: boolean, progress: number) => {
    const network = buildNetwork(plan, { seed: 1, dropPathKeep }).train(training);
    return [1, 2].map((seed) => {
      manualSeed(seed);
      return scope(() => noGrad(() => [...network.forward(images, { progress }).logits.toArray()]));
    });
  };
  for (const [keep, training, progress] of [
    [0.5, false, 1],
    [0.5, true, 0],
    [1, true, 1],
  ] as const) {
    const [one, other] = outputs(keep, training, progress);
    assert.deepEqual(one, other);
  }
  const [one, other] = outputs(0.5, true, 1);
  assert.notDeepEqual(one, other);
});

test('identity paths are never dropped', () => {
  const block = { inputs: [0, 0], operations: ['identity', 'identity'], combine: 'add' } as const;
  const cell = { blocks: [block] };
  const network = buildNetwork(planNetwork({ normal: cell, reduction: cell }, { cells: 1, filters: 4 }), {
    seed: 1,
    dropPathKeep: 0.1,
  });
  const images = randn([4, 3, 32, 32]);
  const logits = [0, 1].map((progress) => {
    return scope(() => noGrad(() => [...network.forward(images, { progress }).logits.toArray()]));
  });
  assert.deepEqual(logits[0], logits[1]);
});
