// Fused units in bfloat16 against the composition in float64. Rounding changes a number by at most 2⁻⁸ of itself, and
// so a product by at most 2⁻⁷ + 2⁻¹⁶ of itself: sums of products may differ by this share of the sum of their
// magnitudes, plus 2⁻⁸ for the stored result, element by element.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ones, randn, tensor, zeros } from '../../src/engine/create.ts';
import { combine, concat, fanOut, fusedConvolution } from '../../src/engine/fused.ts';
import { gradients } from '../../src/engine/gradient.ts';
import { averagePool, depthwiseConv2d, maxPool, normaliseBatch } from '../../src/engine/kernels.ts';
import { setThreads, threads } from '../../src/engine/machine.ts';
import { noGrad, scope } from '../../src/engine/memory.ts';
import { conv2d, pad } from '../../src/engine/operators.ts';
import { manualSeed } from '../../src/engine/random.ts';
import type { Tensor } from '../../src/engine/tensor.ts';
import { testVersions } from './other-versions.ts';
import { type Case, cases, fused, movingOf, perUnit, reference, variable } from './unit-cases.ts';

const precision = 'bfloat16';
/** The error of two roundings, and of float32 in sums of up to 7,350 products. */
const ofProducts = 2 * 2 ** -8 + 2 ** -16 + 1e-5;
/** The same with the rounding of the result. */
const ofStored = ofProducts + 2 ** -8 * (1 + ofProducts);

/** Computes the convolutions of a case's first unit from input, filter and matrix. */
function convolution(of: Case, [input, filter, matrix]: Tensor[], relu: boolean): Tensor {
  const { kind, stride, padding, dilation, channels } = of.units[0]!;
  const padded = pad(relu ? input!.relu() : input!, padding);
  if (kind !== 'depthwise') return conv2d(padded, matrix!, { stride, dilation });
  return conv2d(conv2d(padded, filter!, { stride, dilation, groups: channels }), matrix!);
}

/** Asserts |got − expected| ≤ bound, element by element. */
function assertWithin(what: string, got: Tensor, expected: Tensor, bound: Tensor): void {
  const over = got.to('float64').sub(expected).abs().sub(bound).max().item() as number;
  assert.ok(over <= 1e-9, `${what}: ${over} beyond what rounding explains`);
}

test('convolutions and their gradients are those of float64 except for the rounding of products', () => {
  manualSeed(1);
  for (const [index, each] of [...cases('bf16 convolutions', 100)].entries()) {
    scope(() => {
      const what = JSON.stringify(each);
      const { kind, stride, padding, dilation, channels } = each.units[0]!;
      const images = randn([each.images, channels, each.height, each.width]).contiguous('channels_last');
      const stored = index % 2 === 0 ? 'float32' : 'bfloat16';
      const input = images.to('bfloat16').to(stored); // rounded before the unit
      const numbers = [input, ...perUnit(each.units[0]!).slice(0, 2)];
      const single = numbers.map(variable);
      const double = numbers.map((one) => variable(one.to('float64')));
      const magnitudes = numbers.map((one) => variable(one.to('float64').abs()));
      const window = { stride, padding, dilation, relu: each.relu };
      const depthwise = kind === 'depthwise' ? single[1]! : undefined;
      const result = fusedConvolution(single[0]!, { ...window, depthwise, weight: single[2]!, precision });
      const expected = convolution(each, double, each.relu);
      const bound = convolution(each, magnitudes, false);
      assert.equal(result.dtype, 'bfloat16');
      assertWithin(`${what}: result`, result, expected, bound.mul(ofStored));
      const outer = randn(result.shape).to('bfloat16').to('float64');
      const actual = gradients(result.mul(outer.to('bfloat16')).sum(), single);
      const right = gradients(expected.mul(outer).sum(), double);
      const bounds = gradients(bound.mul(outer.abs()).sum(), magnitudes);
      actual.forEach((gradient, index) => {
        if (!gradient) assert.equal(right[index], undefined, what);
        else assertWithin(`${what}: gradient ${index}`, gradient, right[index]!, bounds[index]!.mul(ofStored));
      });
    });
  }
});

/** Σ |a − b| / Σ |b| */
const distance = (one: Tensor, other: Tensor) =>
  (one.to('float64').sub(other).abs().sum().item() as number) / (other.abs().sum().item() as number);

test('chains of units with batch norms, their gradients and moving statistics are near those of float64', () => {
  manualSeed(2);
  const distances: number[] = [];
  for (const each of cases('bf16 units', 60)) {
    scope(() => {
      const what = JSON.stringify(each);
      const input = randn([each.images, each.units[0]!.channels, each.height, each.width]).contiguous('channels_last');
      const numbers = [input, ...each.units.flatMap(perUnit)];
      const [single, double] = [numbers.map(variable), numbers.map((one) => variable(one.to('float64')))] as const;
      const [ownMoving, moving] = [movingOf(each, 'float32'), movingOf(each, 'float64')];
      const result = fused(each, single[0]!, single.slice(1), ownMoving, true, precision);
      const expected = reference(each, double[0]!, double.slice(1), moving);
      assert.ok(distance(result, expected) < 0.01, `${what}: result off by ${distance(result, expected)}`);
      const outer = randn(result.shape);
      const actual = gradients(result.mul(outer).sum(), single);
      const right = gradients(expected.mul(outer.to('float64')).sum(), double);
      actual.forEach((gradient, index) => {
        if (gradient) distances.push(distance(gradient, right[index]!));
      });
      moving.flat().forEach((one, index) => {
        const off = ownMoving.flat()[index]!.to('float64').sub(one).abs().max().item() as number;
        assert.ok(off < 2 ** -6 * Math.max(1, one.abs().max().item() as number), `${what}: moving ${index}: ${off}`);
      });
      const evaluated = noGrad(() => fused(each, single[0]!, single.slice(1), ownMoving, false, precision));
      const recorded = fused(each, single[0]!, single.slice(1), ownMoving, false, precision);
      assert.ok(distance(evaluated, recorded.detach().to('float64')) < 0.01, `${what}: evaluation`);
    });
  }
  // A value near 0 may pass a ReLU on one side only, and sums over few channels may be near 0: single ones are far off.
  const mean = distances.reduce((sum, each) => sum + each, 0) / distances.length;
  assert.ok(
    mean < 0.02 && Math.max(...distances) < 0.3,
    `off by ${mean} on average, ${Math.max(...distances)} at most`,
  );
});

/** Operators that read and write 16 bits and compute in float32. */
const around: Record<string, (images: Tensor[], filter: Tensor) => Tensor> = {
  'the sum of two': ([one, other]) => combine(one!, other),
  'a concatenation': ([one, other]) => concat([one!, other!, one!]),
  'several readers': ([one]) => fanOut(one!, 3).reduce((sum, each) => concat([sum, each])),
  'an average pool': ([one]) => averagePool(one!, { kernel: [3, 3], padding: [1, 1, 1, 1] }),
  'an average pool of stride 2': ([one]) =>
    averagePool(one!, { kernel: [3, 3], stride: [2, 2], padding: [0, 1, 1, 1] }),
  'a max pool': ([one]) => maxPool(one!, { kernel: [3, 3], stride: [2, 2], padding: [1, 1, 1, 1] }),
  'a depthwise convolution': ([one], filter) => depthwiseConv2d(one!, filter, { padding: [1, 1, 1, 1] }),
  'one of stride 2 behind a ReLU': ([one], filter) => depthwiseConv2d(one!, filter, { stride: [2, 2], relu: true }),
};

for (const [name, run] of Object.entries(around)) {
  test(`${name} of bfloat16 is that of float32, rounded, and so are its gradients`, () => {
    manualSeed(7);
    for (const [images, channels, height, width] of [
      [1, 3, 7, 9],
      [3, 7, 8, 5],
      [2, 16, 6, 6],
      [2, 24, 9, 11],
      [2, 33, 5, 8],
    ] as const) {
      scope(() => {
        const draw = () => randn([images, channels, height, width]).to('bfloat16').contiguous('channels_last');
        const [inputs, filter] = [[draw(), draw()], randn([channels, 1, 3, 3])];
        const narrow = inputs.map(variable);
        const wide = inputs.map((each) => variable(each.to('float32')));
        const [result, expected] = [run(narrow, filter), run(wide, filter)];
        assert.equal(result.dtype, 'bfloat16');
        const bits = (tensor: Tensor | undefined) =>
          tensor?.detach().to('bfloat16').to('float32').contiguous().toArray();
        assert.deepEqual(bits(result), bits(expected));
        const outer = randn(result.shape).to('bfloat16').contiguous('channels_last');
        const actual = gradients(result.mul(outer).sum(), narrow);
        const right = gradients(expected.mul(outer.to('float32')).sum(), wide);
        actual.forEach((each, index) => {
          if (each) assert.equal(each.dtype, 'bfloat16');
          assert.deepEqual(bits(each), bits(right[index]));
        });
      });
    }
  });
}

test('a batch norm of bfloat16 is that of float32, rounded', () => {
  scope(() => {
    manualSeed(8);
    const images = randn([3, 7, 5, 6]).to('bfloat16').contiguous('channels_last');
    const norm = () => {
      const [movingMean, movingVariance] = [zeros([7]), ones([7])];
      return {
        weight: ones([7]),
        bias: zeros([7]),
        movingMean,
        movingVariance,
        training: true,
        momentum: 0.1,
        epsilon: 1e-5,
      };
    };
    const result = normaliseBatch(images, norm());
    const expected = normaliseBatch(images.to('float32'), norm());
    assert.deepEqual(result.to('float32').toArray(), expected.to('bfloat16').to('float32').toArray());
  });
});

test('numbers are rounded to the nearest, ties to even; NaN and infinity stay, subnormal numbers become 0', () => {
  const inputs = [1, 1.00390625, 1.01171875, 1.001, -3.1400001, 3.4e38, 1e-40, Number.POSITIVE_INFINITY, Number.NaN];
  const rounded = [1, 1, 1.015625, 1, -3.140625, Number.POSITIVE_INFINITY, 0, Number.POSITIVE_INFINITY, Number.NaN];
  const pixels = tensor(Float32Array.from(inputs), [inputs.length, 1, 1, 1]);
  const one = tensor(Float32Array.from([1]), [1, 1, 1, 1]);
  const window = { stride: [1, 1], padding: [0, 0, 0, 0], dilation: [1, 1], relu: false } as const;
  const actual = fusedConvolution(pixels, { ...window, weight: one, precision });
  assert.deepEqual([...(actual.to('float32').toArray() as Float32Array)], rounded);
});

test('the same seed gives the same bits, with one thread and with two', () => {
  const before = threads();
  try {
    const [of] = cases('bf16 bits', 1);
    scope(() => {
      manualSeed(5);
      const { channels } = of!.units[0]!;
      const numbers = [randn([of!.images, channels, of!.height, of!.width]), ...of!.units.flatMap(perUnit)].map(
        variable,
      );
      const bits = (count: number) => {
        setThreads(count);
        const result = fused(of!, numbers[0]!, numbers.slice(1), movingOf(of!, 'float32'), true, precision);
        return [result, ...gradients(result.pow(3).sum(), numbers)].map((each) =>
          each?.detach().contiguous().toArray(),
        );
      };
      assert.deepEqual(bits(1), bits(1));
      assert.deepEqual(bits(2), bits(2));
    });
  } finally {
    setThreads(before);
  }
});

test('every version of our kernels gives the same bits, also without the bfloat16 instruction', {
  skip: !!process.env.NASNET_KERNELS,
}, () => {
  const bits = (version: string) => {
    const env = { ...process.env, NASNET_KERNELS: version };
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [fileURLToPath(new URL('bf16-bits.ts', import.meta.url))],
      { env, encoding: 'utf8' },
    );
    assert.equal(status, 0, stderr);
    return stdout.trim().split('\n');
  };
  const best = bits('avx512bf16'); // or the best of this machine
  assert.ok(best.length > 20);
  for (const version of ['plain', 'avx2', 'avx512']) assert.deepEqual(bits(version), best, version);
});

testVersions(fileURLToPath(import.meta.url), ['plain', 'avx2']);
