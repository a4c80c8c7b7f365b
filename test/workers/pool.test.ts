// The worker pool: jobs come back, failures stay with their job, dead workers are replaced, no worker outlives its
// parent.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../../src/failure.ts';
import type { RunOptions } from '../../src/workers/job-runner.ts';
import { type PoolOptions, WorkerPool } from '../../src/workers/pool.ts';
import { LastLines } from '../../src/workers/process-end.ts';
import { temporaryFolder } from '../data/temporary.ts';
import type { TestJob } from './evaluator.ts';
import { isAlive, resultOf, testRunner } from './runner-contract.ts';

function newPool({
  workers = 1,
  setup = {} as unknown,
  resources,
  threads = 1,
  silence,
  time,
}: Partial<PoolOptions> = {}) {
  const evaluator = new URL('./evaluator.ts', import.meta.url);
  const limits = { ...(silence && { silence }), ...(time && { time }) };
  const pool = new WorkerPool({ workers, evaluator, setup, resources, threads, ...limits });
  const run = (job: TestJob, options?: RunOptions) => pool.run(job, options);
  return { pool, run, [Symbol.asyncDispose]: () => pool.close() };
}

testRunner({ name: 'worker processes', one: 'the worker process', create: newPool });

test('a worker gets its setup and resources, and limits the threads of its libraries', async () => {
  const data = { setup: { data: 'photos' }, resources: { cache: '/cache' } };
  await using workers = newPool({ ...data, threads: 3 });
  const outcome = resultOf(await workers.run({ action: 'describe' }));
  assert.deepEqual(outcome, { ...data, pid: workers.pool.pids[0], threads: '3', openblas: '3' });
});

test('a line without an end is truncated', async () => {
  const output = new PassThrough();
  const lines = new LastLines();
  lines.read(output);
  for (let chunk = 0; chunk < 100; chunk++) output.write('x'.repeat(10_000));
  output.end('\nthe last one');
  await once(output, 'end');
  assert.deepEqual(lines.all(), ['x'.repeat(400), 'the last one']);
});

test('a worker that is suspended or computes forever is replaced; its job is retried once, then fails with the reason', async () => {
  await using workers = newPool({ silence: { first: 1, least: 1, times: 0 } });
  const retried: string[] = [];
  const held = workers.run(
    { action: 'hold' },
    {
      onMessage: (pid) => process.kill(pid as number, 'SIGSTOP'),
      onRetry: (reason) => retried.push(reason),
    },
  );
  const spun = workers.run({ action: 'spin' });
  const reason = /^the worker process sent no message for 1 s and was ended as hung$/;
  for (const outcome of await Promise.all([held, spun])) {
    const { kind, message } = resultOf(outcome) as { kind: string; message: string };
    assert.equal(kind, 'timeout');
    assert.match(message, reason);
  }
  assert.equal(retried.length, 1);
  assert.match(retried[0]!, reason);
  assert.equal(resultOf(await workers.run({ action: 'double', value: 4 })), 8);
});

test('a worker that sends heartbeats has no limit of silence', async () => {
  await using workers = newPool({ silence: { first: 5, least: 5, times: 0 } });
  assert.equal(resultOf(await workers.run({ action: 'double-late', value: 4 })), 8);
});

test('a job that sends heartbeats and never ends has a time limit, with and without a prediction; it is retried once, then fails', async () => {
  await using workers = newPool({ workers: 2, time: { first: 2, least: 1, times: 20 } });
  const retried: string[] = [];
  const onRetry = (reason: string) => retried.push(reason);
  const [unknown, predicted] = await Promise.all([
    workers.run({ action: 'hold' }, { onRetry }),
    workers.run({ action: 'hold' }, { onRetry, predicted: 0.001 }),
  ]);
  assert.deepEqual(resultOf(unknown), {
    kind: 'timeout',
    message: 'the worker process took longer than 2 s, and was ended',
  });
  assert.deepEqual(resultOf(predicted), {
    kind: 'timeout',
    message: 'the worker process took longer than 1 s, of which 0 s were predicted, and was ended',
  });
  assert.equal(retried.length, 2);
});

test('the time limit of a job is twenty times its prediction', async () => {
  await using workers = newPool({ time: { first: 1, least: 1, times: 20 } });
  assert.equal(resultOf(await workers.run({ action: 'double-late', value: 4 }, { predicted: 60 })), 8);
});

test('an error of an evaluator is the outcome of its job, and its process continues', async () => {
  await using workers = newPool();
  const named = await workers.run({ action: 'throw', kind: 'not-a-number' });
  const [pid] = workers.pool.pids;
  assert.deepEqual(resultOf(named), { kind: 'not-a-number', message: 'this went wrong' });
  const { kind, message } = resultOf(await workers.run({ action: 'throw' })) as { kind: string; message: string };
  assert.equal(kind, 'error');
  assert.match(message, /^this went wrong \(evaluator\.ts:\d+\)$/);
  const refused = resultOf(await workers.run({ action: 'refuse' }));
  assert.deepEqual(refused, { kind: 'error', message: 'expected this, got that' });
  assert.deepEqual(workers.pool.pids, [pid]);
});

test('a job that loses its device is retried in a new process', async (context) => {
  await using workers = newPool();
  await workers.run({ action: 'double', value: 1 });
  const [pid] = workers.pool.pids;
  const history: string[] = [];
  const folder = temporaryFolder(context);
  const lose: TestJob = { action: 'lose-once', file: join(folder, 'lost') };
  const outcome = await workers.run(lose, { onRetry: (reason) => history.push(reason) });
  assert.equal(resultOf(outcome), 'in a fresh process');
  assert.deepEqual(history, ['the worker process ended with exit code 1; its last lines: CUDA answers nothing']);
  assert.ok(!workers.pool.pids.includes(pid!));
});

test('an evaluator that cannot start, or dies while starting, fails all jobs with the reason', async () => {
  await using refusing = newPool({ setup: 'refuse', workers: 2 });
  const runs = [1, 2, 3].map((value) => refusing.run({ action: 'double', value }));
  for (const outcome of await Promise.allSettled(runs)) {
    const reason = outcome.status === 'rejected' && outcome.reason;
    assert.ok(reason instanceof Failure);
    assert.match(reason.message, /^the worker processes cannot start: no data here/);
  }
  await using dying = newPool({ setup: 'die' });
  await assert.rejects(dying.run({ action: 'double' }), /cannot start: the worker process ended with exit code 3/);
});

test('Ctrl-C in the terminal does not end workers', async () => {
  await using workers = newPool();
  const outcome = await workers.run({ action: 'interrupt' });
  assert.deepEqual([resultOf(outcome)], workers.pool.pids);
});

test('when the parent is killed, its workers end, also during a computation', {
  timeout: 20_000,
}, async () => {
  const parent = spawn(process.execPath, [join(import.meta.dirname, 'parent.ts')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const pids: number[] = JSON.parse(String((await once(parent.stdout, 'data'))[0]));
  assert.equal(pids.filter(isAlive).length, 2);
  parent.kill('SIGKILL');
  while (pids.some(isAlive)) await sleep(20); // their computations never end
});
