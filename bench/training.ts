// Images per second of training the search's child (NASNet-A, N = 2, F = 24, batch 64), ours beside the same network in PyTorch:
// one thread, two threads, two processes of one thread each. Both sides run in the same minutes, in turns; medians are compared.
//   node bench/training.ts [--cells 2] [--filters 24] [--batch 64] [--steps 3] [--repeats 5] [--json FILE]
// PyTorch is the one of /usr/bin/python3, or of the Python that NASNET_PYTHON names.
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({
  options: {
    cells: { type: 'string', default: '2' },
    filters: { type: 'string', default: '24' },
    batch: { type: 'string', default: '64' },
    steps: { type: 'string', default: '3' },
    repeats: { type: 'string', default: '5' },
    json: { type: 'string' },
  },
});
const [batch, steps, repeats] = [Number(options.batch), Number(options.steps), Number(options.repeats)];
const arrangements = [
  { name: 'one thread', processes: 1, threads: 1 },
  { name: 'two threads', processes: 1, threads: 2 },
  { name: 'two processes', processes: 2, threads: 1 },
];

interface Answer {
  parameters?: number;
  version?: string;
  seconds?: number;
}

/** A training process that makes steps when told to. */
class Side {
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(command: string, parameters: string[], threads: number) {
    const count = String(threads);
    const env = { ...process.env, OMP_NUM_THREADS: count, OPENBLAS_NUM_THREADS: count, MKL_NUM_THREADS: count };
    const shape = [options.cells, options.filters, options.batch];
    this.#process = spawn(command, [...parameters, count, ...shape], { env, stdio: ['pipe', 'pipe', 'inherit'] });
    this.#lines = createInterface({ input: this.#process.stdout! })[Symbol.asyncIterator]();
  }

  async answer(): Promise<Answer> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(`${this.#process.spawnargs.join(' ')}: ended without an answer`);
    return JSON.parse(value) as Answer;
  }

  make(steps: number): Promise<Answer> {
    this.#process.stdin!.write(`${steps}\n`);
    return this.answer();
  }

  end(): void {
    this.#process.stdin!.end();
  }
}

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const commands = {
  ours: { command: process.execPath, parameters: [here('training-side.ts')] },
  pytorch: { command: process.env.NASNET_PYTHON ?? '/usr/bin/python3', parameters: [here('peers/nasnet_training.py')] },
};

async function measure({ name, processes, threads }: (typeof arrangements)[number]) {
  const sides = Object.entries(commands).map(([side, { command, parameters }]) => {
    return {
      side,
      speeds: [] as number[],
      running: Array.from({ length: processes }, () => new Side(command, parameters, threads)),
    };
  });
  const counts = [];
  for (const { side, running } of sides) {
    const [first] = await Promise.all(running.map((each) => each.answer()));
    counts.push(first!.parameters);
    process.stderr.write(`${name}: ${side}, libtorch ${first!.version}, ${first!.parameters} parameters\n`);
    await Promise.all(running.map((each) => each.make(2))); // warm
  }
  if (new Set(counts).size !== 1) throw new Error(`the networks differ: ${counts.join(' and ')} parameters`);
  for (let repeat = 0; repeat < repeats; repeat++) {
    for (const { speeds, running } of sides) {
      const answers = await Promise.all(running.map((each) => each.make(steps)));
      speeds.push(answers.reduce((sum, { seconds }) => sum + (steps * batch) / seconds!, 0));
    }
  }
  for (const { running } of sides) for (const each of running) each.end();
  const [ours, pytorch] = sides.map(({ speeds }) => median(speeds)) as [number, number];
  // Neighbouring turns share the machine's mood, so their ratio is steadier than that of the medians.
  const ratio = median(sides[0]!.speeds.map((speed, index) => speed / sides[1]!.speeds[index]!));
  return {
    arrangement: name,
    ours,
    pytorch,
    ratio,
    speeds: Object.fromEntries(sides.map(({ side, speeds }) => [side, speeds])),
  };
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((one, other) => one - other);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

const rows = [];
for (const arrangement of arrangements) rows.push(await measure(arrangement));
console.log(`NASNet-A, N = ${options.cells}, F = ${options.filters}, batch ${batch}, images per second of training`);
console.log(`${cpus()[0]?.model.trim()}, ${cpus().length} cores; medians of ${repeats} turns of ${steps} steps\n`);
console.log('| arrangement | nasnet | PyTorch | ratio |\n| --- | --- | --- | --- |');
for (const { arrangement, ours, pytorch, ratio } of rows) {
  console.log(`| ${arrangement} | ${ours.toFixed(1)} | ${pytorch.toFixed(1)} | ${ratio.toFixed(2)} |`);
}
if (options.json) {
  const machine = { processor: cpus()[0]?.model.trim(), cores: cpus().length, node: process.version };
  writeFileSync(options.json, `${JSON.stringify({ machine, options, rows }, null, 2)}\n`);
}
