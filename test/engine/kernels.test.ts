// Our kernels against libtorch's operators in float64, over random shapes that are no multiples of vector widths:
// values to 1e-6, gradients to 1e-5, relative to the largest element. The reference pads by hand, independently of the
// kernels.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ones, randn, tensor, zeros } from '../../src/engine/create.ts';
import { backward, gradients } from '../../src/engine/gradient.ts';
import { averagePool, depthwiseConv2d, maxPool, normaliseBatch } from '../../src/engine/kernels.ts';
import { setThreads, threads } from '../../src/engine/machine.ts';
import { noGrad, scope } from '../../src/engine/memory.ts';
import { avgPool2d, batchNorm, conv2d, maxPool2d, pad } from '../../src/engine/operators.ts';
import { manualSeed } from '../../src/engine/random.ts';
import type { Tensor } from '../../src/engine/tensor.ts';
import { RandomStream } from '../../src/random/stream.ts';
import { testVersions } from './other-versions.ts';

interface Case {
  images: number;
  channels: number;
  height: number;
  width: number;
  kernel: [number, number];
  stride: [number, number];
  dilation: [number, number];
  padding: [number, number, number, number];
}

const channelCounts = [1, 3, 4, 7, 8, 16, 24, 33];

/**
 * Returns shapes from a single pixel to a few rows of vectors; every window of a pool contains a pixel, without
 * dilation.
 */
function* cases(seed: string, count: number, pools: boolean): Generator<Case> {
  const random = new RandomStream(seed);
  const among = <T>(values: readonly T[]): T => values[random.integer(values.length)]!;
  const axis = () => {
    const [kernel, stride] = [among([1, 2, 3, 3, 5, 5, 7, 7]), among([1, 1, 2])];
    const dilation = pools ? 1 : among([1, 1, 2]);
    const reach = (kernel - 1) * dilation;
    const pad = () => (pools ? random.integer((reach >> 1) + 1) : random.integer(reach + 2) - 1); // −1 cuts off
    const [before, after] = [pad(), pad()];
    return {
      kernel,
      stride,
      dilation,
      before,
      after,
      size: Math.max(1 + random.integer(20), reach + 1 - before - after, 3),
    };
  };
  for (let index = 0; index < count; index++) {
    const [rows, columns] = [axis(), axis()];
    yield {
      images: 1 + random.integer(3),
      channels: channelCounts[index % channelCounts.length]!,
      height: rows.size,
      width: columns.size,
      kernel: [rows.kernel, columns.kernel],
      stride: [rows.stride, columns.stride],
      dilation: [rows.dilation, columns.dilation],
      padding: [rows.before, rows.after, columns.before, columns.after],
    };
  }
}

const images = ({ images, channels, height, width }: Case) =>
  randn([images, channels, height, width]).contiguous('channels_last');

/** Returns the same numbers in the same memory format, which require gradients. */
function variable(numbers: Tensor): Tensor {
  const made = numbers.detach();
  made.requiresGrad = true;
  return made;
}

// biome-ignore lint/suspicious/noExplicitAny: has as many parameters as there are inputs
type Run = (...inputs: any[]) => Tensor;

/**
 * Compares results and the gradients of Σ result · weights to every input, each relative to the reference's largest
 * element.
 */
function compare(what: string, inputs: Tensor[], ours: Run, reference: Run, slack = 1): void {
  const single = inputs.map(variable);
  const double = inputs.map((each) => variable(each.to('float64')));
  const [result, expected] = [ours(...single), reference(...double)];
  assert.deepEqual(result.shape, expected.shape, what);
  const weights = randn(result.shape);
  assertNear(`${what}: result`, result, expected, 1e-6 * slack);
  const actual = gradients(result.mul(weights).sum(), single);
  const right = gradients(expected.mul(weights.to('float64')).sum(), double);
  actual.forEach((each, index) => {
    assertNear(`${what}: gradient ${index}`, each!, right[index]!, 1e-5 * slack);
  });
}

function assertNear(what: string, got: Tensor, expected: Tensor, tolerance: number): void {
  const largest = Math.max(expected.abs().max().item() as number, 1e-3);
  const difference = got.to('float64').sub(expected).abs().max().item() as number;
  assert.ok(difference <= tolerance * largest, `${what}: off by ${difference} where the largest element is ${largest}`);
}

test('depthwise convolutions and their gradients are those of ReLU, padding and convolution in float64', () => {
  manualSeed(1);
  for (const each of cases('depthwise', 240, false)) {
    for (const relu of [false, true]) {
      scope(() => {
        const { channels, kernel, stride, dilation, padding } = each;
        compare(
          `${JSON.stringify(each)}, ReLU ${relu}`,
          [images(each), randn([channels, 1, ...kernel])],
          (input, weight) => depthwiseConv2d(input, weight, { stride, dilation, padding, relu }),
          (input, weight) => {
            return conv2d(pad(relu ? input.relu() : input, padding), weight, { stride, dilation, groups: channels });
          },
        );
      });
    }
  }
});

test('average pools and their gradients are a sum over zeros divided by a sum of ones, in float64', () => {
  manualSeed(2);
  for (const each of cases('average', 160, true)) {
    scope(() => {
      const { height, width, kernel, stride, padding } = each;
      const sum = (of: Tensor) => avgPool2d(pad(of, padding), { kernel, stride }).mul(kernel[0] * kernel[1]);
      const cells = sum(zeros([1, 1, height, width], { dtype: 'float64' }).add(1));
      compare(
        JSON.stringify(each),
        [images(each)],
        (input) => averagePool(input, { kernel, stride, padding }),
        (input) => sum(input).div(cells),
      );
    });
  }
});

test('max pools and their gradients are those of an image surrounded by −∞, also for equal pixels', () => {
  manualSeed(3);
  for (const each of cases('maximum', 160, true)) {
    scope(() => {
      const { kernel, stride, padding } = each;
      const input = images(each);
      for (const cells of [input, input.relu(), input.round()]) {
        compare(
          JSON.stringify(each),
          [cells],
          (input) => maxPool(input, { kernel, stride, padding }),
          (input) => maxPool2d(pad(input, padding, Number.NEGATIVE_INFINITY), { kernel, stride }),
        );
      }
    });
  }
});

for (const [training, mean] of [
  [true, 0],
  [true, 30],
  [false, 3],
] as const) {
  const mode = training ? `the statistics of a batch around ${mean}` : 'moving statistics';
  test(`batch normalisation by ${mode}, its gradients and its moving statistics are those of float64`, () => {
    manualSeed(7);
    for (const each of cases('norm', 80, true)) {
      scope(() => {
        const { channels } = each;
        // spread 1: at 30 float32 keeps 5e-6 of it, and results cannot be closer
        const numbers = images(each).add(mean);
        if (training && numbers.size === channels) return;
        const moving = [randn([channels]), randn([channels]).abs().add(0.1)];
        const statistics: Record<string, Tensor[]> = {};
        const run = (normalise: typeof batchNorm) => (input: Tensor, weight: Tensor, bias: Tensor) => {
          const [movingMean, movingVariance] = moving.map((old) => old.to(input.dtype).clone()) as [Tensor, Tensor];
          statistics[input.dtype] = [movingMean, movingVariance];
          const options = { weight, bias, movingMean, movingVariance, training, momentum: 0.1, epsilon: 1e-5 };
          return normalise(input, options);
        };
        const inputs = [numbers, randn([channels]), randn([channels])];
        const few = numbers.size / channels < 8; // a small deviation of few numbers amplifies all errors
        const slack = (mean > 3 ? 20 : 1) * (few ? 100 : 1);
        compare(JSON.stringify(each), inputs, run(normaliseBatch), run(batchNorm), slack);
        statistics.float64!.forEach((right, index) => {
          assertNear('moving', statistics.float32![index]!, right, 1e-6);
        });
        const evaluated = noGrad(() => run(normaliseBatch)(...(inputs as [Tensor, Tensor, Tensor])));
        const expected = run(batchNorm)(...(inputs.map((one) => one.to('float64')) as [Tensor, Tensor, Tensor]));
        assertNear('without gradients', evaluated, expected, 1e-6 * slack);
      });
    }
  });
}

test('a batch of realistic size has the weight gradient of float64 to 1e-5', () => {
  manualSeed(4);
  scope(() => {
    compare(
      '[64, 24, 32, 32]',
      [randn([64, 24, 32, 32]).contiguous('channels_last'), randn([24, 1, 5, 5])],
      (input, weight) => depthwiseConv2d(input, weight, { padding: [2, 2, 2, 2], relu: true }),
      (input, weight) => conv2d(input.relu(), weight, { padding: 2, groups: 24 }),
    );
  });
});

const window = { kernel: [3, 3], padding: [1, 1, 1, 1] } as const;
const operators = {
  depthwise: (input: Tensor, weight: Tensor) => depthwiseConv2d(input, weight, { padding: [1, 1, 1, 1], relu: true }),
  average: (input: Tensor) => averagePool(input, window),
  maximum: (input: Tensor) => maxPool(input, window),
  norm: (input: Tensor, weight: Tensor) => {
    const [channels, placement] = [weight.shape[0]!, { dtype: weight.dtype }];
    return normaliseBatch(input, {
      weight: weight.sum([1, 2, 3]),
      bias: zeros([channels], placement),
      movingMean: zeros([channels], placement),
      movingVariance: ones([channels], placement),
      training: true,
      momentum: 0.1,
      epsilon: 1e-5,
    });
  },
};

for (const [name, run] of Object.entries(operators)) {
  test(`${name}: the same bits again, with one thread and with two`, () => {
    const before = threads();
    try {
      for (const count of [1, 2]) {
        setThreads(count);
        scope(() => {
          manualSeed(5);
          const input = variable(randn([5, 7, 9, 11]).contiguous('channels_last'));
          const weight = variable(randn([7, 1, 3, 3]));
          const outer = randn([5, 7, 9, 11]);
          const numbers = () => {
            const result = run(input, weight);
            const actual = gradients(result.mul(outer).sum(), [input, weight]);
            return [result, ...actual].map((each) => each?.detach().toArray());
          };
          assert.deepEqual(numbers(), numbers());
        });
      }
    } finally {
      setThreads(before);
    }
  });

  test(`${name}: two threads give the result of one`, () => {
    const before = threads();
    try {
      scope(() => {
        const input = variable(randn([5, 7, 9, 11]).contiguous('channels_last'));
        const weight = randn([7, 1, 3, 3]);
        const outer = randn([5, 7, 9, 11]);
        const [one, two] = [1, 2].map((count) => {
          setThreads(count);
          const result = run(input, weight);
          return [result, gradients(result.mul(outer).sum(), [input])[0]!];
        }) as [Tensor[], Tensor[]];
        one.forEach((each, index) => {
          assertNear(`${index}`, two[index]!, each.to('float64'), 1e-6); // sums over a batch are added in another order
        });
      });
    } finally {
      setThreads(before);
    }
  });

  test(`${name}: the gradient of a gradient is that of float64`, () => {
    scope(() => {
      const numbers = [randn([2, 3, 5, 5]).contiguous('channels_last'), randn([3, 1, 3, 3])];
      const second = (dtype: 'float32' | 'float64') => {
        const [input, weight] = numbers.map((each) => variable(each.to(dtype))) as [Tensor, Tensor];
        const [first] = gradients(run(input, weight).pow(3).sum(), [input], { createGraph: true });
        return gradients(first!.pow(2).sum(), [input])[0]!;
      };
      assertNear('second', second('float32'), second('float64'), 1e-5);
    });
  });

  test(`${name}: NaN and infinity come out where libtorch has them`, () => {
    scope(() => {
      manualSeed(6);
      const numbers = Float32Array.from(randn([2 * 7 * 7 * 3]).toArray() as Float32Array);
      numbers[10] = Number.NaN;
      numbers[11] = Number.NaN;
      numbers[60] = Number.POSITIVE_INFINITY;
      numbers[100] = Number.NEGATIVE_INFINITY;
      const weight = zeros([3, 1, 3, 3]).add(0.5);
      const input = tensor(numbers, [2, 3, 7, 7]);
      const ours = run(input.contiguous('channels_last'), weight);
      const reference = run(input.to('float64'), weight.to('float64'));
      const [got, expected] = [ours.contiguous().toArray(), reference.toArray()];
      expected.forEach((value: number | bigint, place: number) => {
        const both = [Number(got[place]), Number(value)] as const;
        assert.ok(
          Object.is(both[0], both[1]) || Math.abs(both[0] - both[1]) < 1e-5,
          `${place}: ${both[0]}, libtorch ${both[1]}`,
        );
      });
    });
  });

  test(`${name}: channels-first images and float64 give the same as channels-last float32`, () => {
    scope(() => {
      const input = randn([2, 5, 8, 8]);
      const weight = randn([5, 1, 3, 3]);
      const exact = run(input.to('float64'), weight.to('float64'));
      assertNear('channels first', run(input, weight), exact, 1e-6);
      assertNear('channels last', run(input.contiguous('channels_last'), weight), exact, 1e-6);
    });
  });
}

test('a max pool passes the gradient of a NaN to the same pixel as libtorch', () => {
  scope(() => {
    const numbers = Float32Array.from({ length: 25 }, (_, place) => (place === 7 || place === 13 ? Number.NaN : place));
    const gradient = (dtype: 'float32' | 'float64') => {
      const input = variable(tensor(numbers, [1, 1, 5, 5], { dtype }).contiguous('channels_last'));
      return Array.from(gradients(maxPool(input, window).sum(), [input])[0]!.toArray(), Number);
    };
    assert.deepEqual(gradient('float32'), gradient('float64'));
  });
});

test('a weight that requires no gradient gets none, and neither does an input', () => {
  scope(() => {
    const input = randn([2, 4, 6, 6]).contiguous('channels_last');
    const weight = variable(randn([4, 1, 3, 3]));
    backward(operators.depthwise(input, weight).sum());
    assert.equal(input.grad, undefined);
    assert.deepEqual(weight.grad!.shape, [4, 1, 3, 3]);
  });
});

test('incompatible shapes are refused in one sentence', () => {
  scope(() => {
    const input = randn([1, 4, 3, 3]).contiguous('channels_last');
    assert.throws(
      () => depthwiseConv2d(input, randn([4, 1, 5, 5])),
      /nasnet::depthwise_conv2d.*(larger|greater) than/s,
    );
    assert.throws(() => depthwiseConv2d(input, randn([3, 1, 3, 3])), /nasnet::depthwise_conv2d/);
    assert.throws(() => maxPool(input, { kernel: [3, 3], stride: [0, 1] }), /nasnet::max_pool2d.*stride/s);
  });
});

testVersions(fileURLToPath(import.meta.url), ['plain', 'avx2', 'off']);
