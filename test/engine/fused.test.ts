// Fused units and sums against the composition of libtorch's operators in float64, over random shapes that are no
// multiples of vector widths: values to 1e-6, gradients to 1e-5, relative to the largest element.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { randn, tensor, zeros } from '../../src/engine/create.ts';
import { combine, concat, fanOut, fusedConvolution, fusedUnit } from '../../src/engine/fused.ts';
import { backward, gradients } from '../../src/engine/gradient.ts';
import { averagePool, maxPool } from '../../src/engine/kernels.ts';
import { setThreads, threads } from '../../src/engine/machine.ts';
import { noGrad, scope } from '../../src/engine/memory.ts';
import { cat, conv2d, pad } from '../../src/engine/operators.ts';
import { manualSeed } from '../../src/engine/random.ts';
import type { DType, Tensor } from '../../src/engine/tensor.ts';
import { testVersions } from './other-versions.ts';
import {
  assertNear,
  type Case,
  cases,
  fused,
  movingOf,
  perUnit,
  reference,
  type UnitCase,
  variable,
} from './unit-cases.ts';

test('units, their gradients and moving statistics are those of the composition in float64', () => {
  manualSeed(1);
  for (const each of cases('units', 500)) {
    scope(() => {
      const what = JSON.stringify(each);
      const input = randn([each.images, each.units[0]!.channels, each.height, each.width]).contiguous('channels_last');
      const numbers = [input, ...each.units.flatMap(perUnit)];
      const [single, double] = [numbers.map(variable), numbers.map((one) => variable(one.to('float64')))] as const;
      const [ownMoving, moving] = [movingOf(each, 'float32'), movingOf(each, 'float64')];
      const result = fused(each, single[0]!, single.slice(1), ownMoving);
      const expected = reference(each, double[0]!, double.slice(1), moving);
      // small deviations amplify all errors
      const few = each.images * expected.shape[2]! * expected.shape[3]! < 64 ? 10 : 1;
      assertNear(`${what}: result`, result, expected, 1e-6 * each.units.length * few);
      const outer = randn(result.shape);
      const actual = gradients(result.mul(outer).sum(), single);
      const right = gradients(expected.mul(outer.to('float64')).sum(), double);
      actual.forEach((gradient, index) => {
        if (gradient === undefined)
          assert.equal((index - 1) % 4, 0, what); // an absent depthwise weight
        else assertNear(`${what}: gradient ${index}`, gradient, right[index]!, 1e-5 * few);
      });
      moving.flat().forEach((one, index) => {
        const off = ownMoving.flat()[index]!.to('float64').sub(one).abs().max().item() as number;
        assert.ok(
          off < 1e-6 * Math.max(1, one.abs().max().item() as number),
          `${what}: moving ${index}: off by ${off}`,
        );
      });
    });
  }
});

test('units with moving statistics are those of the composition, with and without gradients', () => {
  manualSeed(2);
  for (const each of cases('evaluated', 60)) {
    scope(() => {
      const input = randn([each.images, each.units[0]!.channels, each.height, each.width]).contiguous('channels_last');
      const numbers = [input, ...each.units.flatMap(perUnit)];
      const [single, double] = [numbers.map(variable), numbers.map((one) => variable(one.to('float64')))] as const;
      const moving = movingOf(each, 'float32').map((pair) =>
        pair.map((one) => one.add(randn(one.shape).abs())),
      ) as ReturnType<typeof movingOf>;
      const exact = moving.map((pair) => pair.map((one) => one.to('float64'))) as ReturnType<typeof movingOf>;
      const expected = reference(each, double[0]!, double.slice(1), exact, false);
      const result = noGrad(() => fused(each, single[0]!, single.slice(1), moving, false));
      assertNear(JSON.stringify(each), result, expected, 1e-6 * each.units.length);
      const recorded = fused(each, single[0]!, single.slice(1), moving, false);
      const [actual] = gradients(recorded.sum(), [single[0]!]);
      assertNear(JSON.stringify(each), actual!, gradients(expected.sum(), [double[0]!])[0]!, 1e-5);
    });
  }
});

for (const channels of [3, 8, 24, 33]) {
  test(`sums of raw and plain images of ${channels} channels, and their gradients, are those of float64`, () => {
    manualSeed(3);
    for (const kinds of ['raw raw', 'raw plain', 'plain raw', 'plain plain', 'raw', 'plain']) {
      scope(() => {
        const unit: UnitCase = {
          kind: 'depthwise',
          kernel: [3, 3],
          stride: [1, 1],
          padding: [1, 1, 1, 1],
          dilation: [1, 1],
          channels,
          outputs: channels,
        };
        const of: Case = { images: 2, height: 9, width: 11, relu: true, units: [unit] };
        const sides = kinds
          .split(' ')
          .map((kind) => ({ kind, numbers: [randn([2, channels, 9, 11]), ...perUnit(unit)] }));
        const run = (dtype: DType) => {
          const variables = sides.map(({ numbers }) => numbers.map((one) => variable(one.to(dtype).contiguous())));
          const images = sides.map(({ kind }, side) => {
            const input = variables[side]![0]!.contiguous('channels_last');
            if (kind === 'plain') return input;
            if (dtype === 'float64') return reference(of, input, variables[side]!.slice(1), movingOf(of, dtype));
            const [depthwise, matrix, weight, bias] = variables[side]!.slice(1) as [Tensor, Tensor, Tensor, Tensor];
            const [movingMean, movingVariance] = movingOf(of, dtype)[0]!;
            const norm = { weight, bias, movingMean, movingVariance, training: true, momentum: 0.1, epsilon: 1e-5 };
            return fusedUnit(input, { ...unit, depthwise, weight: matrix, relu: true, norm });
          });
          const result =
            dtype === 'float32'
              ? combine(images[0]!, images[1])
              : images.length > 1
                ? (images[0] as Tensor).add(images[1] as Tensor)
                : (images[0] as Tensor);
          const outer = Array.from({ length: result.size }, (_, place) => Math.sin(place));

          const loss = result.contiguous().flatten().mul(tensorOf(outer, dtype)).sum();
          return [result, ...gradients(loss, variables.flat())];
        };
        const [actual, right] = [run('float32'), run('float64')];
        right.forEach((each, index) => {
          if (each === undefined) assert.equal(actual[index], undefined);
          else assertNear(`${kinds}: ${index}`, actual[index]!, each, index === 0 ? 1e-6 : 1e-5);
        });
      });
    }
  });
}

function tensorOf(numbers: number[], dtype: DType): Tensor {
  return tensor(Float32Array.from(numbers), [numbers.length]).to(dtype);
}

const chain: Case = {
  images: 5,
  height: 9,
  width: 11,
  relu: true,
  units: [
    {
      kind: 'depthwise',
      kernel: [3, 3],
      stride: [2, 2],
      padding: [0, 1, 1, 1],
      dilation: [1, 1],
      channels: 7,
      outputs: 12,
    },
    {
      kind: 'depthwise',
      kernel: [5, 5],
      stride: [1, 1],
      padding: [2, 2, 2, 2],
      dilation: [1, 1],
      channels: 12,
      outputs: 24,
    },
  ],
};

test('convolutions without a batch norm, and their gradients, are those of float64', () => {
  manualSeed(4);
  for (const each of cases('convolutions', 60)) {
    scope(() => {
      const { kind, stride, padding, dilation, channels } = each.units[0]!;
      const input = randn([each.images, channels, each.height, each.width]).contiguous('channels_last');
      const numbers = [input, ...perUnit(each.units[0]!).slice(0, 2)];
      const [single, double] = [numbers.map(variable), numbers.map((one) => variable(one.to('float64')))] as const;
      const window = { stride, padding, dilation, relu: each.relu };
      const depthwise = kind === 'depthwise' ? single[1]! : undefined;
      const result = fusedConvolution(single[0]!, { ...window, depthwise, weight: single[2]! });
      const padded = pad(each.relu ? double[0]!.relu() : double[0]!, padding);
      const filtered =
        kind === 'depthwise' ? conv2d(padded, double[1]!, { stride, dilation, groups: channels }) : padded;
      const expected = conv2d(filtered, double[2]!, kind === 'depthwise' ? {} : { stride, dilation });
      assertNear(JSON.stringify(each), result, expected, 1e-6); // sums of up to 7,350 products in float32
      const right = gradients(expected.pow(2).sum(), double);
      gradients(result.pow(2).sum(), single).forEach((gradient, index) => {
        if (gradient) assertNear(`${JSON.stringify(each)}: gradient ${index}`, gradient, right[index]!, 1e-5);
        else assert.equal(right[index], undefined);
      });
    });
  }
});

test('each of several readers gets the same images, and their gradients are added', () => {
  scope(() => {
    manualSeed(8);
    const input = variable(randn([2, 7, 5, 5]).contiguous('channels_last'));
    const weights = [1, 2, 3].map(() => randn([2, 7, 5, 5]));
    const read = fanOut(input, 4).slice(1); // the first is not read
    const [actual] = gradients(concat(read.map((each, index) => each.mul(weights[index]!))).sum(), [input]);
    assertNear('sum', actual!, weights[0]!.add(weights[1]!).add(weights[2]!), 1e-6);
    for (const each of read) assert.deepEqual(each.detach().toArray(), input.detach().toArray());
  });
});

/** Results of all operators that can read shared images, each of `read()`: [2, 7, 9, 11] → any shape. */
function readers(read: () => Tensor, weights: readonly (readonly Tensor[])[]): Tensor[] {
  const whole = { stride: [1, 1], padding: [0, 0, 0, 0], dilation: [1, 1] } as const;
  const windows = [
    whole,
    { ...whole, stride: [2, 2] },
    { ...whole, padding: [1, 1, 1, 1] },
    { ...whole, padding: [1, 1, 1, 1] },
  ] as const;
  const units = [true, false].flatMap((relu) =>
    windows.map((window, kind) => {
      const [depthwise, weight] = kind === 2 ? weights[2]! : [undefined, ...weights[kind]!.slice(-1)];
      return fusedConvolution(read(), { ...window, depthwise, weight: weight!, relu });
    }),
  );
  const pool = { kernel: [3, 3], padding: [1, 1, 1, 1] } as const;
  return [...units, averagePool(read(), pool), maxPool(read(), { ...pool, stride: [2, 2] }), combine(read())];
}

const readersWeights = () =>
  [[randn([5, 7, 1, 1])], [randn([4, 7, 1, 1])], [randn([7, 1, 3, 3]), randn([5, 7, 1, 1])], [randn([5, 7, 3, 3])]].map(
    (each) => each.map(variable),
  );

const readerCount = 11;

/** A loss whose gradients differ for all elements. */
const lossOf = (results: readonly Tensor[]) =>
  results.map((each) => each.contiguous().pow(2).sum()).reduce((sum, each) => sum.add(each));

for (const layout of ['dense', 'a slice']) {
  test(`readers of shared images add the same gradients as readers of the images themselves: ${layout}`, () => {
    scope(() => {
      manualSeed(9);
      const wide = randn([2, layout === 'dense' ? 7 : 12, 9, 11]).contiguous('channels_last');
      const weights = readersWeights();
      const gradientsOf = (share: boolean) => {
        const input = variable(wide.narrow(1, 0, 7));
        const views = share ? fanOut(input, readerCount) : [];
        const variables = [input, ...weights.flat()];
        return gradients(lossOf(readers(share ? () => views.pop()! : () => input, weights)), variables);
      };
      const apart = gradientsOf(false);
      for (const again of [gradientsOf(true), gradientsOf(true)])
        for (const [index, each] of again.entries()) assertNear(`${index}`, each!, apart[index]!, 1e-6);
    });
  });
}

test('gradients of single views of shared images, of weights alone, and of two backwards are as asked for', () => {
  scope(() => {
    manualSeed(10);
    const images = randn([2, 7, 9, 11]).contiguous('channels_last');
    const weights = readersWeights();
    const input = variable(images);
    const run = () => {
      const views = fanOut(input, readerCount);
      const unread = [...views];
      return { views, loss: lossOf(readers(() => unread.pop()!, weights)) };
    };
    const [whole] = gradients(run().loss, [input]);
    const one = run();
    const parts = gradients(one.loss, one.views);
    assertNear(
      'sum of all views',
      parts.map((each) => each!).reduce((sum, each) => sum.add(each)),
      whole!,
      1e-6,
    );
    const two = run();
    backward(two.loss, { retainGraph: true });
    assertNear('the first of two backwards', input.grad!, whole!, 0);
    assertNear('the second', gradients(two.loss, [input])[0]!, whole!, 0);
    const [wholeWeights, alone] = [weights.flat().map((each) => each.grad!), gradients(run().loss, weights.flat())];
    for (const [index, each] of alone.entries()) assertNear(`weight ${index} alone`, each!, wholeWeights[index]!, 0);
  });
});

test('a chain of units gives the same bits again, with one thread and with two; two threads give the same result as one', () => {
  const before = threads();
  try {
    scope(() => {
      manualSeed(5);
      const variables = [randn([5, 7, 9, 11]), ...chain.units.flatMap(perUnit)].map(variable);
      const numbers = (count: number) => {
        setThreads(count);
        const result = fused(chain, variables[0]!, variables.slice(1), movingOf(chain, 'float32'));
        return [result, ...gradients(result.pow(3).sum(), variables)] as Tensor[];
      };
      const bits = (all: Tensor[]) => all.map((each) => each.detach().contiguous().toArray());
      const one = numbers(1);
      assert.deepEqual(bits(one), bits(numbers(1)));
      const two = numbers(2);
      assert.deepEqual(bits(two), bits(numbers(2)));
      one.forEach((each, index) => {
        assertNear(`${index}`, two[index]!, each, 2e-6);
      });
    });
  } finally {
    setThreads(before);
  }
});

test('images in another memory format, and slices of a concatenation, give the same results as channels-last images', () => {
  scope(() => {
    manualSeed(6);
    const wide = randn([5, 20, 9, 11]).contiguous('channels_last');
    const weights = chain.units.flatMap(perUnit);
    const slice = wide.narrow(1, 4, 7);
    const results = [slice, slice.contiguous(), slice.contiguous('channels_last')].map((input) => {
      const from = variable(input);
      const result = fused(chain, from, weights, movingOf(chain, 'float32'));
      return [result, gradients(result.pow(3).sum(), [from])[0]!] as const;
    });
    for (const [result, gradient] of results) {
      assert.deepEqual(result.detach().toArray(), results[2]![0].detach().toArray());
      assertNear('gradient', gradient, results[2]![1], 1e-6);
    }
  });
});

test('a gradient can be a slice of a concatenation', () => {
  scope(() => {
    manualSeed(7);
    const variables = [randn([5, 7, 9, 11]), ...chain.units.flatMap(perUnit)].map(variable);
    const weights = randn([5, 48, 4, 6]).contiguous('channels_last');
    const alone = () => fused(chain, variables[0]!, variables.slice(1), movingOf(chain, 'float32'));
    const one = gradients(
      alone()
        .mul(weights.narrow(1, 24, 24))
        .sum(),
      variables,
    );
    const both = cat([zeros([5, 24, 4, 6]), alone()], 1);
    gradients(both.mul(weights).sum(), variables).forEach((each, index) => {
      assertNear(`${index}`, each!, one[index]!, 1e-5);
    });
  });
});

test('the gradient of a gradient and incompatible shapes are refused in one sentence', () => {
  scope(() => {
    const variables = [randn([5, 7, 9, 11]), ...chain.units.flatMap(perUnit)].map(variable);
    const run = () => fused(chain, variables[0]!, variables.slice(1), movingOf(chain, 'float32'));
    assert.throws(
      () => gradients(run().pow(3).sum(), variables, { createGraph: true }),
      /gradient of a gradient.*NASNET_FUSED=off/s,
    );
    const [depthwise, matrix, weight, bias] = chain.units.flatMap(perUnit) as [Tensor, Tensor, Tensor, Tensor];
    const [movingMean, movingVariance] = movingOf(chain, 'float32')[0]!;
    const norm = { weight, bias, movingMean, movingVariance, training: true, momentum: 0.1, epsilon: 1e-5 };
    const options = { ...chain.units[0]!, depthwise, weight: matrix, relu: true, norm };
    assert.throws(
      () => fusedUnit(randn([2, 6, 9, 9]), options),
      /nasnet::unit.*weight: expected float32 \[outputs, 6, height, width\]/s,
    );
    assert.throws(() => fusedUnit(randn([1, 7, 2, 2]), options), /nasnet::unit.*more than one pixel/s);
    assert.throws(() => combine(randn([2, 6, 9, 9]), randn([2, 6, 9, 8])), /nasnet::combine.*one shape/s);
  });
});

testVersions(fileURLToPath(import.meta.url), ['plain', 'avx2']);
