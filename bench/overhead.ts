// Measures the overhead of a search's child besides its training: batches, building, evaluation, dispatch, the study's
// log, the worker's start. The children of a preset with random architectures on CIFAR-10.
//   node bench/overhead.ts [--preset laptop] [--children 6]     (about 5 seconds per child on a quiet core, twice)
// First runs each child in this process, where its parts can be measured; then the same children in a search with one
// worker.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type TrainingJob, type TrainingResources, type TrainingSetup, trainer } from '../src/children/training-job.ts';
import { EvaluationBatches, TrainingBatches } from '../src/data/batches.ts';
import { prepareCifar10 } from '../src/data/cifar10.ts';
import { referenceTo } from '../src/data/dataset-files.ts';
import { evaluateIn } from '../src/experiment/evaluator.ts';
import { runSearch } from '../src/experiment/search-loop.ts';
import { buildNetwork } from '../src/model/network.ts';
import { planNetwork } from '../src/plan/plan.ts';
import { createStrategy } from '../src/search/strategy.ts';
import { Candidate } from '../src/study/candidate.ts';
import type { TrainingDetails, TrialToEvaluate } from '../src/study/outcome.ts';
import { presets } from '../src/study/presets.ts';
import { Study } from '../src/study/study.ts';
import type { EvaluateJob } from '../src/workers/messages.ts';
import { WorkerPool } from '../src/workers/pool.ts';
import { median } from './median.ts';

const { values } = parseArgs({
  options: { preset: { type: 'string', default: 'laptop' }, children: { type: 'string', default: '6' } },
});
const preset = presets[values.preset as keyof typeof presets];
const children = Number(values.children);
const { child: training } = preset;
const validationImages = 'validationImages' in preset ? preset.validationImages : undefined;
const files = await prepareCifar10();
const setup: TrainingSetup = { dataset: referenceTo(files), training, validationImages, splitSeed: 1 };
const resources: TrainingResources = { datasets: [files], threads: 1 };
const strategy = () => createStrategy('random', { blocks: preset.blocks, seed: 1 });
const jobOf = ({ number, candidate }: TrialToEvaluate): TrainingJob => {
  return { architecture: candidate.architecture, training, seed: `1, trial ${number}` };
};

/** Times the calls of a method. Returns a function that returns the milliseconds since its last call. */
function timeMethod<Key extends string>(
  prototype: { [key in Key]: (...values: never[]) => unknown },
  key: Key,
): () => number {
  const original = prototype[key];
  let milliseconds = 0;
  prototype[key] = function (this: unknown, ...values: never[]) {
    const start = performance.now();
    const result = original.apply(this, values);
    milliseconds += performance.now() - start;
    return result;
  };
  return () => {
    const total = milliseconds;
    milliseconds = 0;
    return total;
  };
}

type Parts = Record<'training' | 'batches' | 'building' | 'evaluation' | 'evaluation batches' | 'the rest', number>;

/** Trains a child in this process. Returns the milliseconds of its parts. */
async function childHere(evaluate: EvaluateJob, job: TrainingJob): Promise<Parts> {
  trainingBatches();
  evaluationBatches();
  const { architecture, training } = job;
  const beforeBuilding = performance.now();
  buildNetwork(planNetwork(architecture, { ...training, input: training.resolution }), { seed: 1 }).dispose();
  const building = performance.now() - beforeBuilding;

  const childStart = performance.now();
  let loop = 0;
  const images =
    Math.floor((training.trainingImages ?? files.train.count) / training.recipe.batchSize) * training.recipe.batchSize;
  const result = await evaluate(
    job,
    (message) => {
      loop += (1000 * images) / (message as { imagesPerSecond: number }).imagesPerSecond;
    },
    new AbortController().signal,
  );
  const total = performance.now() - childStart;
  const { trainingSeconds } = (result as { details: TrainingDetails }).details;
  const [batches, forEvaluation] = [trainingBatches(), evaluationBatches()];
  const evaluation = 1000 * trainingSeconds - loop;
  return {
    training: loop - batches,
    batches,
    building,
    evaluation: evaluation - forEvaluation,
    'evaluation batches': forEvaluation,
    'the rest': total - 1000 * trainingSeconds - building,
  };
}

const trainingBatches = timeMethod(TrainingBatches.prototype, 'batch');
const evaluationBatches = timeMethod(EvaluationBatches.prototype, 'batch');

const beforeStart = performance.now();
const evaluate = await trainer(setup, resources);
const startHere = performance.now() - beforeStart;
const asking = strategy();
const here: Parts[] = [];
for (let number = 0; number < children; number++) {
  here.push(await childHere(evaluate, jobOf({ number, candidate: new Candidate(asking.ask(number)) })));
  process.stderr.write(`child ${number + 1} of ${children} here\n`);
}

const folder = mkdtempSync(join(tmpdir(), 'nasnet-overhead-'));
const study = Study.create(join(folder, 'study.db'), {});
const beforePool = performance.now();
const pool = new WorkerPool({
  workers: 1,
  evaluator: new URL('../src/children/training-job.ts', import.meta.url),
  setup,
  resources,
});
let firstStart = 0;
let busy = 0;
const inPool = evaluateIn(pool, jobOf);
await runSearch({
  study,
  strategy: strategy(),
  evaluate: async (trial, progress) => {
    const started = () => {
      firstStart ||= performance.now() - beforePool;
      progress.started();
    };
    const evaluation = await inPool(trial, { ...progress, started });
    busy += 1000 * ((evaluation as { details?: TrainingDetails }).details?.trainingSeconds ?? 0);
    process.stderr.write(`trial ${trial.number + 1} of ${children} by a worker\n`);
    return evaluation;
  },
  trials: children,
  workers: 1,
});
const search = performance.now() - beforePool;
await pool.close();
study.close();
rmSync(folder, { recursive: true });

const pure = median(here.map((parts) => parts.training));
const line = (name: string, milliseconds: number) =>
  console.log(
    `${name.padEnd(44)}${milliseconds.toFixed(1).padStart(9)} ms ${((100 * milliseconds) / pure).toFixed(2).padStart(8)} %`,
  );
console.log(`${values.preset}: ${children} children, medians; shares of a child's training`);
for (const name of Object.keys(here[0]!) as (keyof Parts)[]) line(name, median(here.map((parts) => parts[name])));
line(
  'between children: dispatch, messages, the log',
  (search - firstStart - busy) / children - median(here.map((parts) => parts.building)),
);
console.log(
  `once a search: ${firstStart.toFixed(0)} ms from nothing to the first child, ${startHere.toFixed(0)} of them for images and whitening`,
);
