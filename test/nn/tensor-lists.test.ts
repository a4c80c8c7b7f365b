// The operators on lists against those of single tensors: float32 and float64, small and large, in any order in memory,
// views with gaps, with one thread and several.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { randn } from '../../src/engine/create.ts';
import { setThreads, threads } from '../../src/engine/machine.ts';
import { call } from '../../src/engine/operator.ts';
import { Generator } from '../../src/engine/random.ts';
import type { Tensor } from '../../src/engine/tensor.ts';
import { addList, blendLists, listNorm, mulScalar } from '../../src/nn/tensor-lists.ts';

const generator = new Generator(1);
const numbers = (shape: number[], dtype: 'float32' | 'float64' = 'float32') => randn(shape, { generator, dtype });

/** Pairs of equal shape: small, large enough for several threads, of other memory orders, with gaps, float64. */
const pairs = (): [Tensor, Tensor][] => [
  [numbers([7]), numbers([7])],
  [numbers([1]).reshape([]), numbers([1]).reshape([])],
  [numbers([600, 500]), numbers([600, 500])],
  [numbers([8, 1, 5, 5]), numbers([5, 5, 8, 1]).permute([2, 3, 0, 1])],
  [numbers([4, 3, 2, 2]).contiguous('channels_last'), numbers([4, 3, 2, 2])],
  [numbers([6, 10]).narrow(1, 2, 5), numbers([6, 10]).narrow(1, 5, 5)],
  [numbers([9], 'float64'), numbers([9], 'float64')],
];

const copies = (tensors: readonly Tensor[]) => tensors.map((each) => each.clone());

function near(actual: readonly Tensor[], expected: readonly Tensor[]): void {
  for (const [place, each] of actual.entries()) {
    const error = each.sub(expected[place]!).abs().max().item();
    const limit = each.dtype === 'float64' ? 1e-14 : 1e-6;
    assert.ok(error < limit, `tensor ${place}: ${error}`);
  }
}

for (const count of [1, 2]) {
  test(`lists change as their tensors do, one by one, with ${count} of the threads`, () => {
    const before = threads();
    setThreads(count);
    try {
      const own = pairs().map(([one]) => one);
      const others = pairs().map(([, other]) => other);
      const versions = own.map((each) => call('aten::_version', '', [each]) as number);
      const expected = copies(own);
      addList.run(own, others, 0.3);
      expected.forEach((each, place) => void each.add_(others[place]!.mul(0.3)));
      near(own, expected);
      mulScalar.run(own, -1.7);
      for (const each of expected) each.mul_(-1.7);
      near(own, expected);
      blendLists.run(own, others, 0.25);
      expected.forEach((each, place) => void each.add_(others[place]!.sub(each).mul(0.25)));
      near(own, expected);
      const changed = own.map((each, place) => (call('aten::_version', '', [each]) as number) > versions[place]!);
      assert.ok(changed.every(Boolean), 'whoever keeps something of a tensor can see that it has changed');
    } finally {
      setThreads(before);
    }
  });
}

test('the norm is that of all numbers together, for any number of threads', () => {
  const all = pairs().map(([one]) => one);
  const squares = (tensors: Tensor[]) =>
    tensors.reduce((sum, each) => sum + each.to('float64').mul(each.to('float64')).sum().item(), 0);
  for (const some of [all, all.filter((each) => each.dtype === 'float32'), [all[2]!]]) {
    const expected = Math.sqrt(squares(some));
    assert.ok(Math.abs(listNorm.tensor(some).item() / expected - 1) < 1e-5);
  }
  const large = [all[2]!];
  const before = threads();
  const norms = [1, 2].map((count) => {
    setThreads(count);
    return listNorm.tensor(large).item();
  });
  setThreads(before);
  assert.equal(norms[0], norms[1]);
  assert.ok(Number.isNaN(listNorm.tensor([all[0]!.mul(Number.NaN)]).item()));
});

test('lists of different lengths are refused', () => {
  assert.throws(() => addList.run([numbers([2])], [], 1), /expected two lists of equal length, got 1 and 0 tensors/);
});
