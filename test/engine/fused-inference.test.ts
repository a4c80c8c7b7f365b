// Units and pools without gradients: threads share few images, and packed weights are kept between forward passes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { randn } from '../../src/engine/create.ts';
import { averagePool, maxPool } from '../../src/engine/kernels.ts';
import { setThreads, threads } from '../../src/engine/machine.ts';
import { noGrad, scope } from '../../src/engine/memory.ts';
import { manualSeed } from '../../src/engine/random.ts';
import type { Tensor } from '../../src/engine/tensor.ts';
import { testVersions } from './other-versions.ts';
import { type Case, cases, fused, movingOf, perUnit, type UnitCase } from './unit-cases.ts';

function withThreads<T>(count: number, run: () => T): T {
  const before = threads();
  setThreads(count);
  try {
    return run();
  } finally {
    setThreads(before);
  }
}

const evaluated = (of: Case, input: Tensor, weights: Tensor[]) =>
  noGrad(() => fused(of, input, weights, movingOf(of, 'float32'), false));

/** Computes with weights that no forward pass has seen. */
const asNew = (of: Case, input: Tensor, weights: Tensor[]) =>
  evaluated(
    of,
    input,
    weights.map((each) => each.clone()),
  );

/** A convolution of `side` × `side` taps that keeps the size of its images. */
function unitOf(kind: UnitCase['kind'], side: number): UnitCase {
  const around = (side - 1) / 2;
  const padding: UnitCase['padding'] = [around, around, around, around];
  return { kind, kernel: [side, side], stride: [1, 1], padding, dilation: [1, 1], channels: 8, outputs: 12 };
}

test('an image that several threads share gives the same bits as on one', () => {
  manualSeed(1);
  for (const each of cases('shared', 40)) {
    scope(() => {
      const input = randn([each.images, each.units[0]!.channels, each.height, each.width]).contiguous('channels_last');
      const weights = each.units.flatMap(perUnit);
      const [one, ...more] = [1, 2, 5].map((count) =>
        withThreads(count, () => evaluated(each, input, weights).toArray()),
      );
      for (const shared of more) assert.deepEqual(shared, one, JSON.stringify(each));
    });
  }
  for (const [height, stride] of [
    [2, 1],
    [9, 1],
    [9, 2],
    [16, 2],
  ] as const) {
    // biome-ignore format: a row a case
    scope(() => {
      const input = randn([1, 12, height, 7]).contiguous('channels_last');
      for (const pool of [averagePool, maxPool]) {
        const run = () => pool(input, { kernel: [3, 3], stride: [stride, stride], padding: [1, 1, 1, 1] }).toArray();
        assert.deepEqual(withThreads(4, run), withThreads(1, run), `${pool.name}, ${height} rows, stride ${stride}`);
      }
    });
  }
});

test('changes of weights since the last forward pass take effect', () => {
  manualSeed(2);
  for (const kind of ['pointwise', 'depthwise', 'dense'] as const) {
    scope(() => {
      const unit = unitOf(kind, kind === 'pointwise' ? 1 : 3);
      const of: Case = { images: 2, height: 6, width: 5, relu: true, units: [unit] };
      const input = randn([2, 8, 6, 5]).contiguous('channels_last');
      const weights = perUnit(unit);
      const first = evaluated(of, input, weights).toArray();
      assert.deepEqual(first, asNew(of, input, weights).toArray());
      for (const written of kind === 'depthwise' ? [0, 1] : [1]) {
        noGrad(() => weights[written]!.mul_(1.5).add_(randn(weights[written]!.shape)));
        const second = evaluated(of, input, weights).toArray();
        assert.deepEqual(second, asNew(of, input, weights).toArray(), `${kind}, weight ${written}`);
        assert.notDeepEqual(second, first, `${kind}, weight ${written}`);
      }
    });
  }
});

test('a dense weight serves images of one result row and of several, which are computed in pairs of rows', () => {
  manualSeed(3);
  const unit: UnitCase = { ...unitOf('dense', 3), padding: [0, 0, 1, 1] };
  for (const heights of [
    [3, 8, 3],
    [8, 3, 8],
  ]) {
    scope(() => {
      const weights = perUnit(unit);
      for (const height of heights) {
        const of: Case = { images: 2, height, width: 5, relu: true, units: [unit] };
        const input = randn([2, 8, height, 5]).contiguous('channels_last');
        const expected = asNew(of, input, weights).toArray();
        assert.deepEqual(evaluated(of, input, weights).toArray(), expected, `${height} rows in ${heights}`);
      }
    });
  }
});

testVersions(fileURLToPath(import.meta.url), ['plain', 'avx2']);
