// The engine on a GPU against itself on the CPU: every operator of the table, our operators' fallbacks, running out of
// memory.
// Everything is float64, so that a GPU's faster float32 products have no effect.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { rand, randn, tensor, zeros } from '../../src/engine/create.ts';
import { deviceMemory } from '../../src/engine/device.ts';
import { combine, concat, fanOut } from '../../src/engine/fused.ts';
import { backward } from '../../src/engine/gradient.ts';
import { averagePool, depthwiseConv2d, maxPool, normaliseBatch } from '../../src/engine/kernels.ts';
import { scope } from '../../src/engine/memory.ts';
import { generatorState, manualSeed, setGeneratorState } from '../../src/engine/random.ts';
import type { Tensor } from '../../src/engine/tensor.ts';
import { RandomStream } from '../../src/random/stream.ts';
import type { Definition } from './definition.ts';
import { elementwise } from './elementwise.ts';
import { gpu, withoutGpu } from './gpu.ts';
import { images } from './images.ts';
import { reductions } from './reductions.ts';

const skip = withoutGpu;

function close(actual: Tensor, expected: Tensor, what: string): void {
  const [one, other] = [actual.toArray(), expected.toArray()];
  assert.deepEqual(actual.shape, expected.shape, what);
  one.forEach((value, place) => {
    const difference = Math.abs(value - other[place]!);
    assert.ok(
      difference <= 1e-9 * (1 + Math.abs(other[place]!)) || Object.is(value, other[place]),
      `${what}: ${value}, ${other[place]}`,
    );
  });
}

/** Returns the same numbers on both devices, which require gradients. */
function pair(
  shape: readonly number[],
  [low, high]: readonly [number, number],
  random: RandomStream,
): [Tensor, Tensor] {
  const size = shape.reduce((product, length) => product * length, 1);
  const numbers = Float64Array.from({ length: size }, () => low + (high - low) * random.uniform());
  return ['cpu', gpu].map((device) => tensor(numbers, shape, { device, requiresGrad: true })) as [Tensor, Tensor];
}

function compare({ inputs, range = [-1, 1], engine, name, gradient = true }: Definition): void {
  const random = new RandomStream(name);
  scope(() => {
    const pairs = inputs.map((shape) => pair(shape, range, random));
    const results = [0, 1].map((side) => engine(...pairs.map((both) => both[side]!)));
    if (inputs.length > 0) assert.equal(results[1]!.device, gpu, name);
    close(results[1]!.detach(), results[0]!.detach(), name);
    if (!gradient) return;
    for (const result of results) backward(result, { gradient: result.detach() });
    for (const [onCpu, onGpu] of pairs) if (onCpu.grad) close(onGpu.grad!, onCpu.grad, `${name}, gradient`);
  });
}

/** Operators whose use in the table needs numbers of the host. */
const mixed: string[] = [];

for (const definition of [...elementwise, ...reductions, ...images]) {
  test(`${definition.name} on a GPU is what it is on the CPU`, { skip }, (context) => {
    try {
      compare(definition);
    } catch (error) {
      if (!/same device|indices should be either on/.test((error as Error).message)) throw error;
      mixed.push(definition.name);
      context.skip('its use holds a tensor of the CPU');
    }
  });
}

after(() => assert.ok(mixed.length <= 12, `too many compare nothing: ${mixed.join(', ')}`));

const window = { kernel: [3, 3], stride: [2, 2], padding: [0, 1, 0, 1] } as const;
const ours: Record<string, (images: Tensor, weight: Tensor, more: Tensor) => Tensor> = {
  'depthwise convolution with ReLU': (input, weight) =>
    depthwiseConv2d(input, weight, { padding: [1, 1, 1, 1], stride: [2, 2], relu: true }),
  'average pool': (input) => averagePool(input, window),
  'max pool': (input) => maxPool(input, window),
  'batch norm in training': (input, _, { device }) => {
    const [weight, bias] = [1.5, -0.5].map((value) => tensor(new Float64Array(6).fill(value), [6], { device }));
    const [movingMean, movingVariance] = [0, 1].map((value) =>
      tensor(new Float64Array(6).fill(value), [6], { device }),
    );
    const options = { weight: weight!, bias: bias!, movingMean: movingMean!, movingVariance: movingVariance! };
    return normaliseBatch(input, { ...options, training: true, momentum: 0.1, epsilon: 1e-5 });
  },
  'sum, concatenation and readers': (input, _, more) => {
    const [one, other] = fanOut(input, 2);
    return concat([combine(one!, more), other!]);
  },
};

for (const [name, engine] of Object.entries(ours)) {
  test(`our ${name} on a GPU is libtorch's on the CPU`, { skip }, () => {
    const inputs = [
      [2, 6, 9, 9],
      [6, 1, 3, 3],
      [2, 6, 9, 9],
    ];
    const shape: number[] = [];
    compare({ name, inputs, engine: engine as Definition['engine'], shape, element: () => () => 0 });
  });
}

test('a seed determines a GPU’s random numbers, and its generator continues from a saved state', { skip }, () => {
  const draw = () => scope(() => [...rand([5], { device: gpu }).toArray()]);
  manualSeed(7);
  const first = draw();
  const state = generatorState(gpu);
  const second = draw();
  setGeneratorState(state, gpu);
  assert.deepEqual(draw(), second);
  manualSeed(7);
  assert.deepEqual(draw(), first);
});

test('a GPU out of memory is an error of that kind, and the engine still works', {
  skip: skip || gpu === 'cpu',
}, () => {
  const { total } = deviceMemory(gpu)!;
  assert.throws(
    () => zeros([total], { device: gpu }), // four times its memory
    (error: Error & { kind?: string }) => error.kind === 'out-of-memory' && /out of memory/.test(error.message),
  );
  assert.equal(
    scope(() => randn([3], { device: gpu }).isFinite().all().item()),
    1,
  );
});
