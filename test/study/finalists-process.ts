// Run by finalists.test.ts as a process of its own, to be killed: goes on with the race of a study's finalists until it is over, in
// worker processes that train nothing.

import { evaluateIn } from '../../src/study/evaluation.ts';
import { type FinalistToTrain, raceFinalists } from '../../src/study/finalists.ts';
import type { SearchSettings } from '../../src/study/preset.ts';
import { Study } from '../../src/study/study.ts';
import { WorkerPool } from '../../src/workers/pool.ts';

const [path, notes, workers] = process.argv.slice(2) as [string, string, string];
using study = Study.open<SearchSettings>(path);
const evaluator = new URL('./finalists-evaluator.ts', import.meta.url);
await using pool = new WorkerPool({ workers: Number(workers), evaluator, setup: notes });
await raceFinalists({
  study,
  count: study.settings.finalists!.count,
  evaluate: evaluateIn<FinalistToTrain>(pool, ({ trial, run }) => ({ trial, run })),
  onEvent: (event) => {
    if (event.kind !== 'finalist') return;
    const { trial, run } = event.finalist;
    process.stdout.write(`${event.arrival.kind} ${trial} ${run}\n`);
  },
});
