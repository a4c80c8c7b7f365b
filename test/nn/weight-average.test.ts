// The moving average of weights against its unrolled sum.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tensor } from '../../src/engine/create.ts';
import { liveTensors, noGrad, scope } from '../../src/engine/memory.ts';
import { InputError } from '../../src/failure.ts';
import { WeightAverage } from '../../src/nn/weight-average.ts';

const values = [
  [1, -2],
  [3, 0.5],
  [-1, 4],
  [2, 2],
];
const shares = [0.9, 0.5, 0.25];

const fresh = () => tensor(values[0]!, [2], { dtype: 'float64', requiresGrad: true });

/** The average of a tensor that has had all values, by numbers or by tensors. */
function averaged(shareOf: (share: number) => Parameters<WeightAverage['add']>[0]) {
  const weight = fresh();
  const average = new WeightAverage({ weight });
  shares.forEach((share, step) => {
    noGrad(() => weight.copy_(tensor(values[step + 1]!, [2], { dtype: 'float64' })));
    average.add(shareOf(share));
  });
  return { weight, average };
}

/** Every value counts with its share of what the later ones leave. */
const expected = [0, 1].map((place) =>
  values.reduce((sum, value, index) => {
    const left = shares.slice(index).reduce((product, share) => product * (1 - share), 1);
    return sum + left * (index === 0 ? 1 : shares[index - 1]!) * value[place]!;
  }, 0),
);

for (const [kind, shareOf] of [
  ['numbers', (share: number) => share],
  ['tensors of the device', (share: number) => tensor([share], [], { dtype: 'float64' })],
] as const) {
  test(`by ${kind} the average is the sum of all values, each with its share of what the later ones leave`, () => {
    using average = averaged(shareOf).average;
    for (const [place, value] of average.state().weight!.toArray().entries()) {
      assert.ok(Math.abs(value - expected[place]!) < 1e-14, `${value}, not ${expected[place]}`);
    }
  });
}

test('swapped, the network has the averages; swapped again, its values to the bit', () => {
  const { weight, average } = averaged((share) => share);
  const [value, mean] = [weight.toBytes(), average.state().weight!.toBytes()];
  average.swap();
  assert.deepEqual(weight.toBytes(), mean);
  assert.ok(weight.requiresGrad);
  average.swap();
  assert.deepEqual(weight.toBytes(), value);
  assert.deepEqual(average.state().weight!.toBytes(), mean);
  average[Symbol.dispose]();
});

test('a saved average goes on elsewhere; one of other tensors is refused by name', () => {
  using one = averaged((share) => share).average;
  using other = new WeightAverage({ weight: fresh() });
  other.load(one.state());
  assert.deepEqual(other.state().weight!.toBytes(), one.state().weight!.toBytes());
  assert.throws(() => other.load({}), new InputError('averaged weights: weight: expected the shape [2], got none'));
});

test('an average leaves no tensor behind', () => {
  const weight = fresh();
  const before = liveTensors();
  {
    using average = new WeightAverage({ weight });
    scope(() => average.add(0.5));
    average.swap();
  }
  assert.equal(liveTensors(), before);
});
