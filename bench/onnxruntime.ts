// Compares inference with onnxruntime: NASNet-A mobile at 224 pixels in float32, one image and 32, one thread and two.
// Both run the same weights and must give the same logits first; then they take turns, a block of runs each.
//   node bench/onnxruntime.ts [--help]
import { availableParallelism, cpus } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { randn } from '../src/engine/create.ts';
import { setThreads } from '../src/engine/machine.ts';
import { free, noGrad, scope } from '../src/engine/memory.ts';
import { Generator } from '../src/engine/random.ts';
import { buildOnnx, requireSmallDifference } from '../src/export/onnx/export-onnx.ts';
import { openSession } from '../src/export/onnx/session.ts';
import { verifyOnnx } from '../src/export/onnx/verify.ts';
import { Failure, InputError } from '../src/failure.ts';
import type { ModelDescription } from '../src/model/model-description.ts';
import { buildNetwork, type Network } from '../src/model/network.ts';
import { imagenetPreprocessing } from '../src/model/preprocessing.ts';
import { type PlanOptions, planNetwork } from '../src/plan/plan.ts';
import { nasnetA } from '../src/space/published.ts';
import { median } from './median.ts';

const help = `Images per second in inference, compared with onnxruntime, alternating; NASNet-A mobile at 224 pixels, float32.

  node bench/onnxruntime.ts [options]

  --batch COUNT     images at a time; repeatable (1 and 32)
  --threads COUNT   repeatable (1 and 2)
  --turns COUNT     of each side; medians count (for one image 200, for 32 images 20)
  --help`;

const mobile: PlanOptions = { layout: 'imagenet', cells: 4, filters: 44, input: 224, classes: 1000 };

interface Row {
  batch: number;
  threads: number;
  milliseconds: { nasnet: number; onnxruntime: number };
}

const blockRuns = 10;
// onnxruntime's threads spin for a while after a run and would take a core from whoever comes next
const pauseMilliseconds = 100;

/** Times blocks of runs in turns, each after a pause and a run that does not count. Returns the medians. */
async function timeInBlocks(sides: readonly (() => void | Promise<void>)[], turns: number): Promise<number[]> {
  const times: number[][] = sides.map(() => []);
  for (let done = 0; done < turns; done += blockRuns) {
    for (const [index, run] of sides.entries()) {
      await setTimeout(pauseMilliseconds);
      await run();
      for (let count = Math.min(blockRuns, turns - done); count > 0; count--) {
        const start = performance.now();
        await run();
        times[index]!.push(performance.now() - start);
      }
    }
  }
  return times.map(median);
}

/** Runs both in turns on the same images. */
async function measure(
  network: Network,
  onnx: Uint8Array,
  batch: number,
  threads: number,
  turns: number,
): Promise<Row> {
  setThreads(threads);
  const session = await openSession(onnx, { threads });
  const [height, width, channels] = network.plan.input;
  const plain = randn([batch, channels, height, width], { generator: new Generator(1) });
  const images = plain.contiguous('channels_last');
  const numbers = plain.toArray() as Float32Array;
  const ours = () => scope(() => noGrad(() => void network.forward(images).logits.toArray()));
  const peer = async () => void (await session.run(numbers, plain.shape));
  const [nasnet, onnxruntime] = (await timeInBlocks([ours, peer], turns)) as [number, number];
  free([plain, images]);
  await session.close();
  return { batch, threads, milliseconds: { nasnet, onnxruntime } };
}

function table(rows: readonly Row[]): string {
  const lines = rows.map(({ batch, threads, milliseconds: { nasnet, onnxruntime } }) => {
    const speed = (milliseconds: number) =>
      `${((1000 * batch) / milliseconds).toFixed(1)} (${milliseconds.toFixed(2)} ms)`;
    return `| ${batch} | ${threads} | ${speed(nasnet)} | ${speed(onnxruntime)} | ${(onnxruntime / nasnet).toFixed(2)}× |`;
  });
  const head = '| images | threads | nasnet, images/s | onnxruntime, images/s | ratio |';
  return [head, '| --- | --- | --- | --- | --- |', ...lines].join('\n');
}

function counts(flag: string, texts: readonly string[] | undefined, usual: readonly number[]): readonly number[] {
  if (!texts) return usual;
  const wrong = texts.find((text) => !/^[1-9]\d{0,3}$/.test(text));
  if (wrong !== undefined) throw new InputError(`--${flag}: expected a whole number of at least 1, got ${wrong}`);
  return texts.map(Number);
}

async function run(): Promise<void> {
  const several = { type: 'string', multiple: true } as const;
  const options = { batch: several, threads: several, turns: { type: 'string' }, help: { type: 'boolean' } } as const;
  const { values } = parseArgs({ options });
  if (values.help) return console.log(help);
  const batches = counts('batch', values.batch, [1, 32]);
  const threadCounts = counts('threads', values.threads, [1, 2]);
  const [turns] = counts('turns', values.turns === undefined ? undefined : [values.turns], []);

  const network = buildNetwork(planNetwork(nasnetA, mobile), { seed: 1 }).train(false);
  const description: ModelDescription = {
    architecture: nasnetA,
    network: { ...mobile, input: [224, 224] },
    classes: Array.from({ length: 1000 }, (_, index) => `class ${index}`),
    preprocessing: imagenetPreprocessing,
    origin: 'initial weights',
  };
  const onnx = buildOnnx(network, description);
  const verification = await verifyOnnx(onnx, network);
  requireSmallDifference('NASNet-A mobile', verification);
  const difference = verification.largestDifference.toExponential(1);
  console.error(`the logits of ${verification.images} images differ by at most ${difference}, relative`);

  const rows: Row[] = [];
  for (const batch of batches) {
    for (const threads of threadCounts) {
      rows.push(await measure(network, onnx, batch, threads, turns ?? (batch === 1 ? 200 : 20)));
      console.error(table(rows.slice(-1)).split('\n').at(-1));
    }
  }
  console.log(
    `${cpus()[0]?.model.trim()}, ${availableParallelism()} cores; medians, blocks of runs in turns\n\n${table(rows)}`,
  );
}

try {
  await run();
} catch (error) {
  if (!(error instanceof InputError || error instanceof Failure || error instanceof TypeError)) throw error;
  process.stderr.write(`bench/onnxruntime: ${error.message}\n`);
  process.exitCode = error instanceof Failure ? 1 : 2;
}
