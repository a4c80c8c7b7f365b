// Measures where a training step spends its time, operator by operator, in comparison with the machine's peaks: GFLOP/s
// and GB/s of each operator, and the share of its time that it would need at the peaks (100 % cannot be improved).
//   node bench/roofline.ts [--cell nasnet-a] [--cells 2] [--filters 24] [--size 32] [--batch 64] [--threads 1]
//                          [--precision float32] [--repeats 5] [--shapes] [--json FILE]
// Forward is timed within the network's step; backward, which runs inside libtorch, by replaying each call alone. The
// last lines give the share of the step that this explains. The fastest of all repeats counts. `--shapes` prints one
// row per shape. The peak of products is float32's; bfloat16's (AVX512-BF16) is twice as high.
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { readArchitecture } from '../src/cli/flags/model-source.ts';
import { arange, randn } from '../src/engine/create.ts';
import type { Precision } from '../src/engine/device.ts';
import { backward, clearGradients } from '../src/engine/gradient.ts';
import { setThreads } from '../src/engine/machine.ts';
import { noGrad, scope } from '../src/engine/memory.ts';
import { crossEntropy } from '../src/engine/operators.ts';
import { buildNetwork } from '../src/model/network.ts';
import { clipByGlobalNorm, Momentum } from '../src/nn/optimizers.ts';
import { parseArchitectureSource } from '../src/plan/model-name.ts';
import { planNetwork } from '../src/plan/plan.ts';
import { type RecordedCall, record, watchSchemas } from './recorder.ts';
import { operands, replay, type Work, workOf } from './replay.ts';

const { values: options } = parseArgs({
  options: {
    cell: { type: 'string', default: 'nasnet-a' },
    cells: { type: 'string', default: '2' },
    filters: { type: 'string', default: '24' },
    batch: { type: 'string', default: '64' },
    threads: { type: 'string', default: '1' },
    size: { type: 'string', default: '32' },
    precision: { type: 'string', default: 'float32' },
    repeats: { type: 'string', default: '5' },
    shapes: { type: 'boolean', default: false },
    json: { type: 'string' },
  },
});
const [cells, filters, batch, side] = [options.cells, options.filters, options.batch, options.size].map(Number) as [
  number,
  number,
  number,
  number,
];
const repeats = Number(options.repeats);

watchSchemas();
setThreads(Number(options.threads));

/** Measures GFLOP/s of a matrix product, and GB/s (read and written) of copies within the last cache and beyond. */
function measurePeaks() {
  const fastest = (run: () => void) => {
    const times = Array.from({ length: 20 }, () => {
      const start = performance.now();
      scope(run);
      return performance.now() - start;
    });
    return Math.min(...times) * 1e6; // ns
  };
  return noGrad(() =>
    scope(() => {
      const side = 1536;
      const [one, other] = [randn([side, side]), randn([side, side])];
      const copyOf = (bytes: number) => {
        const [from, to] = [randn([bytes / 4]), randn([bytes / 4])];
        return (2 * bytes) / fastest(() => void to.copy_(from));
      };
      return {
        product: (2 * side ** 3) / fastest(() => void one.matmul(other)),
        cacheCopy: copyOf(4e6),
        memoryCopy: copyOf(256e6),
      };
    }),
  );
}

const architecture = await readArchitecture(parseArchitectureSource(options.cell));
const plan = planNetwork(architecture, { cells, filters, input: side });
const network = buildNetwork(plan, { seed: 1, precision: options.precision as Precision });
const parameters = network.parameters();
const optimizer = new Momentum(network.namedParameters(), { momentum: 0.9, nesterov: true, weightDecay: 5e-4 });
const images = randn([batch, 3, side, side]).contiguous('channels_last');
const labels = arange(0, batch).remainder(10);

/** Runs a training step. Returns its operators and the milliseconds of the step and of backward. */
function step() {
  let inBackward = 0;
  const start = performance.now();
  const calls = record(
    () =>
      scope(() => {
        clearGradients(parameters);
        backward(crossEntropy(network.forward(images).logits, labels));
        clipByGlobalNorm(parameters, 5);
        optimizer.step(0.01);
      }),
    (milliseconds) => (inBackward = milliseconds),
  );
  return { calls, whole: performance.now() - start, backward: inBackward };
}

interface Row {
  name: string;
  calls: number;
  forward: number;
  backward: number;
  work: Work;
  /** Milliseconds at the peaks. */
  least: number;
}

/** Returns a readable name: the operator, its kernels, and its stride if it is not 1. */
function nameOf(recorded: RecordedCall): string {
  const short = recorded.name
    .replace(/^aten::/, '')
    .replace(/^nasnet::/, 'ours: ')
    .replace(/\.\w+$/, '');
  const kernels = operands(recorded)
    .slice(1)
    .filter(({ shape }) => shape.length === 4 && /conv|unit/.test(recorded.name))
    .map(({ shape }) => `${shape[2]}×${shape[3]}`);
  const pairs = recorded.values.filter(
    (value) => Array.isArray(value) && value.length === 2 && value.every(Number.isInteger),
  );
  const window = /pool/.test(recorded.name) ? [(pairs[0] as number[]).join('×')] : [];
  const strides = pairs[/pool/.test(recorded.name) ? 1 : 0] as number[] | undefined;
  const stride = /pool|conv/.test(recorded.name) && strides?.[0] === 2 ? ' /2' : '';
  const shape = options.shapes
    ? `  ${operands(recorded)[0]?.shape.join('·')} → ${recorded.results[0]?.shape.join('·')}`
    : '';
  return `${short} ${[...new Set([...window, ...kernels])].join(' ')}${stride}${shape}`.replace('  ', ' ').trim();
}

const keyOf = ({ name, values }: RecordedCall) =>
  JSON.stringify([name, values], (key, value) => (key === 'bytes' ? 0 : value));

function tabulate(
  calls: readonly RecordedCall[],
  forwardTimes: readonly number[],
  leastOf: (work: Work) => number,
): Row[] {
  const rows = new Map<string, Row>();
  const backwardOf = new Map<string, number>();
  calls.forEach((recorded, index) => {
    const key = keyOf(recorded);
    if (!backwardOf.has(key)) backwardOf.set(key, replay(recorded, repeats).backward);
    const work = workOf(recorded);
    const name = nameOf(recorded);
    const row = rows.get(name) ?? {
      name,
      calls: 0,
      forward: 0,
      backward: 0,
      work: { operations: 0, bytes: 0 },
      least: 0,
    };
    row.calls += 1;
    row.forward += forwardTimes[index]!;
    row.backward += backwardOf.get(key)!;
    for (const part of [work.forward, work.backward]) {
      row.work.operations += part.operations;
      row.work.bytes += part.bytes;
      row.least += leastOf(part);
    }
    rows.set(name, row);
  });
  return [...rows.values()].toSorted((one, other) => other.forward + other.backward - one.forward - one.backward);
}

const peaks = measurePeaks();
process.stderr.write('steps of the network …\n');
step();
const steps = Array.from({ length: repeats }, step);
const whole = Math.min(...steps.map((each) => each.whole));
const inBackward = Math.min(...steps.map((each) => each.backward));
const { calls } = steps[0]!;
const forwardTimes = calls.map((_, index) => Math.min(...steps.map((each) => each.calls[index]!.milliseconds)));
process.stderr.write('each of its operators alone …\n');
const leastOf = ({ operations, bytes }: Work) => Math.max(operations / peaks.product, bytes / peaks.cacheCopy) / 1e6;
const rows = tabulate(calls, forwardTimes, leastOf);

const sum = (numbers: readonly number[]) => numbers.reduce((total, each) => total + each, 0);
const explained = sum(rows.map(({ backward }) => backward));
const called = sum(forwardTimes);
const fixed = (value: number) => value.toFixed(1);
console.log(
  `NASNet-A, N = ${cells}, F = ${filters}, batch ${batch}, ${options.precision}; ${cpus()[0]?.model.trim()}, ${options.threads} threads`,
);
console.log(
  `peaks: matrix product ${fixed(peaks.product)} GFLOP/s, copy ${fixed(peaks.cacheCopy)} GB/s in the caches, ${fixed(peaks.memoryCopy)} GB/s beyond\n`,
);
console.log('| operator | calls | forward ms | backward ms | share | GFLOP/s | GB/s | of the roofline |');
console.log('| --- | --- | --- | --- | --- | --- | --- | --- |');
for (const { name, calls, forward, backward, work, least } of rows) {
  const time = forward + backward;
  if (time < whole / 1000 && !options.shapes) continue;
  const figures = [fixed(forward), fixed(backward), `${fixed((100 * time) / whole)} %`];
  const rates = [work.operations, work.bytes].map((amount) => fixed(amount / time / 1e6));
  console.log(`| ${[name, calls, ...figures, ...rates, `${((100 * least) / time).toFixed(0)} %`].join(' | ')} |`);
}
console.log(
  `\na step: ${fixed(whole)} ms, ${fixed((1000 * batch) / whole)} images/s; at the peaks ${fixed(sum(rows.map(({ least }) => least)))} ms`,
);
console.log(`operators called in forward, clipping and optimizer: ${fixed(called)} ms`);
console.log(
  `backward: ${fixed(inBackward)} ms; the rows sum to ${fixed(explained)} ms (without sums of gradients and new memory)`,
);
console.log(
  `between the operators (TypeScript, this recording, a busy machine): ${fixed(whole - inBackward - called)} ms`,
);
if (options.json)
  writeFileSync(options.json, `${JSON.stringify({ options, peaks, whole, inBackward, rows }, null, 2)}\n`);
