// kill -9 of a search that a Python program evaluates, with all its processes or only the evaluators: decisions and
// rewards are those of an uninterrupted search.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import { RandomStream } from '../../../src/random/stream.ts';
import { Study } from '../../../src/study/study.ts';
import { temporaryFolder } from '../../data/temporary.ts';
import { historyOf } from '../../experiment/history-of.ts';
import { nodeArguments } from '../run.ts';

const folder = temporaryFolder({ after });
const trials = 200;
const kills = 10;
const program = resolve(import.meta.dirname, '../../../examples/evaluator/evaluator.py');
// random delays, up to 4 ms a trial
const command = `python3 ${JSON.stringify(program)} --verbose --epochs 2 --delay 0.001`;

interface Process {
  pid: number;
  parent: number;
  name: string;
}

/** Returns all processes of this machine. */
function processes(): Process[] {
  return readdirSync('/proc').flatMap((pid): Process[] => {
    try {
      const [, name = '', rest = ''] = /^\d+ \((.*)\) . (.*)$/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
      return name === '' ? [] : [{ pid: Number(pid), parent: Number.parseInt(rest, 10), name }];
    } catch {
      return []; // no process, or it has ended
    }
  });
}

/** Returns all descendants of a process. */
function descendants(pid: number): Process[] {
  const all = processes();
  const found = all.filter(({ parent }) => parent === pid);
  for (const { pid: above } of found) found.push(...all.filter(({ parent }) => parent === above));
  return found;
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // it has ended
  }
}

/** Runs the search on the study; `onTrial` is called when the evaluator has finished a trial. */
async function search(path: string, signal: AbortSignal, onTrial: (count: number, search: ChildProcess) => void) {
  const options = `--trials ${trials} --strategy ppo --workers 2`.split(' ');
  const words = ['search', '--evaluator', command, ...options, '--study', path];
  const child = spawn(process.execPath, nodeArguments(words), { stdio: ['ignore', 'ignore', 'pipe'] });
  const exit = once(child, 'exit');
  const giveUp = () => child.kill('SIGKILL');
  signal.addEventListener('abort', giveUp);
  let count = 0;
  const others: string[] = [];
  for await (const line of createInterface({ input: child.stderr })) {
    if (/^trial \d+: 0\.\d+$/.test(line)) onTrial(++count, child);
    else others.push(line);
  }
  signal.removeEventListener('abort', giveUp);
  const [code, by] = await exit;
  if (by !== 'SIGKILL') assert.equal(code, 0, others.join('\n'));
  return by === 'SIGKILL';
}

const lostAttempts = (path: string) => {
  using study = Study.open(path, { readOnly: true });
  return study.summary().lostAttempts;
};

let alone: ReturnType<typeof historyOf> | undefined;

test('PPO, 200 trials, a Python evaluator: ten kills of the whole search change nothing', {
  timeout: 120_000,
}, async (t) => {
  const path = join(folder, 'alone', 'study.db');
  await search(path, t.signal, () => {});
  alone = historyOf(path);
  assert.equal(alone.records.length, trials);
  assert.ok(alone.updates.length >= 5, 'the controller has learned');

  const killed = join(folder, 'killed', 'study.db');
  const random = new RandomStream('kill the evaluated search');
  const instants: number[] = [];
  while (instants.length < kills) {
    const instant = 1 + random.integer(24);
    const wasKilled = await search(killed, t.signal, (count, { pid = 0 }) => {
      if (count !== instant) return;
      for (const one of [...descendants(pid), { pid }]) kill(one.pid);
    });
    assert.ok(wasKilled, `it was finished after ${instants.length} kills`);
    instants.push(instant);
  }
  await search(killed, t.signal, () => {});
  assert.deepEqual(historyOf(killed), alone);
  const lost = lostAttempts(killed);
  assert.ok(lost > 0, 'the kills met nothing that was running');
  t.diagnostic(
    `killed after ${instants.join(', ')} more trials; ${lost} attempts begun again; ${trials} equal decisions and rewards, ${alone.updates.length} equal updates`,
  );
});

test('kills of only the evaluators change nothing either', { timeout: 120_000 }, async (t) => {
  const path = join(folder, 'evaluators', 'study.db');
  const random = new RandomStream('kill the evaluators');
  let killed = 0;
  let next = 3;
  await search(path, t.signal, (count, { pid = 0 }) => {
    if (count < next || killed === kills) return;
    const evaluators = descendants(pid).filter(({ name }) => name === 'python3');
    const victim = evaluators[random.integer(Math.max(1, evaluators.length))];
    if (!victim) return;
    kill(victim.pid);
    killed++;
    // its trial is tried again before, as the order of tells allows only 6 under way
    next = count + 12 + random.integer(5);
  });
  assert.equal(killed, kills);
  assert.deepEqual(historyOf(path), alone);
  t.diagnostic(`${killed} evaluators killed, ${lostAttempts(path)} attempts begun again`);
});
