// Every operation of the space as a module: shapes, strides, values without NaN, gradients against finite differences.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { randn, tensor } from '../../src/engine/create.ts';
import { gradients } from '../../src/engine/gradient.ts';
import { noGrad, scope } from '../../src/engine/memory.ts';
import { manualSeed } from '../../src/engine/random.ts';
import type { Tensor } from '../../src/engine/tensor.ts';
import { Path, SharedRelus } from '../../src/model/path.ts';
import type { Shape } from '../../src/plan/layer.ts';
import { LayerPath } from '../../src/plan/layer-path.ts';
import { layOperation } from '../../src/plan/plan-operation.ts';
import { type OperationName, operationNames } from '../../src/space/operations.ts';

const norm = { decay: 0.9, epsilon: 1e-5 };

function operation(name: OperationName, [height, width, channels]: Shape, filters: number, stride: 1 | 2) {
  const laid = layOperation(new LayerPath([height, width, channels], 'operation', norm), name, filters, stride);
  return { path: new Path(laid.layers, { dtype: 'float64' }), shape: laid.shape };
}

const forward = (path: Path, input: Tensor) => path.forward(input, new SharedRelus());

for (const name of operationNames) {
  test(`${name} gives the planned shape at stride 1 and 2, also for odd, tiny and unequal sides, without NaN`, () => {
    manualSeed(1);
    for (const size of [
      [8, 8],
      [7, 10],
      [1, 1],
      [2, 5],
      [16, 3],
    ] as const) {
      for (const [channels, filters] of [
        [4, 4],
        [6, 4],
        [8, 4],
      ] as const) {
        for (const stride of [1, 2] as const) {
          scope(() => {
            const { path, shape } = operation(name, [...size, channels], filters, stride);
            const input = randn([3, channels, ...size], { dtype: 'float64' }).contiguous('channels_last');
            const result = forward(path, input);
            const expected = [3, filters, Math.ceil(size[0] / stride), Math.ceil(size[1] / stride)];
            assert.deepEqual(result.shape, expected);
            assert.deepEqual([shape[2], shape[0], shape[1]], expected.slice(1));
            assert.equal(result.isFinite().all().item(), 1);
          });
        }
      }
    }
  });

  test(`${name} has the gradients of finite differences in float64, to its input and its parameters`, () => {
    manualSeed(2);
    for (const stride of [1, 2] as const) {
      for (const channels of [3, 5]) {
        scope(() => {
          const { path } = operation(name, [5, 6, channels], 3, stride);
          const input = randn([2, channels, 5, 6], { dtype: 'float64', requiresGrad: true });
          const weights = randn(forward(path, input).shape, { dtype: 'float64' }); // weights of a loss
          const loss = () => forward(path, input).mul(weights).sum();
          const variables = [input, ...path.parameters()];
          const actual = gradients(loss(), variables);
          variables.forEach((variable, index) => {
            const exact = actual[index]!.toArray();
            for (const place of places(variable.size)) {
              const approximate = difference(loss, variable, place);
              const tolerance = 2e-6 * Math.max(1, Math.abs(approximate));
              assert.ok(
                Math.abs(exact[place]! - approximate) < tolerance,
                `${index}[${place}]: ${exact[place]}, ${approximate}`,
              );
            }
          });
        });
      }
    }
  });
}

/** Returns up to eight indices, spread over all. */
const places = (size: number) =>
  Array.from({ length: Math.min(size, 8) }, (_, index) => Math.floor((index * size) / Math.min(size, 8)));

/** Returns the central difference of a loss with respect to one element of a variable. */
function difference(loss: () => Tensor, variable: Tensor, place: number): number {
  const step = 1e-6;
  const direction = new Float64Array(variable.size);
  direction[place] = step;
  return scope(() =>
    noGrad(() => {
      const nudge = tensor(direction, variable.shape);
      const lossAfter = (factor: number) => {
        variable.add_(nudge, factor);
        return loss().item();
      };
      const [above, below] = [lossAfter(1), lossAfter(-2)];
      variable.add_(nudge);
      return (above - below) / (2 * step);
    }),
  );
}

test('pools with uneven SAME padding have the windows of TensorFlow, and averages do not count the padding', () => {
  // 4×4 to 2×2 by 3×3 windows at stride 2, padded at the bottom and right only: rows 0–2 and 2–3.
  const numbers = Float64Array.from({ length: 16 }, (_, index) => index);
  const pooled = (name: OperationName) =>
    scope(() => {
      const { path } = operation(name, [4, 4, 1], 1, 2);
      return [...forward(path, tensor(numbers, [1, 1, 4, 4])).toArray()];
    });
  assert.deepEqual(pooled('max_pool_3x3'), [10, 11, 14, 15]);
  // Rows 0–2 × columns 0–2 average 5; × columns 2–3 6.5; rows 2–3: 11 and 12.5.
  assert.deepEqual(pooled('avg_pool_3x3'), [5, 6.5, 11, 12.5]);
});

test('a strided convolution starts where TensorFlow starts it', () => {
  // 3×3 weights of 1 at stride 2 over a 4×4 of ones: windows start at row 0 and 2, so the sums are 9, 6, 6, 4.
  scope(() => {
    const laid = new LayerPath([4, 4, 1], 'layer', norm).convolution('c', { channels: 1, kernel: 3, stride: 2 });
    const path = new Path(laid.layers, { dtype: 'float64' });
    noGrad(() => path.parameters()[0]!.fill_(1));
    const image = tensor(new Float64Array(16).fill(1), [1, 1, 4, 4]);
    assert.deepEqual([...forward(path, image).toArray()], [9, 6, 6, 4]);
  });
});

test('a factorized reduction takes the even pixels and the odd ones', () => {
  scope(() => {
    for (const side of [4, 5]) {
      const laid = new LayerPath([side, side, 1], 'layer', norm).factorizedReduction(2);
      const path = new Path(laid.layers.slice(0, 1), { dtype: 'float64' }); // before the batch norm
      noGrad(() => path.parameters().forEach((weight) => void weight.fill_(1)));
      const pixels = Float64Array.from({ length: side * side }, (_, index) => index + 1);
      const actual = [...forward(path, tensor(pixels, [1, 1, side, side])).toArray()];
      const at = (row: number, column: number) => (row < side && column < side ? row * side + column + 1 : 0);
      const half = Math.ceil(side / 2);
      const taken = (shift: number) =>
        Array.from({ length: half * half }, (_, index) =>
          at(2 * Math.floor(index / half) + shift, 2 * (index % half) + shift),
        );
      assert.deepEqual(actual, [...taken(0), ...taken(1)]);
    }
  });
});
