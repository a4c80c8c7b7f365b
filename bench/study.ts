// Measures a study and its workers with an evaluator that does nothing: durable trials and dispatches per second, late
// trials against early ones, the size of a trial, opening and reading a large study, and the time from restart to the
// first dispatch.
//   node bench/study.ts

import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Evaluate, evaluateIn } from '../src/experiment/evaluator.ts';
import { remembering } from '../src/experiment/remembered.ts';
import { runSearch } from '../src/experiment/search-loop.ts';
import { createStrategy } from '../src/search/strategy.ts';
import { Study } from '../src/study/study.ts';
import { WorkerPool } from '../src/workers/pool.ts';

const folder = mkdtempSync(join(process.env.NASNET_BENCH_FOLDER ?? tmpdir(), 'nasnet-bench-'));
const rows: [what: string, figure: string][] = [];
const seconds = (since: number) => (performance.now() - since) / 1000;
/** Returns unordered rewards, like those of real children: consecutive trials have very different rewards. */
const nothing: Evaluate = async ({ number }) => ({ reward: (number * 0.6180339887) % 1, seconds: 0 });
let studies = 0;
const newStrategy = () => createStrategy('random', { blocks: 5, seed: 1 });

/** Returns the seconds for `trials` more trials. */
async function searchMore(study: Study<object>, trials: number, workers: number, evaluate = nothing): Promise<number> {
  const start = performance.now();
  await runSearch({ study, strategy: newStrategy(), evaluate, trials: study.asked + trials, workers, inOrder: false });
  return seconds(start);
}

const median = (numbers: number[]) => numbers.sort((a, b) => a - b)[numbers.length >> 1]!;

/** Returns the seconds for the next 2,000 trials of a new study, after its first 100. */
async function earlyTrials(workers: number): Promise<number> {
  using study = Study.create(join(folder, `early-${++studies}.db`), {});
  await searchMore(study, 100, workers);
  return await searchMore(study, 2000, workers); // await before the study is closed
}

async function durableTrials(): Promise<void> {
  for (const workers of [1, 2, 16, 64]) {
    const seconds: number[] = [];
    for (let repeat = 0; repeat < 5; repeat++) seconds.push(await earlyTrials(workers));
    rows.push([`durable trials a second, ${workers} at once`, (2000 / median(seconds)).toFixed(0)]);
  }
}

async function dispatches(): Promise<void> {
  const study = Study.create(join(folder, 'dispatches.db'), {});
  await using pool = new WorkerPool({
    workers: 2,
    evaluator: new URL('./idle-evaluator.ts', import.meta.url),
    setup: null,
  });
  const evaluate = evaluateIn(pool, ({ number }) => number);
  await searchMore(study, 100, 2, evaluate);
  const rate = 2000 / (await searchMore(study, 2000, 2, evaluate));
  rows.push(['durable trials a second through 2 worker processes', rate.toFixed(0)]);
  const start = performance.now();
  await Promise.all(Array.from({ length: 5000 }, (_, job) => pool.run(job)));
  rows.push(['dispatches a second to 2 worker processes, without a study', (5000 / seconds(start)).toFixed(0)]);
  study.close();
}

async function lateTrials(): Promise<void> {
  const path = join(folder, 'late.db');
  const study = Study.create(path, {});
  await searchMore(study, 100_000, 64);
  for (const workers of [1, 16]) {
    const [early, late]: [number[], number[]] = [[], []];
    for (let repeat = 0; repeat < 5; repeat++) {
      early.push(await earlyTrials(workers)); // in turns, because a machine's speed varies
      late.push(await searchMore(study, 2000, workers));
    }
    const factor = (median(late) / median(early)).toFixed(2);
    rows.push([`2,000 trials after the 100,000th cost, times those after the 100th, ${workers} at once`, factor]);
  }
  const { asked } = study;
  study.close();
  rows.push(['bytes a trial, without its curve', (statSync(path).size / asked).toFixed(0)]);
}

/** Writes 30,000 trials of 20 epochs in large transactions; the last 20 are not finished. */
function largeStudy(path: string): void {
  const study = Study.create(path, {});
  const { log } = study;
  const strategy = newStrategy();
  for (let first = 0; first < 30_000; first += 1000) {
    study.transaction(() => {
      for (let trial = first; trial < first + 1000; trial++) {
        log.ask(trial, strategy.ask(trial));
        if (trial >= 29_980) continue;
        log.start(trial);
        for (let epoch = 1; epoch <= 20; epoch++)
          log.epoch(trial, { epoch, loss: 2 / epoch, accuracy: 0.5, imagesPerSecond: 800 });
        const reward = (trial % 997) / 997;
        log.finish(trial, { reward, seconds: 10 });
        strategy.tell(trial, { reward });
        const sequence = log.tell(trial);
        if (trial % 20 === 19) log.snapshot(sequence, strategy.name, strategy.save());
      }
    });
  }
  study.close();
}

async function readLargeStudy(): Promise<void> {
  const path = join(folder, 'large.db');
  largeStudy(path);
  rows.push(['MB of a study of 30,000 trials × 20 epochs', (statSync(path).size / 1e6).toFixed(0)]);
  let start = performance.now();
  const reader = Study.open(path, { readOnly: true });
  rows.push(['… opens in ms', (1000 * seconds(start)).toFixed(1)]);
  for (const [what, read] of [
    ['best 10', () => reader.best(10)],
    ['summary', () => reader.summary()],
    ["a trial's curve", () => reader.epochs(15_000)],
    ['all trials', () => reader.trials()],
  ] as const) {
    start = performance.now();
    read();
    rows.push([`… ${what}, the first time, in ms`, (1000 * seconds(start)).toFixed(1)]);
  }
  reader.close();

  start = performance.now();
  const study = Study.open(path);
  const stop = new AbortController();
  let first = 0;
  const evaluate: Evaluate = (_, { signal }) => {
    first ||= seconds(start);
    const { promise, reject } = Promise.withResolvers<never>();
    signal.addEventListener('abort', () => reject(signal.reason));
    setImmediate(() => stop.abort());
    return promise;
  };
  const once = remembering(evaluate, study); // reads every trained graph, like a real search
  await runSearch({ study, strategy: newStrategy(), evaluate: once, trials: 40_000, workers: 2, signal: stop.signal });
  rows.push(['… from opening to first dispatch in ms', (1000 * first).toFixed(1)]);
  study.close();
}

await durableTrials();
await dispatches();
await lateTrials();
await readLargeStudy();
rmSync(folder, { recursive: true });
console.log(`Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model.trim()}, synchronous = FULL`);
for (const [what, figure] of rows) console.log(`${figure.padStart(8)}  ${what}`);
console.log(`
For comparison, what users of Optuna reported on their machines: 1,000 trials of 2 parameters in 126.6 s on MySQL and as slowly on
SQLite, 8 a second (github.com/optuna/optuna/issues/3048); a trial of 0.5 s that took 5 s after 83,500 others on PostgreSQL (3053).`);
