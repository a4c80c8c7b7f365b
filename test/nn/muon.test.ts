// Muon over several steps, compared with plain TypeScript in float64: nasnet's operator in float32 and libtorch's in
// float64, which GPUs use; its state; what it leaves to momentum.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tensor, zeros } from '../../src/engine/create.ts';
import { setThreads, threads } from '../../src/engine/machine.ts';
import { liveTensors } from '../../src/engine/memory.ts';
import type { Tensor } from '../../src/engine/tensor.ts';
import { Muon, type MuonOptions } from '../../src/nn/muon.ts';
import { Momentum } from '../../src/nn/optimizers.ts';
import { RandomStream } from '../../src/random/stream.ts';

const options = { matrixRate: 0.5, iterations: 5, momentum: 0.8 } as const satisfies MuonOptions;
const rates = [0.2, 0.1, 0.3];

/** Weights of convolutions without a bias: wide, tall, square and with fewer inputs than a vector has numbers. */
const matrices = {
  'wide.weight': [6, 4, 3, 3],
  'tall.weight': [40, 5, 1, 3],
  'square.weight': [48, 48, 1, 1],
  'same.weight': [6, 4, 3, 3],
};
const others = {
  'depthwise.weight': [6, 1, 3, 3],
  'biased.weight': [3, 6, 1, 1],
  'biased.bias': [3],
  'auxiliary.full.weight': [12, 4, 2, 2],
  'linear.weight': [5, 6],
  'norm.scale': [6],
};

type Shapes = Readonly<Record<string, readonly number[]>>;
type DType = 'float32' | 'float64';

const numbersOf = (name: string, shape: readonly number[]) => {
  const random = new RandomStream(name);
  const size = shape.reduce((product, length) => product * length, 1);
  return Array.from({ length: size }, () => 2 * random.uniform() - 1);
};
const gradientOf = (name: string, step: number, shape: readonly number[]) => numbersOf(`${name} ${step}`, shape);

const parametersOf = (shapes: Shapes, dtype: DType) =>
  new Map(
    Object.entries(shapes).map(([name, shape]) => [
      name,
      tensor(numbersOf(name, shape), shape, { dtype, requiresGrad: true }),
    ]),
  );

function take(own: ReadonlyMap<string, Tensor>, optimizer: Muon | Momentum, step: number, rate: number | Tensor) {
  for (const [name, each] of own) {
    each.grad = tensor(gradientOf(name, step, each.shape), each.shape, { dtype: each.dtype as DType });
  }
  optimizer.step(rate);
}

const norm = (numbers: readonly number[]) => Math.sqrt(numbers.reduce((sum, each) => sum + each * each, 0));

/** [rows, depth] · [depth, columns], or with the other's transpose. */
function product(one: number[][], other: number[][], transposed = false): number[][] {
  const columns = transposed ? other.length : other[0]!.length;
  return one.map((row) =>
    Array.from({ length: columns }, (_, n) =>
      row.reduce((sum, value, k) => sum + value * (transposed ? other[n]![k]! : other[k]![n]!), 0),
    ),
  );
}

/** Newton-Schulz iterations by their definition, of rows that are no longer than columns or not. */
function orthogonal(matrix: number[][], iterations: number): number[][] {
  const size = norm(matrix.flat()) + 1e-7;
  let some = matrix.map((row) => row.map((each) => each / size));
  for (let iteration = 0; iteration < iterations; iteration++) {
    const gram = product(some, some, true);
    const [third, fifth] = [product(gram, some), product(gram, product(gram, some))];
    some = some.map((row, m) => row.map((x, n) => 3.4445 * x - 4.775 * third[m]![n]! + 2.0315 * fifth[m]![n]!));
  }
  return some;
}

/** Returns the weights of a matrix after all steps. */
function turned(name: string, shape: readonly number[]): number[] {
  const columns = numbersOf(name, shape).length / shape[0]!;
  let weight = numbersOf(name, shape);
  let velocity = weight.map(() => 0);
  for (const [step, rate] of rates.entries()) {
    const gradient = gradientOf(name, step, shape);
    velocity = velocity.map((each, place) => options.momentum * each + gradient[place]!);
    const direction = gradient.map((each, place) => each + options.momentum * velocity[place]!);
    const rows = Array.from({ length: shape[0]! }, (_, m) => direction.slice(m * columns, (m + 1) * columns));
    const turn = orthogonal(rows, options.iterations).flat();
    const size = norm(weight);
    const share = (rate * options.matrixRate * size) / Math.sqrt(Math.min(shape[0]!, columns));
    const moved = weight.map((each, place) => each - share * turn[place]!);
    weight = moved.map((each) => (each * size) / norm(moved));
  }
  return weight;
}

const apart = (got: Tensor, expected: readonly number[]) =>
  [...got.detach().toArray()].reduce((most, each, place) => Math.max(most, Math.abs(each - expected[place]!)), 0);

for (const [dtype, error] of [
  ['float32', 2e-6],
  ['float64', 1e-12],
] as const) {
  test(`in ${dtype} three steps turn each matrix as its definition says, and keep its norm`, () => {
    const own = parametersOf(matrices, dtype);
    using optimizer = new Muon(own, options);
    for (const [step, rate] of rates.entries()) take(own, optimizer, step, rate);
    assert.equal(optimizer.stepsTaken, rates.length);
    for (const [name, shape] of Object.entries(matrices)) {
      const expected = turned(name, shape);
      assert.ok(apart(own.get(name)!, expected) < error, `${name}: ${apart(own.get(name)!, expected)} apart`);
      assert.ok(apart(own.get(name)!, numbersOf(name, shape)) > 0.01, `${name} moves`);
      const size = norm([...own.get(name)!.detach().toArray()]);
      assert.ok(Math.abs(size / norm(numbersOf(name, shape)) - 1) < error, name);
    }
  });
}

test('a tensor as the learning rate gives the same turns as a number', () => {
  const [own, other] = [parametersOf(matrices, 'float64'), parametersOf(matrices, 'float64')];
  using numbers = new Muon(own, options);
  using tensors = new Muon(other, options);
  for (const [step, rate] of rates.entries()) {
    take(own, numbers, step, rate);
    take(other, tensors, step, tensor([rate], [], { dtype: 'float64' }));
  }
  for (const [name, each] of own) assert.ok(apart(other.get(name)!, [...each.detach().toArray()]) < 1e-12, name);
});

test('any number of threads gives the same bits', () => {
  const before = threads();
  const bits = [1, 2, 3].map((count) => {
    setThreads(count);
    const own = parametersOf(matrices, 'float32');
    using optimizer = new Muon(own, options);
    for (const [step, rate] of rates.entries()) take(own, optimizer, step, rate);
    return [...own.values()].map((each) => each.toBytes());
  });
  setThreads(before);
  assert.deepEqual(bits[1], bits[0]);
  assert.deepEqual(bits[2], bits[0]);
});

test('weights in channels_last memory, and gradients in another order than theirs, turn alike', () => {
  const shapes = { 'wide.weight': matrices['wide.weight'] };
  const own = parametersOf(shapes, 'float32');
  const last = own.get('wide.weight')!.detach().contiguous('channels_last');
  last.requiresGrad = true;
  const other = new Map([['wide.weight', last]]);
  using one = new Muon(own, options);
  using two = new Muon(other, options);
  for (const [step, rate] of rates.entries()) {
    take(own, one, step, rate);
    take(other, two, step, rate);
  }
  assert.deepEqual(last.strides, [36, 1, 12, 4]);
  assert.ok(apart(last, [...own.get('wide.weight')!.detach().toArray()]) < 2e-6);
});

test('depthwise and linear weights, those with a bias or of the auxiliary head, biases and norms have plain momentum, to the bit', () => {
  const groups = { momentum: 0.8, weightDecay: 0.1, biasRate: 2, rateOf: (name: string) => name.length / 10 };
  const own = parametersOf({ ...others, ...matrices }, 'float32');
  const plain = parametersOf(others, 'float32');
  using muon = new Muon(own, { ...options, ...groups });
  using momentum = new Momentum(plain, groups);
  for (const [step, rate] of rates.entries()) {
    take(own, muon, step, rate);
    take(plain, momentum, step, rate);
  }
  for (const [name, each] of plain) assert.deepEqual(own.get(name)!.toBytes(), each.toBytes(), name);
});

test('rates of their own reach the matrices, weight decay does not', () => {
  const turnedAt = (groups: Partial<MuonOptions>, rate: number) => {
    const own = parametersOf(matrices, 'float32');
    using optimizer = new Muon(own, { ...options, ...groups });
    take(own, optimizer, 0, rate);
    return [...own.values()].map((each) => each.toBytes());
  };
  const expected = turnedAt({}, 0.25);
  assert.deepEqual(turnedAt({ rateOf: () => 0.5 }, 0.5), expected);
  assert.deepEqual(turnedAt({ weightDecay: 0.3 }, 0.25), expected);
  assert.deepEqual(turnedAt({ matrixRate: 2 * options.matrixRate }, 0.125), expected);
});

for (const dtype of ['float32', 'float64'] as const) {
  test(`in ${dtype} a loaded state goes on with the same bits`, () => {
    const shapes = { ...matrices, ...others };
    const [own, other] = [parametersOf(shapes, dtype), parametersOf(shapes, dtype)];
    using through = new Muon(own, options);
    using before = new Muon(other, options);
    using after = new Muon(other, options);
    for (const [step, rate] of rates.entries()) take(own, through, step, rate);
    take(other, before, 0, rates[0]!);
    const saved = Object.fromEntries(Object.entries(before.state()).map(([name, state]) => [name, state.clone()]));
    after.load(saved, before.stepsTaken);
    for (const step of [1, 2]) take(other, after, step, rates[step]!);
    assert.equal(after.stepsTaken, 3);
    for (const [name, each] of own) assert.deepEqual(other.get(name)!.toBytes(), each.toBytes(), name);
    assert.deepEqual(
      Object.keys(through.state()).sort(),
      Object.keys(shapes)
        .map((name) => `momentum.${name}`)
        .sort(),
    );
  });
}

test('a state without a matrix is refused before anything changes', () => {
  const own = parametersOf({ ...matrices, ...others }, 'float32');
  using optimizer = new Muon(own, options);
  const { 'momentum.tall.weight': _, ...state } = optimizer.state();
  assert.throws(
    () => optimizer.load(state, 4),
    /optimizer state: momentum\.tall\.weight: expected the shape \[40,5,1,3\], got none/,
  );
  assert.equal(optimizer.stepsTaken, 0);
});

for (const dtype of ['float32', 'float64'] as const) {
  test(`in ${dtype} a matrix without a gradient and one with a gradient of zeros do not change`, () => {
    const own = parametersOf(matrices, dtype);
    const before = new Map([...own].map(([name, each]) => [name, each.toBytes()]));
    using optimizer = new Muon(own, options);
    own.get('tall.weight')!.grad = zeros([40, 5, 1, 3], { dtype });
    own.get('wide.weight')!.grad = tensor(gradientOf('', 0, [6, 4, 3, 3]), [6, 4, 3, 3], { dtype });
    optimizer.step(0.2);
    const changed = [...own].filter(([name, each]) => Buffer.compare(before.get(name)!, each.toBytes()) !== 0);
    assert.deepEqual(
      changed.map(([name]) => name),
      ['wide.weight'],
    );
  });
}

for (const dtype of ['float32', 'float64'] as const) {
  test(`in ${dtype} a weight of zeros stays, and a gradient of NaN is not hidden`, () => {
    const shape = [6, 4, 3, 3];
    const own = new Map(
      ['zeros.weight', 'broken.weight'].map((name) => [
        name,
        tensor(name === 'zeros.weight' ? Array(216).fill(0) : numbersOf(name, shape), shape, {
          dtype,
          requiresGrad: true,
        }),
      ]),
    );
    using optimizer = new Muon(own, options);
    own.get('zeros.weight')!.grad = tensor(gradientOf('', 0, shape), shape, { dtype });
    own.get('broken.weight')!.grad = tensor([Number.NaN, ...Array(215).fill(1)], shape, { dtype });
    optimizer.step(0.2);
    assert.ok([...own.get('zeros.weight')!.detach().toArray()].every((each) => Number(each) === 0));
    assert.ok([...own.get('broken.weight')!.detach().toArray()].every((each) => Number.isNaN(Number(each))));
  });
}

test('an optimizer frees what it made', () => {
  const own = parametersOf({ ...matrices, ...others }, 'float32');
  const before = liveTensors();
  const optimizer = new Muon(own, options);
  assert.equal(liveTensors() - before, own.size);
  optimizer.step(0.1);
  optimizer.step(tensor([0.1], []));
  optimizer.dispose();
  assert.equal(liveTensors(), before + 1); // the rate
});
