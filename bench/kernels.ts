// Compares our kernels with libtorch's operators, one row each: milliseconds of the forward pass, and of forward and
// backward together.
// Both run in the same process, in turns; medians are compared.
//   node bench/kernels.ts [--threads 1] [--batch 64] [--repeats 15] [--only PATTERN] [--json FILE]
// NASNET_KERNELS=plain, avx2, avx512 or avx512bf16 selects another version of the loops than the processor's best.
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { ones, randn, zeros } from '../src/engine/create.ts';
import { combine, fusedUnit } from '../src/engine/fused.ts';
import { backward, clearGradients } from '../src/engine/gradient.ts';
import { averagePool, depthwiseConv2d, maxPool, normaliseBatch } from '../src/engine/kernels.ts';
import { setThreads } from '../src/engine/machine.ts';
import { noGrad, scope } from '../src/engine/memory.ts';
import { operator } from '../src/engine/operator.ts';
import { batchNorm, conv2d, pad } from '../src/engine/operators.ts';
import type { Tensor } from '../src/engine/tensor.ts';
import { samePadding } from '../src/plan/layer-path.ts';
import { median } from './median.ts';

const { values: options } = parseArgs({
  options: {
    threads: { type: 'string', default: '1' },
    batch: { type: 'string', default: '64' },
    repeats: { type: 'string', default: '15' },
    only: { type: 'string' },
    json: { type: 'string' },
  },
});
const [batch, repeats] = [Number(options.batch), Number(options.repeats)];
setThreads(Number(options.threads));

type Run = (input: Tensor, weight: Tensor) => Tensor;
interface Row {
  name: string;
  shape: [channels: number, size: number];
  kernel: number;
  ours: Run;
  libtorch: Run;
}

const aten = { average: operator('aten::avg_pool2d'), maximum: operator('aten::max_pool2d') };

function rowOf(kind: string, kernel: number, stride: number, dilation: number, shape: [number, number]): Row {
  const [before, after] = samePadding(shape[1], kernel, stride, dilation);
  const padding = [before, after, before, after] as const;
  const pairs = { kernel: [kernel, kernel], stride: [stride, stride], dilation: [dilation, dilation] } as const;
  const uneven = before !== after;
  const relu = kind.startsWith('relu');
  const sides: Record<string, Pick<Row, 'ours' | 'libtorch'>> = {
    depthwise: {
      ours: (input, weight) => depthwiseConv2d(input, weight, { ...pairs, padding, relu }),
      libtorch: (input, weight) => {
        const source = relu ? input.relu() : input;
        const settings = { stride, dilation, groups: shape[0] };
        return uneven
          ? conv2d(pad(source, padding), weight, settings)
          : conv2d(source, weight, { ...settings, padding: before });
      },
    },
    average: {
      ours: (input) => averagePool(input, { ...pairs, padding }),
      libtorch: (input) => aten.average.tensor(input, pairs.kernel, pairs.stride, [before, before], uneven, false),
    },
    maximum: {
      ours: (input) => maxPool(input, { ...pairs, padding }),
      libtorch: (input) => aten.maximum.tensor(input, pairs.kernel, pairs.stride, [before, before], [1, 1], uneven),
    },
  };
  const note = `${stride > 1 ? `, stride ${stride}` : ''}${dilation > 1 ? `, dilation ${dilation}` : ''}`;
  return { name: `${kind} ${kernel}×${kernel}${note}`, shape, kernel, ...sides[kind.split(' ').at(-1)!]! };
}

function normRow(shape: [number, number]): Row {
  const [movingMean, movingVariance] = [zeros([shape[0]]), ones([shape[0]])];
  const by = (normalise: typeof batchNorm) => (input: Tensor, weight: Tensor) => {
    const [scale, bias] = [
      weight.select(3, 0).select(2, 0).select(1, 0),
      weight.select(3, 0).select(2, 0).select(1, 0),
    ];
    const moving = { movingMean, movingVariance, momentum: 0.1, epsilon: 1e-5 };
    return normalise(input, { weight: scale, bias, training: true, ...moving });
  };
  return { name: 'batch norm', shape, kernel: 1, ours: by(normaliseBatch), libtorch: by(batchNorm) };
}

/** Compares one unit with separate operators: ReLU, a convolution (depthwise and 1×1, or dense) and batch norm. */
function unitRow(kind: 'depthwise' | 'dense', kernel: number, shape: [number, number]): Row {
  const [channels] = shape;
  const size = kind === 'dense' ? kernel : 1;
  const matrix = randn([channels, channels, size, size]);
  const movingMean = zeros([channels]);
  const scale = { weight: ones([channels]), bias: zeros([channels]) };
  for (const each of [matrix, scale.weight, scale.bias]) each.requiresGrad = true;
  const norm = { ...scale, movingMean, movingVariance: ones([channels]), training: true, momentum: 0.1, epsilon: 1e-5 };
  const reach = kernel >> 1;
  const window = { stride: [1, 1], padding: [reach, reach, reach, reach], dilation: [1, 1], relu: true } as const;
  const depthwise = (weight: Tensor) => (kind === 'depthwise' ? weight : undefined);
  return {
    name: kind === 'dense' ? `unit: ${kernel}×${kernel}` : `unit: depthwise ${kernel}×${kernel} and 1×1`,
    shape,
    kernel,
    ours: (input, weight) =>
      combine(fusedUnit(input, { ...window, depthwise: depthwise(weight), weight: matrix, norm })),
    libtorch: (input, weight) => {
      const filtered = depthwise(weight)
        ? conv2d(input.relu(), weight, { groups: channels, padding: reach })
        : input.relu();
      return batchNorm(conv2d(filtered, matrix, { padding: kind === 'dense' ? reach : 0 }), norm);
    },
  };
}

const shapes: [number, number][] = [
  [8, 16],
  [16, 8],
  [24, 32],
  [48, 16],
];
const rows = shapes.flatMap((shape) => [
  rowOf('depthwise', 3, 1, 1, shape),
  rowOf('depthwise', 5, 1, 1, shape),
  rowOf('relu and depthwise', 5, 1, 1, shape),
  rowOf('depthwise', 7, 1, 1, shape),
  rowOf('depthwise', 5, 2, 1, shape),
  rowOf('depthwise', 3, 1, 2, shape),
  rowOf('average', 3, 1, 1, shape),
  rowOf('average', 3, 2, 1, shape),
  rowOf('maximum', 3, 1, 1, shape),
  rowOf('maximum', 7, 1, 1, shape),
  rowOf('maximum', 3, 2, 1, shape),
  normRow(shape),
  unitRow('dense', 1, shape),
  unitRow('dense', 3, shape),
  unitRow('depthwise', 3, shape),
  unitRow('depthwise', 5, shape),
]);

/** Returns the milliseconds of both sides' forward passes and of forward and backward, measured in turns. */
function measure({ shape: [channels, size], kernel, ours, libtorch }: Row) {
  return scope(() => {
    const input = randn([batch, channels, size, size]).contiguous('channels_last');
    const weight = randn([channels, 1, kernel, kernel]);
    const variables = [input, weight].map((each) => each.detach()) as [Tensor, Tensor];
    for (const each of variables) each.requiresGrad = true;
    const outer = randn(scope(() => ours(input, weight).shape)).contiguous('channels_last');
    const tasks = [ours, libtorch].flatMap((run) => [
      () => noGrad(() => void run(input, weight)),
      () => {
        clearGradients(variables);
        backward(run(...variables), { gradient: outer });
      },
    ]);
    const times = tasks.map(() => [] as number[]);
    for (let repeat = -2; repeat < repeats; repeat++) {
      tasks.forEach((task, index) => {
        const calls = 3;
        const start = performance.now();
        for (let call = 0; call < calls; call++) scope(task);
        if (repeat >= 0) times[index]!.push((performance.now() - start) / calls);
      });
    }
    return times.map(median);
  });
}

console.log(
  `${cpus()[0]?.model.trim()}; ${options.threads} threads, batch ${batch}, medians of ${repeats}; milliseconds\n`,
);
console.log('| operator | channels × size | ours | libtorch | ratio | ours, both passes | libtorch | ratio |');
console.log('| --- | --- | --- | --- | --- | --- | --- | --- |');
const results = [];
for (const row of rows) {
  if (options.only && !`${row.name} ${row.shape}`.match(options.only)) continue;
  const [forward, both, theirForward, theirBoth] = measure(row) as [number, number, number, number];
  const cells = [forward, theirForward, theirForward / forward, both, theirBoth, theirBoth / both];
  console.log(
    `| ${row.name} | ${row.shape[0]} × ${row.shape[1]}² | ${cells.map((each) => each.toFixed(2)).join(' | ')} |`,
  );
  results.push({
    operator: row.name,
    channels: row.shape[0],
    size: row.shape[1],
    forward,
    both,
    theirForward,
    theirBoth,
  });
}
if (options.json) writeFileSync(options.json, `${JSON.stringify({ options, results }, null, 2)}\n`);
