// Images per second of training the search's child (NASNet-A, N = 2, F = 24, batch 64), ours beside the same network in PyTorch:
// one thread, two threads, two processes of one thread each. Both sides run in the same minutes, in turns; medians are compared.
//   node bench/training.ts [--help]
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { Failure, InputError } from '../src/failure.ts';
import { compareSides } from './training-equal.ts';
import { findPython, help, parseOptions, type TrainingBenchOptions } from './training-options.ts';
import { type Side, sides, TrainingProcess } from './training-process.ts';

const arrangements = [
  { name: 'one thread', processes: 1, threads: 1 },
  { name: 'two threads', processes: 1, threads: 2 },
  { name: 'two processes', processes: 2, threads: 1 },
];

type Arrangement = (typeof arrangements)[number];

/** Steps before the first turn that counts: buffers are allocated, kernels chosen. */
const warmSteps = 2;

async function measure({ name, processes, threads }: Arrangement, both: Side[], options: TrainingBenchOptions) {
  const { batch, steps, repeats } = options;
  const running = both.map((side) => {
    return Array.from({ length: processes }, () => new TrainingProcess(side, options, threads));
  });
  const turn = async (trainings: TrainingProcess[], steps: number) => {
    const answers = await Promise.all(trainings.map((each) => each.make(steps)));
    return (processes * steps * batch) / Math.max(...answers.map(({ seconds }) => seconds)); // images/s
  };
  try {
    await Promise.all(running.flat().map((each) => each.hello));
    for (const trainings of running) await turn(trainings, warmSteps);
    const turns: [ours: number, peer: number][] = [];
    for (let repeat = 1; repeat <= repeats; repeat++) {
      const [ours, peer] = [await turn(running[0]!, steps), await turn(running[1]!, steps)];
      turns.push([ours, peer]);
      process.stderr.write(`${name}, turn ${repeat} of ${repeats}: ${ours.toFixed(1)} / ${peer.toFixed(1)} images/s\n`);
    }
    // Neighbouring turns share the machine's mood, so their ratio is steadier than that of the medians.
    const ratios = turns.map(([ours, peer]) => ours / peer);
    return {
      arrangement: name,
      nasnet: median(turns.map(([ours]) => ours)),
      pytorch: median(turns.map(([, peer]) => peer)),
      ratio: median(ratios),
      range: [Math.min(...ratios), Math.max(...ratios)] as const,
      turns,
    };
  } finally {
    for (const each of running.flat()) each.end();
  }
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((one, other) => one - other);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

async function run(options: TrainingBenchOptions): Promise<void> {
  const { cells, filters, batch, steps, repeats, json } = options;
  const both = sides(findPython());
  const agreement = await compareSides(...both, options);
  const { parameters, versions, losses } = agreement;
  const said = losses.map((pair) => pair.map((loss) => loss.toFixed(4)).join(' / ')).join(', ');
  process.stderr.write(`${parameters} parameters on both sides; losses of the first steps ${said}\n`);
  const rows: Awaited<ReturnType<typeof measure>>[] = [];
  for (const arrangement of arrangements) rows.push(await measure(arrangement, both, options));
  const machine = { processor: cpus()[0]?.model.trim(), cores: cpus().length, node: process.version };
  console.log(`NASNet-A, N = ${cells}, F = ${filters}, batch ${batch}, 32 × 32: images per second of training`);
  console.log(`${machine.processor}, ${machine.cores} cores; medians of ${repeats} turns of ${steps} steps`);
  console.log(`nasnet on libtorch ${versions[0]}, PyTorch ${versions[1]}, ${parameters} parameters each\n`);
  console.log('| arrangement | nasnet | PyTorch | ratio | lowest to highest |\n| --- | --- | --- | --- | --- |');
  for (const { arrangement, nasnet, pytorch, ratio, range } of rows) {
    const between = range.map((each) => each.toFixed(2)).join(' to ');
    console.log(`| ${arrangement} | ${nasnet.toFixed(1)} | ${pytorch.toFixed(1)} | ${ratio.toFixed(2)} | ${between} |`);
  }
  if (json) writeFileSync(json, `${JSON.stringify({ machine, options, agreement, rows }, null, 2)}\n`);
}

try {
  const options = parseOptions(process.argv.slice(2));
  if (options) await run(options);
  else console.log(help);
} catch (error) {
  if (!(error instanceof InputError || error instanceof Failure)) throw error;
  process.stderr.write(`bench/training: ${error.message}\n`);
  process.exitCode = error instanceof InputError ? 2 : 1;
}
