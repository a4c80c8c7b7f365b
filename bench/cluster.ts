// How a queue of many workers performs on one machine: real BullMQ clients in a few processes, whose evaluator does
// nothing or sleeps. Needs redis-server.
//
//   node bench/cluster.ts [WORKERS] [SECONDS]      500 workers, children of 5 s in the median by default

import { fork, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { hostname, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { laneName } from '../src/cluster/lanes.ts';
import { QueueRunner } from '../src/cluster/queue-runner.ts';
import { clusterDefaults } from '../src/cluster/queue-settings.ts';
import { SearchQueue } from '../src/cluster/search-queue.ts';
import { Slots } from '../src/cluster/slots.ts';
import { WorkerLane } from '../src/cluster/worker-lane.ts';
import { contentIdentity } from '../src/content-identity.ts';
import { RandomStream } from '../src/random/stream.ts';
import { connect } from '../src/store/redis-connection.ts';

interface SleepJob {
  milliseconds: number;
  sentAt: number;
}

interface SleepResult {
  startedAt: number;
  endedAt: number;
}

const now = () => performance.timeOrigin + performance.now();
const address = (port: number) => ({ host: '127.0.0.1', port, tls: false, database: 0 });
const processes = 5;

/** One process of workers: each is a client of its own, with its own connections. */
async function workers(port: number, lane: string, count: number): Promise<void> {
  const { lease, losses } = clusterDefaults;
  for (let index = 0; index < count; index++) {
    const { redis } = await connect(address(port), { access: {} });
    new WorkerLane({
      redis,
      name: lane,
      host: hostname(),
      lease,
      losses,
      slots: new Slots(1),
      work: async ({ job }, { name }) => {
        const startedAt = now();
        const { milliseconds } = job as SleepJob;
        if (milliseconds > 0) await sleep(milliseconds);
        const result: SleepResult = { startedAt, endedAt: now() };
        return { attempt: name, entries: [], outcome: { result }, seconds: 0, host: hostname(), kind: 'a bench' };
      },
      onLine: () => {},
    });
  }
  process.send!('ready');
}

async function startServer(folder: string): Promise<{ port: number; kill: () => void }> {
  const port = 20_000 + Math.floor(Math.random() * 20_000);
  const words = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'yes'];
  const child = spawn('redis-server', [...words, '--maxclients', '20000'], { stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface({ input: child.stdout })) if (line.includes('Ready to accept')) break;
  child.stdout.resume();
  return { port, kill: () => child.kill('SIGKILL') };
}

const quantile = (sorted: number[], share: number) =>
  sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
const print = (name: string, value: string) => process.stdout.write(`${name.padEnd(44)} ${value}\n`);

async function bench(count: number, seconds: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'nasnet-bench-'));
  const server = await startServer(folder);
  const id = randomUUID();
  const connection = await connect(address(server.port), { access: {} });
  const terms = { version: 'bench', evaluator: 'sleep', precision: 'none', libtorch: 'none' };
  const queue = await SearchQueue.open({ connection, id, name: 'bench', terms, store: 'none' });
  const runner = new QueueRunner({ queue, setup: {}, identity: contentIdentity({}), threads: 'one', leave: false });
  let key = 0;
  const run = async (milliseconds: number) => {
    const job: SleepJob = { milliseconds, sentAt: now() };
    const outcome = await runner.run(job, { key: `t${key++}-r0` });
    outcome.recorded?.();
    if ('failure' in outcome) throw new Error(outcome.failure.message);
    return { ...job, ...(outcome.result as SleepResult), heardAt: now() };
  };
  const children = Array.from({ length: processes }, () =>
    fork(import.meta.filename, ['workers', String(server.port), laneName(id, 0), String(Math.ceil(count / processes))]),
  );
  await Promise.all(children.map((child) => once(child, 'message')));
  print('workers, load average at the start', `${count}, ${loadavg()[0]!.toFixed(1)}`);
  await run(0);

  const dispatched: number[] = [];
  const heard: number[] = [];
  for (let index = 0; index < 500; index++) {
    const { sentAt, startedAt, endedAt, heardAt } = await run(0);
    dispatched.push(startedAt - sentAt);
    heard.push(heardAt - endedAt);
  }
  for (const list of [dispatched, heard]) list.sort((a, b) => a - b);
  print(
    'dispatch to an idle worker, p50 and p99',
    `${quantile(dispatched, 0.5).toFixed(1)} and ${quantile(dispatched, 0.99).toFixed(1)} ms`,
  );
  print('result back, p50 and p99', `${quantile(heard, 0.5).toFixed(1)} and ${quantile(heard, 0.99).toFixed(1)} ms`);

  const jobs = 5000;
  const before = now();
  await Promise.all(Array.from({ length: jobs }, () => run(0)));
  print('no-op jobs a second', (jobs / ((now() - before) / 1000)).toFixed(0));

  const random = new RandomStream('times');
  const times = Array.from({ length: 3 * count }, () => 1000 * seconds * Math.exp(0.6 * normal(random)));
  const startedAt = now();
  const done = await Promise.all(times.map(run));
  const busy = new Map<number, number>();
  const firstIdle = startedAt + done.map(({ endedAt }) => endedAt - startedAt).sort((a, b) => a - b)[2 * count]!;
  for (const each of done)
    busy.set(each.sentAt + busy.size, Math.max(0, Math.min(each.endedAt, firstIdle) - each.startedAt));
  const share = [...busy.values()].reduce((sum, value) => sum + value, 0) / (count * (firstIdle - startedAt));
  print(
    `utilisation, children of ${seconds} s (median)`,
    `${(100 * share).toFixed(2)}% until ${2 * count} of ${3 * count} are done`,
  );
  const lost = (1 - share) * (firstIdle - startedAt);
  const rounds = 2;
  print(
    'lost for each child, so utilisation at 60 s',
    `${(lost / rounds).toFixed(0)} ms, ${(100 * (60_000 / (60_000 + lost / rounds))).toFixed(2)}%`,
  );

  const info = await connection.redis.info('memory');
  const serverBytes = Number(/used_memory_rss:(\d+)/.exec(info)?.[1]);
  print(
    'memory of search and server',
    `${(process.memoryUsage().rss / 1e6).toFixed(0)} and ${(serverBytes / 1e6).toFixed(0)} MB`,
  );
  const clients = /connected_clients:(\d+)/.exec(await connection.redis.info('clients'))?.[1];
  print('connections', clients ?? '?');
  for (const child of children) child.kill('SIGKILL');
  await queue.close({ finished: true });
  await connection[Symbol.asyncDispose]();
  server.kill();
  rmSync(folder, { recursive: true, force: true });
  process.exit();
}

/** Box and Muller. */
const normal = (random: RandomStream) =>
  Math.sqrt(-2 * Math.log(1 - random.uniform())) * Math.cos(2 * Math.PI * random.uniform());

const [, , first = '500', ...rest] = process.argv;
if (first === 'workers') await workers(Number(rest[0]), rest[1]!, Number(rest[2]));
else await bench(Number(first), Number(rest[0] ?? 5));
