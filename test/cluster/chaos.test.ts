// Search, workers and server of a PPO search with a ladder are killed 20 times, at random trials: its decisions and
// rewards are those of a search on one machine that was left alone.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { RandomStream } from '../../src/random/stream.ts';
import { Study } from '../../src/study/study.ts';
import { decisionsOf } from '../experiment/decisions-of.ts';
import type { SearchToKill } from '../experiment/search-process.ts';
import type { AgentProcess } from './agent-process.ts';
import { RedisServer, skip } from './redis-server.ts';

const folder = mkdtempSync(join(tmpdir(), 'nasnet-chaos-'));
const processes = new Set<ChildProcess>();
after(() => {
  for (const child of processes) child.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

function start(script: string, options: object): ChildProcess {
  const path = join(import.meta.dirname, script);
  const child = spawn(process.execPath, [path, JSON.stringify(options)], { stdio: ['ignore', 'ignore', 'inherit'] });
  processes.add(child);
  child.on('exit', () => processes.delete(child));
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

const search = (name: string): SearchToKill => ({
  path: join(folder, `${name}.db`),
  notes: join(folder, name),
  strategy: 'ppo',
  inOrder: true,
  trials: 240,
  workers: 4,
  ladder: { rungs: 3, reduction: 3, lots: false },
});

const searching = (options: SearchToKill) => start('../experiment/search-process.ts', options);

/** Failures by kind: a queue sends JSON, which says null for NaN. */
function historyOf(path: string) {
  using study = Study.open(path, { readOnly: true });
  const trials = study.trials().map(({ decisions, reward, failure }) => ({ decisions, reward, kind: failure?.kind }));
  const rungs = study.rungs
    .all()
    .map(({ trial, rung, reward, failure }) => ({ trial, rung, reward, kind: failure?.kind }));
  return { trials, rungs, calls: decisionsOf(path), updates: study.updates().map(({ figures }) => figures) };
}

const trialsPerKill = 11;

function finishedTrials(path: string): number {
  if (!existsSync(path)) return 0;
  using study = Study.open(path, { readOnly: true });
  return study.trials().filter(({ state }) => state === 'done' || state === 'failed').length;
}

test('20 kills of search, workers and server change no decision', { skip, timeout: 240_000 }, async () => {
  const alone = search('alone');
  assert.equal((await once(searching(alone), 'exit'))[0], 0);

  await using server = await RedisServer.start();
  const killed = { ...search('killed'), port: server.port };
  const worker: AgentProcess = { port: server.port, slots: 2, evaluator: '../experiment/kill-evaluator.ts' };
  const workers = [0, 1].map(() => start('agent-process.ts', worker));
  const random = new RandomStream('chaos');
  let running = searching(killed);
  for (let kills = 0; kills < 20; kills++) {
    const next = trialsPerKill * kills + random.integer(trialsPerKill);
    while (finishedTrials(killed.path) <= next) await sleep(20);
    const victim = (['worker', 'search', 'worker', 'server'] as const)[kills % 4]!;
    if (victim === 'search') {
      await kill(running);
      running = searching(killed);
    } else if (victim === 'worker') {
      const index = random.integer(2);
      await kill(workers[index]!);
      workers[index] = start('agent-process.ts', worker);
    } else {
      await server.kill();
      await server.start();
    }
  }
  if (running.exitCode === null) await once(running, 'exit');
  assert.equal(running.exitCode, 0);
  assert.deepEqual(historyOf(killed.path), historyOf(alone.path));
  assert.ok(historyOf(killed.path).rungs.some(({ rung }) => rung === 2));
});
