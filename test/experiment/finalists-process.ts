// Run by finalists.test.ts as the leader of a process group: goes on with the race of a study's finalists in worker
// processes that train nothing, until it is over or has said so many lines; then it kills its group, itself and the
// workers, at once.

import { writeSync } from 'node:fs';
import { evaluateIn } from '../../src/experiment/evaluator.ts';
import { type FinalistToTrain, raceFinalists } from '../../src/experiment/finalists.ts';
import { openSearch } from '../../src/study/parse-settings.ts';
import { WorkerPool } from '../../src/workers/pool.ts';

const [path, notes, workers, lines] = process.argv.slice(2) as [string, string, string, string];
let said = 0;
using study = openSearch(path);
const evaluator = new URL('./finalists-evaluator.ts', import.meta.url);
await using pool = new WorkerPool({ workers: Number(workers), evaluator, setup: notes });
await raceFinalists({
  study,
  count: study.settings.finalists!.count,
  evaluate: evaluateIn<FinalistToTrain>(pool, ({ trial, run }) => ({ trial, run })),
  onEvent: (event) => {
    if (event.kind !== 'finalist') return;
    const { trial, run } = event.finalist;
    writeSync(1, `${event.news.kind} ${trial} ${run}\n`);
    if (++said === Number(lines)) process.kill(-process.pid, 'SIGKILL');
  },
});
