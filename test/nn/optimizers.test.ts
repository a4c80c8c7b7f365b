// Optimizers over several steps, compared with unrolled sums in plain TypeScript; their state; clipping.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ones, tensor } from '../../src/engine/create.ts';
import { backward } from '../../src/engine/gradient.ts';
import { liveTensors, noGrad, scope } from '../../src/engine/memory.ts';
import type { Tensor } from '../../src/engine/tensor.ts';
import { InputError } from '../../src/failure.ts';
import { Adam, clipByGlobalNorm, Momentum, RMSProp } from '../../src/nn/optimizers.ts';
import { cosine } from '../../src/nn/schedules.ts';
import { RandomStream } from '../../src/random/stream.ts';

const float64 = { dtype: 'float64', requiresGrad: true } as const;
const steps = 7;
const rates = [0.1, 0.1, 0.05, 0.2, 0.01, 0.1, 0.3];

/** A matrix and a bias; weight decay applies to the matrix only. */
const parameters = () =>
  new Map([
    ['matrix', tensor([0.5, -1.5, 2, 1], [2, 2], float64)],
    ['bias', tensor([1, -1], [2], float64)],
  ]);
const gradientOf = (name: string, step: number, size: number) => {
  const random = new RandomStream(`${name} ${step}`);
  return Array.from({ length: size }, () => 4 * random.uniform() - 2);
};
const gradientTensor = (name: string, step: number, { size, shape }: Tensor) =>
  tensor(gradientOf(name, step, size), shape, { dtype: 'float64' });

function stepWithGradients(own: Map<string, Tensor>, optimizer: { step: (rate: number) => void }, step: number): void {
  for (const [name, each] of own) each.grad = gradientTensor(name, step, each);
  optimizer.step(rates[step]!);
}

/** Returns the update of one weight at a step from all its gradients so far (including weight decay). */
type Rule = (gradients: number[]) => number;

const sum = (count: number, term: (index: number) => number) =>
  Array.from({ length: count }, (_, index) => term(index)).reduce((total, each) => total + each, 0);
/** Σ factor^(last − i) · term(i) over i = 0 … last. */
const fading = (last: number, factor: number, term: (index: number) => number) =>
  sum(last + 1, (i) => factor ** (last - i) * term(i));

const rules: Record<
  string,
  {
    make: (own: Map<string, Tensor>) => Momentum | RMSProp | Adam;
    rule: Rule;
    /** L2 of the matrix, or what is taken off it at every step times the rate. */
    decay?: number;
    decoupled?: number;
    /** Learning rate of the bias, as a multiple of the matrix's. */
    biasRate?: number;
  }
> = {
  'momentum 0.9 with Nesterov’s look ahead, the default': {
    make: (own) => new Momentum(own),
    rule: (g) => rates[g.length - 1]! * (g.at(-1)! + 0.9 * fading(g.length - 1, 0.9, (i) => g[i]!)),
  },
  'plain momentum': {
    make: (own) => new Momentum(own, { momentum: 0.5, nesterov: false }),
    rule: (g) => rates[g.length - 1]! * fading(g.length - 1, 0.5, (i) => g[i]!),
  },
  'momentum with L2': {
    make: (own) => new Momentum(own, { weightDecay: 0.1 }),
    rule: (g) => rates[g.length - 1]! * (g.at(-1)! + 0.9 * fading(g.length - 1, 0.9, (i) => g[i]!)),
    decay: 0.1,
  },
  'momentum with decoupled weight decay and a rate of its own for biases': {
    make: (own) => new Momentum(own, { weightDecay: 0.3, decoupled: true, biasRate: 4 }),
    rule: (g) => rates[g.length - 1]! * (g.at(-1)! + 0.9 * fading(g.length - 1, 0.9, (i) => g[i]!)),
    decoupled: 0.3,
    biasRate: 4,
  },
  RMSProp: {
    make: (own) => new RMSProp(own, { decay: 0.8, momentum: 0.6, epsilon: 0.5 }),
    rule: (g) => {
      const square = (t: number) => 0.8 ** (t + 1) + 0.2 * fading(t, 0.8, (i) => g[i]! ** 2); // starts at 1
      return fading(g.length - 1, 0.6, (t) => (rates[t]! * g[t]!) / Math.sqrt(square(t) + 0.5));
    },
  },
  'RMSProp with L2': {
    make: (own) => new RMSProp(own, { decay: 0.9, momentum: 0, epsilon: 1, weightDecay: 0.3 }),
    rule: (g) => {
      const square = 0.9 ** g.length + 0.1 * fading(g.length - 1, 0.9, (i) => g[i]! ** 2);
      return (rates[g.length - 1]! * g.at(-1)!) / Math.sqrt(square + 1);
    },
    decay: 0.3,
  },
  'RMSProp with a rate of its own for biases': {
    make: (own) => new RMSProp(own, { decay: 0.9, momentum: 0, epsilon: 1, biasRate: 0.5 }),
    rule: (g) => {
      const square = 0.9 ** g.length + 0.1 * fading(g.length - 1, 0.9, (i) => g[i]! ** 2);
      return (rates[g.length - 1]! * g.at(-1)!) / Math.sqrt(square + 1);
    },
    biasRate: 0.5,
  },
  Adam: {
    make: (own) => new Adam(own, { beta1: 0.8, beta2: 0.95, epsilon: 1e-3 }),
    rule: (g) => {
      const mean = (0.2 * fading(g.length - 1, 0.8, (i) => g[i]!)) / (1 - 0.8 ** g.length);
      const square = (0.05 * fading(g.length - 1, 0.95, (i) => g[i]! ** 2)) / (1 - 0.95 ** g.length);
      return (rates[g.length - 1]! * mean) / (Math.sqrt(square) + 1e-3);
    },
  },
  'Adam with L2 in the gradient': {
    make: (own) => new Adam(own, { weightDecay: 0.2 }),
    rule: (g) => {
      const mean = (0.1 * fading(g.length - 1, 0.9, (i) => g[i]!)) / (1 - 0.9 ** g.length);
      const square = (0.001 * fading(g.length - 1, 0.999, (i) => g[i]! ** 2)) / (1 - 0.999 ** g.length);
      return (rates[g.length - 1]! * mean) / (Math.sqrt(square) + 1e-8);
    },
    decay: 0.2,
  },
  'Adam with decoupled weight decay (Loshchilov and Hutter) and a rate of its own for biases': {
    make: (own) => new Adam(own, { weightDecay: 0.2, decoupled: true, biasRate: 3 }),
    rule: (g) => {
      const mean = (0.1 * fading(g.length - 1, 0.9, (i) => g[i]!)) / (1 - 0.9 ** g.length);
      const square = (0.001 * fading(g.length - 1, 0.999, (i) => g[i]! ** 2)) / (1 - 0.999 ** g.length);
      return (rates[g.length - 1]! * mean) / (Math.sqrt(square) + 1e-8);
    },
    decoupled: 0.2,
    biasRate: 3,
  },
};

for (const [name, { make, rule, decay = 0, decoupled = 0, biasRate = 1 }] of Object.entries(rules)) {
  test(`${name}: seven steps with changing rates equal the unrolled sums`, () => {
    const own = parameters();
    const optimizer = make(own);
    const expected = new Map([...own].map(([each, weights]) => [each, [...weights.detach().toArray()]]));
    const seen = new Map(
      [...own].map(([each, weights]) => [each, Array.from({ length: weights.size }, (): number[] => [])]),
    );
    for (let step = 0; step < steps; step++) {
      stepWithGradients(own, optimizer, step);
      for (const [each, weights] of expected) {
        gradientOf(each, step, weights.length).forEach((gradient, place) => {
          const history = seen.get(each)![place]!;
          history.push(gradient + (each === 'matrix' ? decay : 0) * weights[place]!);
          if (each === 'matrix') weights[place]! *= 1 - rates[step]! * decoupled;
          weights[place]! -= (each === 'bias' ? biasRate : 1) * rule(history);
        });
        own
          .get(each)!
          .detach()
          .toArray()
          .forEach((got, place) => {
            assert.ok(
              Math.abs(got - weights[place]!) < 1e-12,
              `${each}[${place}] after step ${step}: ${got}, ${weights[place]}`,
            );
          });
      }
    }
    assert.equal(optimizer.stepsTaken, steps);
  });

  test(`${name}: a loaded state continues with the same bits as an uninterrupted run`, () => {
    const [own, other] = [parameters(), parameters()];
    const [through, before, after] = [make(own), make(other), make(other)];
    for (let step = 0; step < steps; step++) stepWithGradients(own, through, step);
    for (let step = 0; step < 3; step++) stepWithGradients(other, before, step);
    const saved = Object.fromEntries(Object.entries(before.state()).map(([each, state]) => [each, state.clone()]));
    after.load(saved, before.stepsTaken);
    for (let step = 3; step < steps; step++) stepWithGradients(other, after, step);
    for (const [each, weights] of own) assert.deepEqual(other.get(each)!.toBytes(), weights.toBytes());
    for (const [each, state] of Object.entries(through.state()))
      assert.deepEqual(after.state()[each]!.toBytes(), state.toBytes());
  });
}

for (const [name, { make }] of Object.entries(rules)) {
  test(`${name}: a tensor as the learning rate gives the same updates as a number, also after numbers and after a load`, () => {
    const [own, other, third] = [parameters(), parameters(), parameters()];
    const [numbers, tensors, loaded] = [make(own), make(other), make(third)];
    const onDevice = (rate: number) => tensor([rate], [], { dtype: 'float64' });
    for (let step = 0; step < steps; step++) {
      stepWithGradients(own, numbers, step);
      const mixed = { step: (rate: number) => tensors.step(step === 2 || step === 3 ? rate : onDevice(rate)) };
      stepWithGradients(other, mixed, step);
      assert.ok(apart(own, other) < 1e-12, `${apart(own, other)} apart after step ${step}`);
    }
    assert.equal(tensors.stepsTaken, steps);
    loaded.step(onDevice(0.1)); // starts a step count, which the load replaces
    loaded.load(tensors.state(), tensors.stepsTaken);
    for (const [each, weights] of third) noGrad(() => weights.copy_(own.get(each)!));
    stepWithGradients(own, numbers, 0);
    stepWithGradients(third, { step: (rate) => loaded.step(onDevice(rate)) }, 0);
    assert.ok(apart(own, third) < 1e-12, `${apart(own, third)} apart after the load`);
  });
}

function apart(one: ReadonlyMap<string, Tensor>, other: ReadonlyMap<string, Tensor>): number {
  const numbers = (own: ReadonlyMap<string, Tensor>) =>
    [...own.values()].flatMap((each) => [...each.detach().toArray()]);
  const others = numbers(other);
  return Math.max(...numbers(one).map((value, place) => Math.abs(value - others[place]!)));
}

test('a parameter without a gradient and its state do not change', () => {
  for (const Kind of [Momentum, RMSProp, Adam]) {
    const own = parameters();
    const optimizer = new Kind(own, { weightDecay: 0.1 });
    own.get('bias')!.grad = ones([2], { dtype: 'float64' });
    const state = optimizer.state();
    const resting = Object.keys(state).filter((name) => name.endsWith('.matrix'));
    const before = resting.map((name) => state[name]!.toBytes());
    optimizer.step(0.1);
    assert.deepEqual([...own.get('matrix')!.detach().toArray()], [0.5, -1.5, 2, 1]);
    assert.notDeepEqual([...own.get('bias')!.detach().toArray()], [1, -1]);
    assert.deepEqual(
      resting.map((name) => state[name]!.toBytes()),
      before,
    );
    own.get('bias')!.grad = undefined;
    optimizer.step(0.1); // no parameter has a gradient
  }
});

for (const [name, { make }] of Object.entries(rules)) {
  test(`${name}: a parameter that had no gradient for three steps then moves as in a new training`, () => {
    for (const rateOf of [(rate: number) => rate, (rate: number) => tensor([rate], [], { dtype: 'float64' })]) {
      const [late, early] = [parameters(), parameters()];
      const [thawed, fresh] = [make(late), make(early)];
      for (let step = 0; step < steps; step++) {
        for (const [each, own] of late)
          own.grad = step < 3 && each === 'matrix' ? undefined : gradientTensor(each, step, own);
        thawed.step(rateOf(rates[step]!));
        if (step < 3) continue;
        const matrix = early.get('matrix')!;
        matrix.grad = gradientTensor('matrix', step, matrix);
        fresh.step(rateOf(rates[step]!));
        assert.deepEqual(late.get('matrix')!.toBytes(), matrix.toBytes());
      }
    }
  });
}

test('Adam moves by its rate at every step of a constant gradient, after 1,500 steps without one too', () => {
  const own = parameters();
  const optimizer = new Adam(own);
  own.get('bias')!.grad = ones([2], { dtype: 'float64' });
  for (let step = 0; step < 1500; step++) optimizer.step(0.1);
  own.get('matrix')!.grad = ones([2, 2], { dtype: 'float64' });
  for (let step = 0; step < 40; step++) {
    const before = own.get('matrix')!.detach().toArray()[0]!;
    optimizer.step(0.1);
    const moved = before - own.get('matrix')!.detach().toArray()[0]!;
    assert.ok(Math.abs(moved / 0.1 - 1) < 1e-6, `step ${step + 1}: ${moved}`);
  }
});

test('Adam counts the replays of a captured step in which a parameter rests, and stores them', () => {
  const [own, other] = [parameters(), parameters()];
  const [stepped, replayed, loaded] = [new Adam(own), new Adam(other), new Adam(other)];
  own.get('bias')!.grad = ones([2], { dtype: 'float64' });
  other.get('bias')!.grad = ones([2], { dtype: 'float64' });
  for (let step = 0; step < 3; step++) stepped.step(0.1);
  replayed.step(0.1);
  for (let step = 0; step < 2; step++) replayed.replayed();
  const missed = ({ missed }: Record<string, Tensor>) => [...missed!.toArray()];
  assert.deepEqual(missed(stepped.state()), [3, 0]);
  assert.deepEqual(missed(replayed.state()), [3, 0]);
  loaded.load(replayed.state(), replayed.stepsTaken);
  loaded.step(0.1);
  assert.deepEqual(missed(loaded.state()), [4, 0]);
  noGrad(() => loaded.state().missed!.copy_(tensor([2, 1]))); // as replicas receive the state of the first one
  loaded.load(loaded.state(), 4);
  loaded.step(0.1);
  assert.deepEqual(missed(loaded.state()), [3, 1]);
});

test('a state of Adam from before it counted missed steps goes on as it did', () => {
  const own = parameters();
  const optimizer = new Adam(own);
  own.get('bias')!.grad = ones([2], { dtype: 'float64' });
  optimizer.step(0.1);
  const { missed: _, ...older } = optimizer.state();
  optimizer.check(older);
  optimizer.load(older, 7);
  assert.equal(optimizer.stepsTaken, 7);
  assert.deepEqual([...optimizer.state().missed!.toArray()], [0, 0]);
});

test('state tensors are named after their slot and parameter', () => {
  const names = (optimizer: Momentum | RMSProp | Adam) => Object.keys(optimizer.state());
  assert.deepEqual(names(new Momentum(parameters())), ['momentum.matrix', 'momentum.bias']);
  assert.deepEqual(names(new RMSProp(parameters())), [
    'square.matrix',
    'square.bias',
    'momentum.matrix',
    'momentum.bias',
  ]);
  assert.deepEqual(names(new Adam(parameters())), [
    'mean.matrix',
    'mean.bias',
    'square.matrix',
    'square.bias',
    'missed',
  ]);
});

test('a state that does not fit is refused in one sentence', () => {
  const optimizer = new Momentum(parameters());
  const { 'momentum.bias': bias, 'momentum.matrix': matrix } = optimizer.state();
  const refuse = (state: Record<string, Tensor>, sentence: string) =>
    assert.throws(() => optimizer.load(state, 1), new InputError(sentence));
  refuse({ 'momentum.matrix': matrix! }, 'optimizer state: momentum.bias: expected the shape [2], got none');
  refuse(
    { 'momentum.matrix': bias!, 'momentum.bias': bias! },
    'optimizer state: momentum.matrix: expected the shape [2,2], got [2]',
  );
  assert.equal(optimizer.stepsTaken, 0);
});

test('an optimizer has one state tensor per slot and parameter, Adam one more, and none after dispose', () => {
  const own = parameters();
  const before = liveTensors();
  const [momentum, adam] = [new Momentum(own), scope(() => new Adam(own))];
  assert.equal(liveTensors() - before, 2 + 5);
  for (const state of Object.values(adam.state())) assert.ok(!state.requiresGrad);
  for (let step = 0; step < 3; step++) {
    scope(() => backward(own.get('matrix')!.square().sum()));
    momentum.step(0.1);
    adam.step(0.1);
  }
  assert.equal(liveTensors() - before, 2 + 5);
  for (let step = 0; step < 3; step++) scope(() => adam.step(tensor([0.1], [])));
  assert.equal(liveTensors() - before, 2 + 5 + 1, 'with rates on the device Adam counts its steps there');
  momentum.dispose();
  adam.dispose();
  assert.equal(liveTensors(), before);
});

test('momentum state has the memory order of its parameter', () => {
  const weight = ones([2, 3, 2, 2]).contiguous('channels_last');
  weight.requiresGrad = true;
  const { 'momentum.weight': velocity } = new Momentum(new Map([['weight', weight]])).state();
  assert.deepEqual(velocity!.strides, [12, 1, 6, 3]);
});

test('clipping scales all gradients by one factor to the maximum norm, and returns the norm before', () => {
  const own = [...parameters().values()];
  const set = (factor: number) => {
    own[0]!.grad = tensor([factor, 0, 0, 2 * factor], [2, 2], { dtype: 'float64' });
    own[1]!.grad = tensor([0, -2 * factor], [2], { dtype: 'float64' }); // norm 3 · factor
  };
  set(10);
  const before = liveTensors();
  const norm = clipByGlobalNorm(own, 5);
  assert.equal(liveTensors() - before, 1);
  assert.ok(Math.abs(norm.item() - 30) < 1e-12);
  const clipped = own.flatMap((each) => [...each.grad!.toArray()]);
  [10, 0, 0, 20, 0, -20].forEach((gradient, place) => {
    assert.ok(Math.abs(clipped[place]! - gradient / 6) < 1e-12);
  });
});

test('a norm beyond the numbers of float32 is infinite', () => {
  const weight = ones([3], { requiresGrad: true });
  weight.grad = tensor([3e38, 3e38, 0]);
  assert.equal(clipByGlobalNorm([weight], 5).item(), Number.POSITIVE_INFINITY);
});

test('clipping does not change a bit of smaller gradients, for any maximum', () => {
  const weight = ones([3], { requiresGrad: true });
  for (const maximum of [3, 5, 49, 0.1 + 0.2, 1e-3, 1e6]) {
    weight.grad = tensor([0.1, 0.7, 0.3]).mul(maximum * 0.9);
    const before = weight.grad!.toBytes();
    const norm = clipByGlobalNorm([weight], maximum).item();
    assert.ok(norm < maximum);
    assert.deepEqual(weight.grad!.toBytes(), before);
  }
});

test('the norm of gradients with NaN is NaN, that of no gradients 0', () => {
  const weight = ones([2], { requiresGrad: true });
  assert.equal(clipByGlobalNorm([weight], 1).item(), 0);
  weight.grad = tensor([Number.NaN, 1]);
  assert.ok(Number.isNaN(clipByGlobalNorm([weight], 1).item()));
  weight.grad = tensor([Infinity, 1]);
  assert.equal(clipByGlobalNorm([weight], 1).item(), Infinity);
});

test('each optimizer finds the minimum of a parabola', () => {
  for (const optimizerOf of [
    (own: Map<string, Tensor>) => new Momentum(own),
    (own: Map<string, Tensor>) => new RMSProp(own),
    (own: Map<string, Tensor>) => new Adam(own),
  ]) {
    const weight = tensor([5, -3], [2], float64);
    const optimizer = optimizerOf(new Map([['weight', weight]]));
    const rate = cosine(0.1, 600);
    for (let step = 0; step < 600; step++) {
      scope(() => {
        weight.grad = undefined;
        backward(
          weight
            .sub(tensor([1, 2], [2], { dtype: 'float64' }))
            .square()
            .sum(),
        );
        optimizer.step(rate(step));
      });
    }
    const distance = noGrad(() =>
      weight
        .sub(tensor([1, 2], [2], { dtype: 'float64' }))
        .norm()
        .item(),
    );
    assert.ok(distance < 1e-3, `${optimizer.constructor.name} stopped ${distance} away`);
  }
});
