// Machines whose link goes down without a word, and a whole search whose three workers share nothing with it but the
// queue's server.

import assert from 'node:assert/strict';
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { after, suite, test } from 'node:test';
import sharp from 'sharp';
import { RandomStream } from '../../src/random/stream.ts';
import { Study } from '../../src/study/study.ts';
import { temporaryFolder } from '../data/temporary.ts';
import { decisionsOf } from '../experiment/decisions-of.ts';
import { resultOf } from '../workers/runner-contract.ts';
import type { AgentProcess } from './agent-process.ts';
import { newSearch } from './cluster.ts';
import { Machine, skip as withoutMachines } from './machine.ts';
import { RedisServer, skip as withoutServer } from './redis-server.ts';

const folder = temporaryFolder({ after });
const nasnet = resolve(import.meta.dirname, '../../bin/nasnet');
const processes = new Set<ChildProcess>();
after(() => {
  for (const child of processes) child.kill('SIGKILL');
});

/** A process of a test and the lines that it has printed. */
class Program {
  readonly process: ChildProcess;
  readonly lines: string[] = [];
  readonly exit: Promise<unknown[]>;
  #wake = () => {};

  constructor(process: ChildProcess) {
    this.process = process;
    processes.add(process);
    this.exit = once(process, 'exit');
    for (const input of [process.stdout!, process.stderr!])
      createInterface({ input }).on('line', (line) => {
        this.lines.push(line);
        this.#wake();
      });
    process.on('exit', () => this.#wake());
  }

  /** Resolves with the first line of that form. */
  async line(form: RegExp): Promise<string> {
    for (;;) {
      const line = this.lines.find((each) => form.test(each));
      if (line !== undefined) return line;
      if (this.process.exitCode !== null) throw new Error(`it ended without ${form}: ${this.lines.join('\n')}`);
      await new Promise<void>((wake) => (this.#wake = wake));
    }
  }
}

const piped: SpawnOptions = { stdio: ['ignore', 'pipe', 'pipe'] };

/** A server that machines reach over their links. */
const serverFor = (...machines: Machine[]) =>
  RedisServer.start('--protected-mode', 'no', '--bind', '127.0.0.1', ...machines.map(({ here }) => here));

async function agentOn(machine: Machine, port: number): Promise<Program> {
  const options: AgentProcess = { port, host: machine.here };
  const script = join(import.meta.dirname, 'agent-process.ts');
  const program = new Program(machine.spawn(process.execPath, [script, JSON.stringify(options)], piped));
  await program.line(/^ready$/);
  return program;
}

/** A job that notes each attempt and takes so many milliseconds. */
function noting(value: number) {
  const file = join(folder, randomUUID());
  const attempts = () => (existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n').length : 0);
  const begun = Promise.withResolvers<void>();
  return { job: { action: 'note', value, file }, attempts, begun };
}

suite('a machine whose link goes down', { skip: withoutServer || withoutMachines, timeout: 400_000 }, () => {
  test('for longer than the lease: another one trains its job, and it works again when the link is up', async () => {
    using near = new Machine();
    using far = new Machine();
    await using server = await serverFor(near, far);
    await using search = await newSearch(server.address);
    const first = await agentOn(near, server.port);
    const { job, attempts, begun } = noting(3000);
    const running = search.runner.run(job, { key: 't0-r0', onStart: () => begun.resolve() });
    await begun.promise;
    near.cut();
    const second = await agentOn(far, server.port);
    assert.equal(resultOf(await running), 'noted');
    assert.equal(attempts(), 2);
    const exit = second.exit;
    second.process.kill('SIGTERM');
    await exit;
    near.mend();
    assert.equal(resultOf(await search.runner.run({ action: 'double', value: 4 })), 8);
    first.process.kill('SIGKILL');
  });

  test('while a training ends: its result counts when the link is up, and nothing is trained twice', async () => {
    using machine = new Machine();
    await using server = await serverFor(machine);
    await using search = await newSearch(server.address, { lease: 60 });
    const worker = await agentOn(machine, server.port);
    const { job, attempts, begun } = noting(1500);
    const running = search.runner.run(job, { key: 't0-r0', onStart: () => begun.resolve() });
    await begun.promise;
    machine.cut();
    await worker.line(/is done$/);
    machine.mend();
    assert.equal(resultOf(await running), 'noted');
    assert.equal(attempts(), 1);
    worker.process.kill('SIGKILL');
  });
});

/** Writes images of random pixels in three classes. */
async function paintNoise(path: string): Promise<void> {
  const random = new RandomStream('noise');
  for (const [label, level] of [40, 120, 200].entries()) {
    mkdirSync(join(path, `class ${label}`), { recursive: true });
    for (let index = 0; index < 60; index++) {
      const pixels = Uint8Array.from({ length: 16 * 16 * 3 }, () => level + random.integer(50));
      const picture = sharp(pixels, { raw: { width: 16, height: 16, channels: 3 } });
      await picture.png().toFile(join(path, `class ${label}`, `${index}.png`));
    }
  }
}

function historyOf(path: string) {
  using study = Study.open(path, { readOnly: true });
  const trials = study.trials().map(({ number, decisions, reward }) => ({ number, decisions, reward }));
  const rungs = study.rungs.all().map(({ trial, rung, reward }) => ({ trial, rung, reward }));
  const { testAccuracy, trial } = study.result('final model')!;
  return { trials, rungs, calls: decisionsOf(path), final: { trial, testAccuracy } };
}

test('three machines that share only the server with a search train what one machine would, one cut off meanwhile', {
  skip: withoutServer || withoutMachines,
  timeout: 400_000,
}, async () => {
  const images = join(folder, 'images');
  await paintNoise(images);
  const own = join(folder, 'own images');
  await paintNoise(own);
  const cacheOf = (name: string) => ({ env: { ...process.env, NASNET_CACHE: join(folder, name, 'cache') } });
  const settings = [
    '--preset',
    'smoke',
    '--dataset',
    images,
    '--trials',
    '12',
    '--rungs',
    '1,3',
    '--seed',
    '4',
    '--precision',
    'float32',
  ];
  const searching = (name: string, ...words: string[]) => {
    const study = join(folder, name, 'study.db');
    const line = [nasnet, 'search', ...settings, '--study', study, ...words];
    return { study, program: new Program(spawn(process.execPath, line, { ...piped, ...cacheOf(name) })) };
  };

  const machines = [new Machine(), new Machine(), new Machine()] as const;
  await using server = await serverFor(...machines);
  const workers = machines.map((machine, index) => {
    const queue = ['--queue', `redis://${machine.here}:${server.port}`, '--workers', '1'];
    const data = index === 0 ? ['--data', own] : [];
    const words = [nasnet, 'worker', ...queue, ...data, '--idle', '90s'];
    return new Program(machine.spawn(process.execPath, words, { ...piped, ...cacheOf(`machine ${index}`) }));
  });
  const words = ['--queue', `redis://127.0.0.1:${server.port}`, '--expect', '2', '--lease', '5s'];
  const queued = searching('queued', ...words);
  await workers[2]!.line(/is done$/);
  machines[2].cut();
  assert.equal((await queued.program.exit)[0], 0, queued.program.lines.join('\n'));
  machines[2].mend();

  const alone = searching('alone', '--workers', '2');
  assert.equal((await alone.program.exit)[0], 0, alone.program.lines.join('\n'));
  assert.deepEqual(historyOf(queued.study), historyOf(alone.study));
  for (const name of ['network.safetensors', 'network.best.safetensors']) {
    const [one, other] = ['queued', 'alone'].map((search) => readFileSync(join(folder, search, name)));
    assert.ok(one!.equals(other!), name);
  }
  const fetched = workers.map(({ lines }) => lines.some((line) => line.startsWith('Fetching the images')));
  assert.deepEqual(fetched, [false, true, true], 'the first has the images in a folder of its own');
  assert.ok(workers.every(({ lines }) => lines.some((line) => line.endsWith('is done'))));

  const drain = [nasnet, 'queue', 'drain', '--queue', `redis://127.0.0.1:${server.port}`];
  const drained = new Program(spawn(process.execPath, drain, piped));
  assert.equal((await drained.exit)[0], 0, drained.lines.join('\n'));
  for (const { exit, lines } of workers) assert.equal((await exit)[0], 0, lines.join('\n'));
  for (const machine of machines) machine[Symbol.dispose]();
});
