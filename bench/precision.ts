// Measures whether training in bfloat16 ranks cells as training in float32 does, on the same random cells with several
// runs each.
//   node bench/precision.ts [--cells 24] [--runs 4] [--workers 2] [--validation 2000] [--seed 1] [--device cpu]
//                           [--log FILE] [--json FILE] [PROXY]
// PROXY is N:F:PIXELS:IMAGES:EPOCHS:BATCH:RATE[@VARIANT], by default 1:8:16:8000:1:64:0.2@fast.
// Kendall's τ between the means of two halves of the float32 runs is the upper limit for any other way of training. It
// is compared with τ between one half of float32 and the other half (by seed) of bfloat16; both are averaged over all
// ways to halve the runs. The difference has a 95 % interval from resampling the cells 2,000 times.
// A run of 24 cells is a line of the log, from which the bench goes on after it was stopped, with more cells as well.
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { prepareCifar10 } from '../src/data/cifar10.ts';
import { computingOn } from '../src/engine/device.ts';
import { RandomStream } from '../src/random/stream.ts';
import { rankCorrelation } from '../src/statistics/kendall.ts';
import { mean } from '../src/statistics/order.ts';
import { measure, randomCells, trainingOf, variance } from './proxy-children.ts';
import { appendToLog, readLog } from './run-log.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    cells: { type: 'string', default: '24' },
    runs: { type: 'string', default: '4' },
    workers: { type: 'string', default: '2' },
    validation: { type: 'string', default: '2000' },
    seed: { type: 'string', default: '1' },
    device: { type: 'string', default: 'cpu' },
    log: { type: 'string' },
    json: { type: 'string' },
  },
});
const [cells, runs] = [Number(values.cells), Number(values.runs)];
if (cells < 5 || runs < 2 || runs % 2 !== 0) {
  throw new Error(`expected at least 5 cells and an even number of runs, got ${values.cells} and ${values.runs}`);
}
const proxy = positionals[0] ?? '1:8:16:8000:1:64:0.2@fast';
const precisions = ['float32', 'bfloat16'] as const;
type Precision = (typeof precisions)[number];

const files = await prepareCifar10();
const architectures = randomCells(cells, values.seed);
/** [cells][runs] */
const rewards: Record<Precision, number[][]> = { float32: [], bfloat16: [] };
const seconds: Record<Precision, number[]> = { float32: [], bfloat16: [] };
for (const kind of precisions) rewards[kind] = architectures.map(() => []);

/** Cells of a pass. */
const together = 24;

/** A run of some cells, a line of the log. */
interface Pass {
  /** Proxy, images, seed and device, on which it depends. */
  of: string;
  precision: Precision;
  run: number;
  /** The number of its first cell. */
  from: number;
  /** [cells][1] */
  rewards: number[][];
  /** Mean seconds per child. */
  seconds: number;
}

const of = [proxy, values.validation, values.seed, values.device].join(' ');
const log = values.log;
const passes = log ? readLog<Pass>(log) : [];

async function pass(precision: Precision, run: number, from: number): Promise<Pass> {
  const some = architectures.slice(from, from + together);
  const known = passes.find(
    (pass) => pass.of === of && pass.precision === precision && pass.run === run && pass.from === from,
  );
  if (known && known.rewards.length >= some.length) return known;
  const found = await measure(some, {
    files,
    training: () => trainingOf(proxy),
    validationImages: Number(values.validation),
    workers: Number(values.workers),
    seed: values.seed,
    runs: [run],
    from,
    computing: computingOn(values.device, precision),
  });
  const made = { of, precision, run, from, ...found };
  if (log) appendToLog(log, made);
  return made;
}

for (let from = 0; from < cells; from += together) {
  for (let run = 0; run < runs; run++) {
    for (const kind of run % 2 ? precisions.toReversed() : precisions) {
      const found = await pass(kind, run, from);
      found.rewards.slice(0, cells - from).forEach((each, place) => {
        rewards[kind][from + place]!.push(...each);
      });
      seconds[kind].push(found.seconds);
      process.stderr.write(
        `from cell ${from}, run ${run + 1} of ${runs}, ${kind}: ${found.seconds.toFixed(2)} s a child\n`,
      );
    }
  }
}

/** All ways to divide the runs into two halves, each once. */
const halves = Array.from({ length: 2 ** (runs - 1) }, (_, code) =>
  Array.from({ length: runs }, (_, run) => (code >> run) & 1),
).filter((sides) => sides.reduce((sum, side) => sum + side, 0) === runs / 2);

/** Returns the means of some cells over the runs in one half. */
const meansOf = (kind: Precision, some: readonly number[], sides: readonly number[], side: number) =>
  some.map((cell) => mean(rewards[kind][cell]!.filter((_, run) => sides[run] === side)));

const tau = (one: readonly number[], other: readonly number[]) => rankCorrelation(one, other)?.tau ?? 0;

/** Returns τ between halves of the runs, averaged over all divisions. */
function between(one: Precision, other: Precision, some: readonly number[]): number {
  return mean(
    halves.flatMap((sides) =>
      [0, 1].map((side) => tau(meansOf(one, some, sides, side), meansOf(other, some, sides, 1 - side))),
    ),
  );
}

const all = architectures.map((_, cell) => cell);
const ceiling = between('float32', 'float32', all);
const across = between('float32', 'bfloat16', all);
const within = between('bfloat16', 'bfloat16', all);
const random = new RandomStream(`precision ${values.seed}`);
const differences = Array.from({ length: 2000 }, () => {
  const sample = all.map(() => random.integer(cells));
  return between('float32', 'bfloat16', sample) - between('float32', 'float32', sample);
}).toSorted((one, other) => one - other);
const [low, high] = [differences[50]!, differences[1949]!];
const whole = rankCorrelation(
  ...(precisions.map((kind) => rewards[kind].map(mean)) as [number[], number[]]), // both of all runs
)!;
const summary = precisions.map((kind) => ({
  precision: kind,
  seconds: mean(seconds[kind]),
  reward: mean(rewards[kind].flat()),
  noise: Math.sqrt(mean(rewards[kind].map(variance))),
}));

console.log(`${proxy}: ${cells} random cells, ${runs} runs each, ${values.device}\n`);
console.log('| precision | seconds per child | reward | deviation of runs |');
console.log('| --- | --- | --- | --- |');
for (const each of summary) {
  const percent = [each.reward, each.noise].map((value) => (100 * value).toFixed(2));
  console.log(`| ${each.precision} | ${each.seconds.toFixed(2)} | ${percent[0]}% | ${percent[1]} |`);
}
const fixed = (value: number) => value.toFixed(3);
console.log(`\n| Kendall’s τ between means of ${runs / 2} runs and of ${runs / 2} others | |`);
console.log('| --- | --- |');
console.log(`| float32 and float32 (the upper limit) | ${fixed(ceiling)} |`);
console.log(`| float32 and bfloat16 | ${fixed(across)} |`);
console.log(`| bfloat16 and bfloat16 | ${fixed(within)} |`);
console.log(
  `| difference of the second and the first, 95 % | ${fixed(across - ceiling)} (${fixed(low)} to ${fixed(high)}) |`,
);
console.log(
  `\nfloat32 and bfloat16, means of all ${runs} runs: τ ${fixed(whole.tau)} (${fixed(whole.low)} to ${fixed(whole.high)})`,
);
if (values.json) {
  const found = { ceiling, across, within, difference: [low, high], whole };
  writeFileSync(
    values.json,
    `${JSON.stringify({ options: { ...values, proxy }, summary, rewards, ...found }, null, 2)}\n`,
  );
}
