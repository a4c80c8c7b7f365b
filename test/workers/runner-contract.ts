// The contract of all job runners: every job has an outcome, a failure affects its job only, dead workers are replaced.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { JobOutcome, RunOptions } from '../../src/workers/job-runner.ts';
import { temporaryFolder } from '../data/temporary.ts';
import type { TestJob } from './evaluator.ts';

export interface TestRunner extends AsyncDisposable {
  pool: {
    /** Process ids of the live workers. */
    readonly pids: number[];
    pause(paused: boolean): void;
    close(): Promise<void>;
  };
  /** Runs a job; outcomes and messages are those of evaluator.ts. */
  run(job: TestJob, options?: RunOptions): Promise<JobOutcome>;
}

export interface RunnerKind {
  name: string;
  /** The name of a worker in messages. */
  one: string;
  create(options?: { workers?: number }): TestRunner;
  /** Why its tests cannot run here. */
  skip?: string | false;
}

export const resultOf = (outcome: JobOutcome) => ('result' in outcome ? outcome.result : outcome.failure);

export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

export function testRunner({ name, one, create, skip = false }: RunnerKind): void {
  test(`${name}: a hundred jobs on two workers give a hundred right results`, { skip }, async () => {
    await using workers = create({ workers: 2 });
    const outcomes = await Promise.all(
      Array.from({ length: 100 }, (_, value) => workers.run({ action: 'double', value })),
    );
    assert.deepEqual(
      outcomes.map(resultOf),
      Array.from({ length: 100 }, (_, value) => 2 * value),
    );
    assert.equal(workers.pool.pids.length, 2);
  });

  test(`${name}: two jobs run at once in two processes, a third waits until one is free`, { skip }, async () => {
    await using workers = create({ workers: 2 });
    const pids = new Set<unknown>();
    const stops = [0, 1, 2].map(() => new AbortController());
    const started: number[] = [];
    const both = Promise.withResolvers<void>();
    const runs = stops.map(({ signal }, job) => {
      const onMessage = (pid: unknown) => pids.add(pid).size === 2 && both.resolve();
      return workers.run({ action: 'hold' }, { signal, onMessage, onStart: () => started.push(job) });
    });
    const settled = Promise.allSettled(runs);
    await both.promise;
    assert.deepEqual(started, [0, 1]);
    for (const stop of stops) stop.abort(new Error('enough'));
    for (const outcome of await settled) {
      assert.equal(outcome.status === 'rejected' && String(outcome.reason), 'Error: enough');
    }
    assert.deepEqual(started, [0, 1]);
    assert.equal(resultOf(await workers.run({ action: 'double', value: 4 })), 8);
    assert.ok(
      workers.pool.pids.every((pid) => pids.has(pid)),
      'a job that ends when it is aborted keeps its process',
    );
  });

  test(`${name}: messages arrive in order and before the result`, { skip }, async () => {
    await using workers = create();
    const seen: unknown[] = [];
    const outcome = await workers.run({ action: 'report', value: 5 }, { onMessage: (message) => seen.push(message) });
    seen.push(resultOf(outcome));
    assert.deepEqual(seen, [...[1, 2, 3, 4, 5].map((epoch) => ({ epoch })), 'reported']);
  });

  test(`${name}: a job whose worker crashes is retried once, then failed with the last lines`, { skip }, async () => {
    await using workers = create();
    const history: string[] = [];
    const options = { onStart: () => history.push('start'), onRetry: (reason: string) => history.push(reason) };
    const [crashed, next] = await Promise.all([
      workers.run({ action: 'crash' }, options),
      workers.run({ action: 'double', value: 21 }),
    ]);
    const message = `${one} was ended by SIGSEGV; its last lines: loading | Illegal thing at 0x2a`;
    assert.deepEqual(resultOf(crashed), { kind: 'crash', message });
    assert.deepEqual(history, ['start', message, 'start']);
    assert.equal(resultOf(next), 42);
  });

  test(`${name}: a job that crashes once succeeds in the next worker`, { skip }, async (context) => {
    const folder = temporaryFolder(context);
    await using workers = create();
    const outcome = await workers.run({ action: 'crash-once', file: join(folder, 'started') });
    assert.equal(resultOf(outcome), 'second time lucky');
  });

  test(`${name}: a worker that exits is a crash, one that the system kills ran out of memory`, { skip }, async () => {
    await using workers = create({ workers: 2 });
    const [exited, killed] = await Promise.all([workers.run({ action: 'exit' }), workers.run({ action: 'killed' })]);
    assert.deepEqual(resultOf(exited), { kind: 'crash', message: `${one} ended with exit code 7` });
    const { kind, message } = resultOf(killed) as { kind: string; message: string };
    assert.equal(kind, 'out-of-memory');
    assert.match(message, /SIGKILL.*memory/);
  });

  test(`${name}: an aborted job that ignores its signal is killed with its process, and the next job gets a new one`, {
    skip,
  }, async () => {
    await using workers = create();
    const stop = new AbortController();
    const stuck = workers.run(
      { action: 'spin' },
      { signal: stop.signal, onMessage: () => stop.abort(new Error('enough')) },
    );
    await assert.rejects(stuck, new Error('enough'));
    const [pid] = workers.pool.pids;
    assert.equal(resultOf(await workers.run({ action: 'double', value: 1 })), 2);
    assert.notEqual(workers.pool.pids[0], pid);
  });

  test(`${name}: while it is paused a running job ends and no other begins`, { skip }, async () => {
    await using workers = create({ workers: 2 });
    const [first, second] = ['first', 'second'].map((job) => join(temporaryFolder({ after }), job));
    const begun = Promise.withResolvers<void>();
    const running = workers.run({ action: 'note', value: 1500, file: first! }, { onStart: () => begun.resolve() });
    await begun.promise;
    workers.pool.pause(true);
    const waiting = workers.run({ action: 'note', value: 1, file: second! });
    assert.equal(resultOf(await running), 'noted');
    assert.equal(existsSync(second!), false);
    workers.pool.pause(false);
    assert.equal(resultOf(await waiting), 'noted');
  });

  test(`${name}: closing ends every worker and rejects running jobs`, { skip }, async () => {
    const { pool, run } = create({ workers: 2 });
    const { promise, resolve } = Promise.withResolvers<unknown>();
    const runs = Promise.allSettled([run({ action: 'spin' }, { onMessage: resolve }), run({ action: 'hold' })]);
    await promise;
    const { pids } = pool;
    await pool.close();
    assert.deepEqual(pids.filter(isAlive), []);
    assert.deepEqual(
      (await runs).map((outcome) => outcome.status),
      ['rejected', 'rejected'],
    );
  });
}
