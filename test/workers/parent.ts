// A process for pool.test.ts: prints the ids of two workers that compute without a pause, then waits.

import { WorkerPool } from '../../src/workers/pool.ts';

const evaluator = new URL('./evaluator.ts', import.meta.url);
const pool = new WorkerPool({ workers: 2, evaluator, setup: null });
const pids: unknown[] = [];
for (const action of ['spin', 'hold']) {
  void pool.run({ action }, { onMessage: (pid) => pids.push(pid) === 2 && process.stdout.write(JSON.stringify(pids)) });
}
