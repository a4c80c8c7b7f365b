// Measures children per hour at the paper's proxy (N = 2, F = 32, 20 epochs, 45,000 images) on one GPU: the worker
// processes of a search train NASNet-A at the same time on synthetic images for a few epochs, which are extrapolated to
// twenty.
//   node bench/gpu-children.ts [--at-once 1,2,4,8] [--device cuda] [--epochs 3] [--images 45000] [--batch 128]
//                              [--filters 32] [--json FILE]
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { TrainingJob, TrainingResources, TrainingSetup } from '../src/children/training-job.ts';
import { type DatasetFiles, referenceTo } from '../src/data/dataset-files.ts';
import { computingOn } from '../src/engine/device.ts';
import { Failure, InputError } from '../src/failure.ts';
import { RandomStream } from '../src/random/stream.ts';
import { nasnetA } from '../src/space/published.ts';
import type { EpochReport, WorkerResult } from '../src/study/outcome.ts';
import { presets } from '../src/study/presets.ts';
import { WorkerPool } from '../src/workers/pool.ts';
import { median } from './median.ts';

const epochsPerChild = 20;
const text = { type: 'string' } as const;

function parseOptions<Known extends Record<string, typeof text>>(known: Known) {
  try {
    return parseArgs({ options: known }).values as Partial<Record<keyof Known, string>>;
  } catch (error) {
    throw new InputError((error as Error).message);
  }
}

function options() {
  const known = { 'at-once': text, device: text, epochs: text, images: text, filters: text, batch: text, json: text };
  const values = parseOptions(known);
  const whole = (name: string, value: string): number => {
    if (/^[1-9]\d*$/.test(value)) return Number(value);
    throw new InputError(`--${name}: expected a whole number from 1, got "${value}"`);
  };
  return {
    atOnce: (values['at-once'] ?? '1,2,4,8').split(',').map((each) => whole('at-once', each)),
    computing: computingOn(values.device ?? 'cuda'),
    epochs: Math.max(2, whole('epochs', values.epochs ?? '3')),
    images: whole('images', values.images ?? '45000'),
    filters: whole('filters', values.filters ?? '32'),
    batch: whole('batch', values.batch ?? '128'),
    json: values.json,
  };
}

/** Writes a dataset in the cache's format: noise around one grey level per class. */
function syntheticDataset(folder: string, training: number): DatasetFiles {
  const [held, side, classes] = [Math.ceil(training / 9), 32, 10];
  const random = new RandomStream('made up');
  const noise = Uint8Array.from({ length: 2 ** 16 }, () => random.integer(60));
  const part = (name: string, count: number) => {
    const pixels = new Uint8Array(count * 3 * side * side);
    const labels = BigInt64Array.from({ length: count }, (_, index) => BigInt(index % classes));
    for (let index = 0; index < pixels.length; index++) {
      pixels[index] =
        18 * (Math.floor(index / (3 * side * side)) % classes) + noise[(index * 7 + (index >> 13)) % noise.length]!;
    }
    const path = join(folder, `${name}.bin`);
    const start = Math.ceil(pixels.length / 8) * 8;
    writeFileSync(path, Buffer.concat([pixels, new Uint8Array(start - pixels.length), new Uint8Array(labels.buffer)]));
    return { path, count, images: 0, labels: start };
  };
  const names = Array.from({ length: classes }, (_, index) => `class ${index}`);
  const [train, test] = [part('train', training + held), part('test', 1000)];
  return {
    name: 'made up',
    source: 'bench/gpu-children.ts',
    content: 'made up',
    classes: names,
    height: side,
    width: side,
    holdOut: 'uniform',
    train,
    test,
  };
}

type Options = ReturnType<typeof options>;

interface Child {
  /** The job's duration: capture, all epochs, validation. */
  seconds: number;
  /** The speed of its last epoch, when all children have passed their starts. */
  imagesPerSecond: number;
  accuracy: number;
}

/** Trains two children per worker; only the first ones benchmark cuDNN's algorithms for every shape. */
async function children(
  count: number,
  files: DatasetFiles,
  { epochs, images, filters, batch, computing }: Options,
): Promise<{ first: Child[]; later: Child[] }> {
  const child = presets.paper.child;
  const training = { ...child, filters, trainingImages: images, recipe: { ...child.recipe, epochs, batchSize: batch } };
  const dataset = referenceTo(files);
  const setup: TrainingSetup = { dataset, training, validationImages: files.train.count - images, splitSeed: 1 };
  const resources: TrainingResources = { datasets: [files], threads: 1, computing };
  const evaluator = new URL('../src/children/training-job.ts', import.meta.url);
  await using pool = new WorkerPool({ workers: count, evaluator, setup, resources, threads: 1 });
  const train = async (seed: number): Promise<Child> => {
    const reports: EpochReport[] = [];
    const job: TrainingJob = { architecture: nasnetA, training, seed };
    const outcome = await pool.run(job, { onMessage: (message) => reports.push(message as EpochReport) });
    if ('failure' in outcome) throw new Failure(`a child failed (${outcome.failure.kind}): ${outcome.failure.message}`);
    const { reward } = outcome.result as WorkerResult;
    return { seconds: outcome.seconds, imagesPerSecond: reports.at(-1)!.imagesPerSecond!, accuracy: reward };
  };
  const all = await Promise.all(Array.from({ length: 2 * count }, (_, seed) => train(seed)));
  return { first: all.slice(0, count), later: all.slice(count) };
}

/** Returns the seconds of a child of twenty epochs: its duration, and further epochs as fast as its last one. */
function fullChild({ seconds, imagesPerSecond }: Child, { epochs, images }: Options): number {
  return seconds + ((epochsPerChild - epochs) * images) / imagesPerSecond;
}

interface Row {
  atOnce: number;
  imagesPerSecond: number;
  /** Figures of the workers' first children, and of later ones. */
  first: Figures;
  later: Figures;
}

interface Figures {
  secondsOfAChild: number;
  childrenAnHour: number;
  children: Child[];
}

function figuresOf(children: Child[], selected: Options): Figures {
  const seconds = median(children.map((child) => fullChild(child, selected)));
  return { secondsOfAChild: seconds, childrenAnHour: (3600 * children.length) / seconds, children };
}

const folder = mkdtempSync(join(tmpdir(), 'nasnet-children-'));
try {
  const selected = options();
  const files = syntheticDataset(folder, selected.images);
  const rows: Row[] = [];
  console.log(
    '| children at once | images/s of all | a child of 20 epochs | children per hour | with the first of each worker |',
  );
  console.log('| --- | --- | --- | --- | --- |');
  for (const atOnce of selected.atOnce) {
    const { first, later } = await children(atOnce, files, selected);
    const imagesPerSecond = later.reduce((sum, each) => sum + each.imagesPerSecond, 0);
    const row: Row = { atOnce, imagesPerSecond, first: figuresOf(first, selected), later: figuresOf(later, selected) };
    rows.push(row);
    const child = `${row.later.secondsOfAChild.toFixed(1)} s`;
    const hours = [row.later, row.first].map(({ childrenAnHour }) => childrenAnHour.toFixed(2));
    console.log(`| ${[atOnce, imagesPerSecond.toFixed(0), child, ...hours].join(' | ')} |`);
  }
  if (selected.json) writeFileSync(selected.json, `${JSON.stringify({ ...selected, rows }, null, 2)}\n`);
} catch (error) {
  if (!(error instanceof InputError || error instanceof Failure)) throw error;
  process.stderr.write(`bench/gpu-children.ts: ${error.message}\n`);
  process.exitCode = error instanceof InputError ? 2 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
