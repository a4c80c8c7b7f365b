// How a queue of many workers performs on one machine: real BullMQ clients in a few processes, whose jobs are trainings
// of the paper's size and do nothing, or sleep. Needs redis-server, set up as docs/cluster.md says.
//
//   node bench/cluster.ts [WORKERS] [SECONDS]      500 workers, children of 5 s in the median by default

import { type ChildProcess, fork, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { cpus, hostname, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { childJob } from '../src/children/child-job.ts';
import { laneName } from '../src/cluster/lanes.ts';
import type { Entry } from '../src/cluster/queue-messages.ts';
import { QueueRunner } from '../src/cluster/queue-runner.ts';
import { clusterDefaults } from '../src/cluster/queue-settings.ts';
import { SearchQueue } from '../src/cluster/search-queue.ts';
import { Slots } from '../src/cluster/slots.ts';
import { WorkerLane } from '../src/cluster/worker-lane.ts';
import { contentIdentity } from '../src/content-identity.ts';
import { RandomStream } from '../src/random/stream.ts';
import { sampleDecisions } from '../src/space/sample.ts';
import { type Connection, connect, serverPrefix } from '../src/store/redis-connection.ts';
import { Candidate } from '../src/study/candidate.ts';
import type { EpochReport } from '../src/study/outcome.ts';
import { settingsOf } from '../src/study/presets.ts';

interface SleepJob {
  milliseconds: number;
  sentAt: number;
  /** A training as a search sends it. */
  training: unknown;
}

interface SleepResult {
  startedAt: number;
  endedAt: number;
}

interface Done extends SleepResult {
  sentAt: number;
  heardAt: number;
}

const now = () => performance.timeOrigin + performance.now();
const address = (port: number) => ({ host: '127.0.0.1', port, tls: false, database: 0 });
const clientsPerProcess = 100;

/** The paper's children train for 20 epochs, each of which is reported. */
const epochs: Entry[] = Array.from({ length: 20 }, (_, index) => {
  const details = { trainingAccuracy: 0.8123456789, learningRate: 0.0123456789 };
  const message: EpochReport = { epoch: index + 1, loss: 0.6123456789, imagesPerSecond: 1234.56789, details };
  return { kind: 'message', message };
});

/** One process of workers: each is a client of its own, with its own connections. It says when a job begins. */
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
      work: async ({ job }, { name, id }) => {
        const startedAt = now();
        process.send!({ begun: id });
        const { milliseconds } = job as SleepJob;
        if (milliseconds > 0) await sleep(milliseconds);
        const result: SleepResult = { startedAt, endedAt: now() };
        return { attempt: name, entries: epochs, outcome: { result }, seconds: 0, host: hostname(), kind: 'a bench' };
      },
      onLine: () => {},
    });
  }
  process.send!('ready');
}

/** A server with the settings of docs/cluster.md, which can be killed and started again. */
class Server {
  readonly port = 20_000 + Math.floor(Math.random() * 20_000);
  readonly #folder = mkdtempSync(join(tmpdir(), 'nasnet-bench-'));
  #process: ChildProcess | undefined;

  async start(): Promise<void> {
    const place = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.#folder, '--save', ''];
    const durable = ['--appendonly', 'yes', '--appendfsync', 'always', '--maxclients', '20000'];
    const child = spawn('redis-server', [...place, ...durable], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#process = child;
    for await (const line of createInterface({ input: child.stdout })) if (line.includes('Ready to accept')) break;
    child.stdout.resume();
  }

  async kill(): Promise<void> {
    const exit = once(this.#process!, 'exit');
    this.#process!.kill('SIGKILL');
    await exit;
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

const quantile = (values: number[], share: number) =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(share * values.length))]!;
const halfAndMost = (values: number[]) =>
  `${quantile(values, 0.5).toFixed(1)} and ${quantile(values, 0.99).toFixed(1)} ms`;
const print = (name: string, value: string) => process.stdout.write(`${name.padEnd(66)} ${value}\n`);
const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`;

async function serverFigure(redis: Redis, name: string): Promise<number> {
  return Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(await redis.info())?.[1]);
}

/** Bytes of memory that a process and nobody else uses. */
const memoryOf = (pid: number) =>
  1024 *
  [...readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8').matchAll(/^Private_\w+: +(\d+) kB/gm)].reduce(
    (sum, [, kilobytes]) => sum + Number(kilobytes),
    0,
  );

/** A search, its server and its workers. */
class Cluster {
  readonly server: Server;
  readonly connection: Connection;
  readonly #queue: SearchQueue;
  readonly #runner: QueueRunner;
  readonly #processes: ChildProcess[] = [];
  /** How often each job was begun. */
  readonly begun = new Map<string, number>();
  readonly #random = new RandomStream('jobs');
  readonly #settings = settingsOf('paper', { dataset: 'cifar10', seed: 1 });
  #key = 0;

  private constructor(server: Server, connection: Connection, queue: SearchQueue) {
    this.server = server;
    this.connection = connection;
    this.#queue = queue;
    const identity = contentIdentity({});
    this.#runner = new QueueRunner({ queue, setup: {}, identity, threads: 'one', leave: false });
  }

  static async start(count: number): Promise<Cluster> {
    const server = new Server();
    await server.start();
    const connection = await connect(address(server.port), { access: {} });
    const terms = { version: 'bench', evaluator: 'sleep', precision: 'none', libtorch: 'none' };
    const queue = await SearchQueue.open({ connection, id: randomUUID(), name: 'bench', terms, store: 'none' });
    const cluster = new Cluster(server, connection, queue);
    await cluster.#startWorkers(count);
    return cluster;
  }

  async #startWorkers(count: number): Promise<void> {
    for (let first = 0; first < count; first += clientsPerProcess) {
      const size = Math.min(clientsPerProcess, count - first);
      const child = fork(import.meta.filename, ['workers', String(this.server.port), this.#lane, String(size)]);
      this.#processes.push(child);
      const ready = Promise.withResolvers<void>();
      child.on('message', (message: 'ready' | { begun: string }) => {
        if (message === 'ready') ready.resolve();
        else this.begun.set(message.begun, (this.begun.get(message.begun) ?? 0) + 1);
      });
      await ready.promise;
    }
  }

  /** Runs a job that sleeps, with the data of a training of the paper's search. */
  async run(milliseconds: number): Promise<Done> {
    const number = this.#key++;
    const candidate = new Candidate(sampleDecisions(this.#random));
    const job: SleepJob = { milliseconds, sentAt: now(), training: childJob(this.#settings, { number, candidate }) };
    const outcome = await this.#runner.run(job, { key: `t${number}-r0` });
    outcome.recorded?.();
    if ('failure' in outcome) throw new Error(outcome.failure.message);
    return { sentAt: job.sentAt, ...(outcome.result as SleepResult), heardAt: now() };
  }

  jobKey(id: string): string {
    return `${serverPrefix}:${this.#lane}:${id}`;
  }

  get #lane(): string {
    return laneName(this.#queue.id, 0);
  }

  /** Bytes of all worker processes. */
  get workersMemory(): number {
    return this.#processes.reduce((sum, { pid }) => sum + memoryOf(pid!), 0);
  }

  async stop(): Promise<void> {
    for (const child of this.#processes) child.kill('SIGKILL');
    await this.#queue.close({ finished: true });
    await this.connection[Symbol.asyncDispose]();
    await this.server.kill();
    this.server.remove();
  }
}

/** One job after the other, while all workers wait. */
async function measureLatency(cluster: Cluster): Promise<void> {
  await cluster.run(0);
  const done: Done[] = [];
  for (let index = 0; index < 500; index++) done.push(await cluster.run(0));
  const dispatched = done.map(({ sentAt, startedAt }) => startedAt - sentAt);
  print('dispatch to an idle worker, p50 and p99', halfAndMost(dispatched));
  const back = done.map(({ endedAt, heardAt }) => heardAt - endedAt);
  print('result back, p50 and p99', halfAndMost(back));
}

/** Jobs that do nothing, all at once. */
async function measureRate(cluster: Cluster): Promise<void> {
  const { redis } = cluster.connection;
  const jobs = 5000;
  const wire = async () =>
    (await serverFigure(redis, 'total_net_input_bytes')) + (await serverFigure(redis, 'total_net_output_bytes'));
  const [bytes, startedAt] = [await wire(), now()];
  await Promise.all(Array.from({ length: jobs }, () => cluster.run(0)));
  print('no-op jobs a second', (jobs / ((now() - startedAt) / 1000)).toFixed(0));
  print('bytes of a trial on the wire, 20 epochs', whole(((await wire()) - bytes) / jobs));
}

const whole = (value: number) => value.toLocaleString('en', { maximumFractionDigits: 0 });

/** Three jobs a worker of log-normal times. All workers are busy until the first of them finds no job. */
async function measureUtilisation(cluster: Cluster, count: number, seconds: number): Promise<void> {
  const { redis } = cluster.connection;
  const random = new RandomStream('times');
  const times = Array.from({ length: 3 * count }, () => 1000 * seconds * Math.exp(0.6 * normal(random)));
  cluster.begun.clear();
  const startedAt = now();
  const running = Promise.all(times.map((time) => cluster.run(time)));
  await sleep(1000 * seconds);
  const id = [...cluster.begun.keys()].at(-1);
  const bytes = Number(await redis.call('memory', 'usage', cluster.jobKey(id!)));
  print('bytes of an open trial in the server', whole(bytes));
  const done = await running;
  const rounds = 2;
  const until = startedAt + done.map(({ endedAt }) => endedAt - startedAt).toSorted((a, b) => a - b)[rounds * count]!;
  const busy = done.reduce((sum, each) => sum + Math.max(0, Math.min(each.endedAt, until) - each.startedAt), 0);
  const share = busy / (count * (until - startedAt));
  const name = `utilisation, children of ${seconds} s (median, σ = 0.6)`;
  print(name, `${(100 * share).toFixed(2)}% until ${rounds * count} of ${3 * count} are done`);
  const lost = ((1 - share) * (until - startedAt)) / rounds;
  const at = (length: number) => `${((100 * 1000 * length) / (1000 * length + lost)).toFixed(2)}%`;
  print('lost for each child; so at 60 s and 600 s', `${lost.toFixed(0)} ms; ${at(60)} and ${at(600)}`);
}

/** Kills the server while all workers are busy, and starts it with its data. */
async function measureRestart(cluster: Cluster, count: number, seconds: number): Promise<void> {
  const away = 5;
  const rounds = 8;
  cluster.begun.clear();
  const heard: number[] = [];
  const one = async () => {
    // half to three halves, so that results come evenly
    const done = await cluster.run(1000 * seconds * (0.5 + Math.random()));
    heard.push(done.heardAt);
  };
  const running = Promise.all(Array.from({ length: rounds * count }, one));
  await sleep(3000 * seconds);
  const killedAt = now();
  await cluster.server.kill();
  await sleep(1000 * away);
  await cluster.server.start();
  const backAt = now();
  await running;
  const first = Math.min(...heard.filter((at) => at > backAt)) - backAt;
  const usual = count / seconds;
  const rateAt = (at: number) => heard.filter((each) => each > at - 1000 && each <= at).length;
  let full = backAt;
  while (rateAt(full) < 0.9 * usual && full < backAt + 60_000) full += 100;
  const twice = [...cluster.begun.values()].filter((times) => times > 1).length;
  print(`server killed, ${away} s away: results lost`, `${rounds * count - heard.length} of ${rounds * count}`);
  print('trained twice', `${twice}`);
  print(
    'first result; rate back, after its return',
    `${(first / 1000).toFixed(1)} s; ${((full - backAt) / 1000).toFixed(1)} s`,
  );
  print('away in all, with reading its file', `${((backAt - killedAt) / 1000).toFixed(1)} s`);
}

async function bench(count: number, seconds: number): Promise<void> {
  const [{ model = '?' } = {}] = cpus();
  print('machine, load average at the start', `${cpus().length} × ${model}, ${loadavg()[0]!.toFixed(1)}`);
  const cluster = await Cluster.start(count);
  const { redis } = cluster.connection;
  print('workers, connections', `${count}, ${await serverFigure(redis, 'connected_clients')}`);
  await measureLatency(cluster);
  await measureUtilisation(cluster, count, seconds);
  const memory = [process.memoryUsage().rss, await serverFigure(redis, 'used_memory_rss'), cluster.workersMemory];
  print('memory of search (3 open trials a worker), server, all workers', memory.map(megabytes).join(', '));
  await measureRate(cluster);
  await measureRestart(cluster, count, seconds);
  await cluster.stop();
}

/** Box and Muller. */
const normal = (random: RandomStream) =>
  Math.sqrt(-2 * Math.log(1 - random.uniform())) * Math.cos(2 * Math.PI * random.uniform());

const [, , first = '500', ...rest] = process.argv;
if (first === 'workers') await workers(Number(rest[0]), rest[1]!, Number(rest[2]));
else {
  await bench(Number(first), Number(rest[0] ?? 5));
  process.exit();
}
