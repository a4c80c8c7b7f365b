// What breaks in a cluster, and what happens then: each line of the table in docs/cluster.md.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { Queue } from 'bullmq';
import { keys } from '../../src/cluster/keys.ts';
import { connect, serverPrefix } from '../../src/store/redis-connection.ts';
import { resultOf } from '../workers/runner-contract.ts';
import type { AgentProcess } from './agent-process.ts';
import { newAgent, newSearch, testTerms } from './cluster.ts';
import { CutLink } from './cut-link.ts';
import { RedisServer, skip } from './redis-server.ts';

const folder = mkdtempSync(join(tmpdir(), 'nasnet-failures-'));
const processes = new Set<ChildProcess>();
let server: RedisServer;

before(async () => {
  if (skip === false) server = await RedisServer.start();
});
after(async () => {
  for (const child of processes) child.kill('SIGKILL');
  await server?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

/** Starts a worker in a process of its own. */
async function agentProcess(options: AgentProcess): Promise<ChildProcess> {
  const script = join(import.meta.dirname, 'agent-process.ts');
  const child = spawn(process.execPath, [script, JSON.stringify(options)], { stdio: ['ignore', 'pipe', 'inherit'] });
  processes.add(child);
  child.on('exit', () => processes.delete(child));
  await once(child.stdout!, 'data');
  child.stdout!.resume();
  return child;
}

/** A job that notes each attempt and takes so many milliseconds. */
function noting(value: number) {
  const file = join(folder, randomUUID());
  const attempts = () => (existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n').length : 0);
  return { job: { action: 'note', value, file }, attempts };
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(20);
}

suite('a cluster', { skip, timeout: 400_000 }, () => {
  test('a worker that is killed: its job is tried elsewhere, and its search is told', async () => {
    await using search = await newSearch(server.address);
    const first = await agentProcess({ port: server.port });
    const { job, attempts } = noting(1500);
    const history: string[] = [];
    const running = search.runner.run(job, {
      key: 't0-r0',
      onStart: () => history.push('start'),
      onRetry: (reason) => history.push(reason),
    });
    await until(() => attempts() === 1 && history.length === 1);
    first.kill('SIGKILL');
    await using _second = await newAgent(server.address);
    assert.equal(resultOf(await running), 'noted');
    assert.deepEqual(history, ['start', 'its worker was lost', 'start']);
    assert.equal(attempts(), 2);
  });

  test('a worker that stands still for longer than its lease, and then goes on: one result counts', async () => {
    await using search = await newSearch(server.address);
    const frozen = await agentProcess({ port: server.port });
    const { job, attempts } = noting(1000);
    let outcomes = 0;
    const running = search.runner.run(job, { key: 't1-r0' }).finally(() => outcomes++);
    await until(() => attempts() === 1);
    frozen.kill('SIGSTOP');
    await using second = await newAgent(server.address);
    assert.equal(resultOf(await running), 'noted');
    frozen.kill('SIGCONT');
    await using _third = await newSearch(server.address); // the thawed one works again, and for others too
    await second.agent[Symbol.asyncDispose]();
    assert.equal(resultOf(await search.runner.run({ action: 'double', value: 4 })), 8);
    assert.deepEqual([outcomes, attempts()], [1, 2]);
    const exit = once(frozen, 'exit');
    frozen.kill('SIGKILL');
    await exit;
  });

  test('a link that is cut without a word for longer than the lease: another worker tries the job', async () => {
    await using link = await CutLink.to(server.port);
    await using search = await newSearch(server.address);
    await using _cut = await newAgent({ ...server.address, port: link.port });
    const { job, attempts } = noting(3000);
    const running = search.runner.run(job, { key: 't2-r0' });
    await until(() => attempts() === 1);
    link.silence();
    await using _second = await newAgent(server.address);
    assert.equal(resultOf(await running), 'noted');
    assert.equal(attempts(), 2);
    link.mend();
  });

  test('a result that is finished while the link is cut still counts, and nothing is trained twice', async () => {
    await using link = await CutLink.to(server.port);
    await using search = await newSearch(server.address);
    await using cut = await newAgent({ ...server.address, port: link.port });
    const { job, attempts } = noting(1500);
    const running = search.runner.run(job, { key: 't3-r0' });
    await until(() => attempts() === 1);
    link.silence();
    await until(() => cut.lines.some((line) => line.includes('is done')));
    const queue = new Queue(`${search.queue.id}-0g`, { connection: { port: server.port }, prefix: serverPrefix });
    await until(async () => (await queue.getWaitingCount()) === 1); // its lease is over
    link.mend();
    assert.equal(resultOf(await running), 'noted');
    assert.equal(attempts(), 1);
    await queue.close();
  });

  test('a worker that is asked to end gives its job back at once', async () => {
    await using search = await newSearch(server.address, { lease: 60 });
    const first = await agentProcess({ port: server.port });
    const { job, attempts } = noting(2000);
    const history: string[] = [];
    const onRetry = (reason: string) => history.push(reason);
    const running = search.runner.run(job, { key: 't4-r0', onRetry });
    await until(() => attempts() === 1);
    await using _second = await newAgent(server.address);
    first.kill('SIGTERM');
    assert.equal(resultOf(await running), 'noted');
    assert.equal(attempts(), 2, 'within the lease of a minute');
    assert.ok(history.every((reason) => reason === 'its worker has stopped and gave it back'));
  });

  test('a job that kills every worker fails after three losses, and says what it had reported', async () => {
    await using search = await newSearch(server.address, { lease: 1 });
    const stop = new AbortController();
    const workers = (async () => {
      while (!stop.signal.aborted) {
        const worker = await agentProcess({ port: server.port });
        await once(worker, 'exit', { signal: stop.signal }).catch(() => worker.kill('SIGKILL'));
      }
    })();
    const outcome = await search.runner.run({ action: 'kill-parent', value: 700 }, { key: 't5-r0' });
    stop.abort();
    await workers;
    const { kind, message } = resultOf(outcome) as { kind: string; message: string };
    assert.equal(kind, 'worker-lost');
    assert.match(message, /^its worker was lost 3 times, the last time on .+, after it had reported \{"epoch":1\}$/);
  });

  test('a job that never ends is ended after its time', async () => {
    await using search = await newSearch(server.address);
    await using _worker = await newAgent(server.address, { time: { first: 1, least: 1, times: 20 } });
    const { kind } = resultOf(await search.runner.run({ action: 'hold' })) as { kind: string };
    assert.equal(kind, 'timeout');
  });

  test('a worker ends a job by the prediction for its kind of machine, and the outcome says which that was', async () => {
    await using search = await newSearch(server.address);
    await using _worker = await newAgent(server.address, { time: { first: 600, least: 1, times: 20 } });
    const predictedOn = { 'a test': 0.01, 'another kind': 1000 };
    const outcome = await search.runner.run({ action: 'hold' }, { predicted: 1000, predictedOn });
    assert.equal((resultOf(outcome) as { kind: string }).kind, 'timeout');
    assert.equal(outcome.machine, 'a test');
  });

  test('a training that fails is an outcome: not a number, out of memory', async () => {
    await using search = await newSearch(server.address);
    await using _worker = await newAgent(server.address, { slots: 2 });
    const jobs = [{ action: 'throw', kind: 'not-a-number' }, { action: 'killed' }];
    const failures = await Promise.all(jobs.map((job) => search.runner.run(job)));
    assert.deepEqual(
      failures.map((outcome) => (resultOf(outcome) as { kind: string }).kind),
      ['not-a-number', 'out-of-memory'],
    );
  });

  test('a search that ends and comes again finds the result of a job that ran meanwhile', async () => {
    const id = randomUUID();
    const { job, attempts } = noting(1000);
    await using _worker = await newAgent(server.address);
    {
      await using search = await newSearch(server.address, { id, leave: true });
      void search.runner.run(job, { key: 't6-r0' }).catch(() => {});
      await until(() => attempts() === 1);
    }
    await using search = await newSearch(server.address, { id, leave: true });
    assert.equal(resultOf(await search.runner.run(job, { key: 't6-r0' })), 'noted');
    assert.equal(attempts(), 1);
  });

  test('a job that needs other memory by now is found where an earlier process has put it', async () => {
    const id = randomUUID();
    const { job, attempts } = noting(1000);
    await using _worker = await newAgent(server.address);
    const key = 't9-r0';
    {
      await using search = await newSearch(server.address, { id, leave: true });
      void search.runner.run(job, { key, memory: 2 ** 30 }).catch(() => {});
      await until(() => attempts() === 1);
    }
    await using search = await newSearch(server.address, { id, leave: true });
    assert.equal(resultOf(await search.runner.run(job, { key, memory: 5 * 2 ** 30 })), 'noted');
    assert.equal(attempts(), 1);
  });

  test('a search that is killed while it is paused is not paused when it comes again', async () => {
    const id = randomUUID();
    await using _worker = await newAgent(server.address);
    {
      await using search = await newSearch(server.address, { id });
      assert.equal(resultOf(await search.runner.run({ action: 'double', value: 1 })), 2);
      await search.queue.pause(true);
    }
    await using search = await newSearch(server.address, { id });
    assert.equal(resultOf(await search.runner.run({ action: 'double', value: 2 })), 4);
  });

  test('a job that is aborted while the server stands still rejects at once, and nothing else does', async () => {
    await using own = await RedisServer.start();
    await using search = await newSearch(own.address);
    {
      await using _worker = await newAgent(own.address);
      assert.equal(resultOf(await search.runner.run({ action: 'double', value: 1 })), 2);
    }
    process.kill(own.pid, 'SIGSTOP');
    const stop = new AbortController();
    const running = search.runner.run({ action: 'double', value: 2 }, { signal: stop.signal });
    await setImmediate(); // the job is on its way
    stop.abort(new Error('enough'));
    await assert.rejects(running, new Error('enough'));
    process.kill(own.pid, 'SIGCONT');
  });

  test('a server that is killed and comes back with its data: nothing is lost', async () => {
    await using own = await RedisServer.start();
    await using search = await newSearch(own.address, { lease: 20 });
    await using _worker = await newAgent(own.address);
    const [first, second] = [noting(1500), noting(10)];
    const running = Promise.all(
      [first, second].map(({ job }, index) => search.runner.run(job, { key: `t${index}-r0` })),
    );
    await until(() => first.attempts() === 1);
    await own.kill();
    await own.start();
    assert.deepEqual((await running).map(resultOf), ['noted', 'noted']);
    assert.deepEqual([first.attempts(), second.attempts()], [1, 1]);
  });

  test('a server that comes back without its data: the search puts there what is missing', async () => {
    await using own = await RedisServer.start();
    await using search = await newSearch(own.address);
    await using _worker = await newAgent(own.address);
    const [first, second] = [noting(1500), noting(10)];
    const running = Promise.all(
      [first, second].map(({ job }, index) => search.runner.run(job, { key: `t${index}-r0` })),
    );
    await until(() => first.attempts() === 1);
    await own.kill({ forget: true });
    await own.start();
    assert.deepEqual((await running).map(resultOf), ['noted', 'noted']);
    assert.ok(first.attempts() <= 2 && second.attempts() === 1);
  });

  test('workers without work take jobs again after a server was away', async () => {
    await using own = await RedisServer.start();
    await using search = await newSearch(own.address);
    await using _worker = await newAgent(own.address);
    assert.equal(resultOf(await search.runner.run({ action: 'double', value: 1 })), 2);
    await own.kill();
    await sleep(6000); // longer than the poll of a worker, which then has nobody to ask
    await own.start();
    assert.equal(resultOf(await search.runner.run({ action: 'double', value: 2 })), 4);
  });

  test('a search and its workers end while the server is away', async () => {
    await using own = await RedisServer.start();
    const search = await newSearch(own.address);
    const worker = await newAgent(own.address);
    assert.equal(resultOf(await search.runner.run({ action: 'double', value: 1 })), 2);
    await until(() => worker.agent.running === 0); // it has delivered
    await own.kill();
    await sleep(4000); // connections wait for seconds until they try again
    await search[Symbol.asyncDispose]();
    await worker[Symbol.asyncDispose]();
  });

  test('a server that is full takes results, and jobs as soon as there is room', async () => {
    await using own = await RedisServer.start();
    await using search = await newSearch(own.address, { lease: 20 });
    await using _worker = await newAgent(own.address);
    await using operator = await connect(own.address, { access: {} });
    const { job, attempts } = noting(1000);
    const running = search.runner.run(job, { key: 't7-r0' });
    await until(() => attempts() === 1);
    await operator.redis.config('SET', 'maxmemory', '1');
    assert.equal(resultOf(await running), 'noted');
    const next = search.runner.run({ action: 'double', value: 5 });
    await until(() => search.notes.some((note) => /^The server does not take jobs \(.*OOM/.test(note)));
    await operator.redis.config('SET', 'maxmemory', '0');
    assert.equal(resultOf(await next), 10);
    assert.equal(attempts(), 1);
  });

  test('clocks that are an hour wrong change nothing: locks end by the clock of the server', async () => {
    await using search = await newSearch(server.address);
    const early = await agentProcess({ port: server.port, clock: -3_600_000 });
    const { job, attempts } = noting(3000);
    const running = search.runner.run(job, { key: 't8-r0' });
    await until(() => attempts() === 1);
    const late = await agentProcess({ port: server.port, clock: 3_600_000 });
    assert.equal(resultOf(await running), 'noted');
    assert.equal(attempts(), 1, 'the lock held, though the job took longer than the lease');
    early.kill('SIGKILL');
    late.kill('SIGKILL');
  });

  test('a result that is too large is a failure that says so', async () => {
    await using search = await newSearch(server.address);
    await using _worker = await newAgent(server.address);
    const { kind, message } = resultOf(await search.runner.run({ action: 'large', value: 1_500_000 })) as {
      kind: string;
      message: string;
    };
    assert.equal(kind, 'result-too-large');
    assert.match(message, /^its result has 1\d{6} characters, more than the 1000000 that a queue takes$/);
  });

  test('two searches of one study: the second is refused', async () => {
    const id = randomUUID();
    await using _first = await newSearch(server.address, { id });
    await assert.rejects(
      newSearch(server.address, { id }),
      /^Failure: study\.db: process \d+ on .+ searches this study/,
    );
  });

  test('a job of a stranger is refused, and the worker goes on', async () => {
    await using search = await newSearch(server.address);
    await using worker = await newAgent(server.address);
    assert.equal(resultOf(await search.runner.run({ action: 'double', value: 1 })), 2);
    const queue = new Queue(`${search.queue.id}-0g`, { connection: { port: server.port }, prefix: serverPrefix });
    const job = await queue.add('job', { protocol: 1, evaluator: 'evil.js', job: { action: 'double', value: 2 } });
    await until(async () => (await job.getState()) === 'failed');
    assert.match((await queue.getJob(job.id!))!.failedReason, /refused a job of an unknown shape$/);
    assert.ok(worker.lines.some((line) => line.endsWith('is refused: it is no job of a search')));
    assert.equal(resultOf(await search.runner.run({ action: 'double', value: 3 })), 6);
    await queue.close();
  });

  test('a worker of another version takes nothing, and both sides say why', async () => {
    await using own = await RedisServer.start(); // workers that earlier tests killed are still announced on the other
    await using search = await newSearch(own.address);
    await using other = await newAgent(own.address, {
      terms: { ...testTerms, version: '2.0.0', precision: 'bfloat16' },
    });
    const why = /it needs nasnet 1\.0\.0, not 2\.0\.0; the precision float32, not bfloat16$/;
    assert.match(other.lines.join('\n'), why);
    await until(() => search.notes.length > 0);
    assert.match(search.notes[0]!, why);
    assert.deepEqual([search.queue.slots, other.agent.lanes], [0, []]);
  });

  test('a job that needs more memory than a worker has goes to another', async () => {
    await using own = await RedisServer.start(); // other tests' workers have more memory
    await using search = await newSearch(own.address);
    await using small = await newAgent(own.address, { memory: 2 * 2 ** 30 });
    const large = search.runner.run({ action: 'double', value: 1 }, { memory: 4 * 2 ** 30 });
    assert.equal(resultOf(await search.runner.run({ action: 'double', value: 2 }, { memory: 2 ** 30 })), 4);
    assert.ok(small.agent.lanes.every((name) => !name.endsWith('-8g')));
    await until(() => search.notes.length > 0);
    assert.match(search.notes[0]!, /^Some children need 8\.59 GB, and no worker that is there has more than 2\.15 GB/);
    await using _large = await newAgent(own.address, { memory: 16 * 2 ** 30 });
    assert.equal(resultOf(await large), 2);
  });

  test('slots follow the workers that come and go', async () => {
    const reported: number[] = [];
    await using own = await RedisServer.start();
    await using search = await newSearch(own.address, { onSlots: (slots) => reported.push(slots) });
    {
      await using _one = await newAgent(own.address, { slots: 3 });
      await until(() => search.queue.slots === 3);
    }
    await until(() => search.queue.slots === 0);
    assert.deepEqual(reported, [3, 0]);
  });

  test('a finished search leaves nothing on the server', async () => {
    await using own = await RedisServer.start();
    await using search = await newSearch(own.address);
    {
      await using _worker = await newAgent(own.address);
      const outcome = await search.runner.run({ action: 'double', value: 1 }, { key: 't0-r0' });
      outcome.recorded?.();
    }
    await search.queue.close({ finished: true });
    await using operator = await connect(own.address, { access: {} });
    const left = (await operator.redis.keys('*')).filter((key) => !key.endsWith(':stalled-check'));
    assert.deepEqual(left, []);
    assert.equal(await operator.redis.exists(keys.searches), 0);
  });
});
