// kill -9 of a whole search, repeatedly at random instants: decisions and rewards are those of an uninterrupted search,
// no finished trial is lost, and no worker repeats more than one evaluation for each kill.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, suite, test } from 'node:test';
import { RandomStream } from '../../src/random/stream.ts';
import { Study } from '../../src/study/study.ts';
import { temporaryFolder } from '../data/temporary.ts';
import { decisionsOf } from './decisions-of.ts';
import type { SearchToKill } from './search-process.ts';

const folder = temporaryFolder({ after });

/** When a run is killed: after this many lines of its output, or this many milliseconds after its start. */
type Instant = { lines: number } | { milliseconds: number };

type Finished = { trial: number; rung: number };

/** Runs the search until it ends or the instant comes; returns the trainings that it reported as done or failed. */
async function run(
  search: SearchToKill,
  gaveUp: AbortSignal,
  instant?: Instant,
): Promise<{ killed: boolean; finished: Finished[] }> {
  const script = join(import.meta.dirname, 'search-process.ts');
  const child = spawn(process.execPath, [script, JSON.stringify(search)], {
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exit = once(child, 'exit');
  const killGroup = () => child.exitCode === null && child.signalCode === null && process.kill(-child.pid!, 'SIGKILL');
  gaveUp.addEventListener('abort', killGroup);
  const timer = instant && 'milliseconds' in instant ? setTimeout(killGroup, instant.milliseconds) : undefined;
  const finished: Finished[] = [];
  let lines = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    const [kind, trial, rung] = line.split(' ');
    if (kind === 'done' || kind === 'failed') finished.push({ trial: Number(trial), rung: Number(rung) });
    if (instant && 'lines' in instant && ++lines === instant.lines) killGroup();
  }
  const [code, signal] = await exit;
  clearTimeout(timer);
  gaveUp.removeEventListener('abort', killGroup);
  if (signal !== 'SIGKILL') assert.equal(code, 0);
  return { killed: signal === 'SIGKILL', finished };
}

/** Returns all that must be equal: decisions, promotions, outcomes, and the order of asks and reports. */
function historyOf(path: string) {
  const study = Study.open(path, { readOnly: true });
  const trials = study.trials().map(({ decisions, reward, failure }) => ({ decisions, reward, failure }));
  const rungs = study.rungs.all().map(({ trial, rung, reward, failure }) => ({ trial, rung, reward, failure }));
  const updates = study.updates().map(({ trial, figures }) => ({ trial, figures }));
  const lostAttempts = study.summary().lostAttempts;
  study.close();
  return { trials, rungs, calls: decisionsOf(path), updates, lostAttempts };
}

function assertOnDisk(path: string, finished: Finished[]): void {
  if (!existsSync(path)) {
    assert.deepEqual(finished, []);
    return;
  }
  const study = Study.open(path, { readOnly: true });
  for (const { trial, rung } of finished) {
    const record = rung === 0 ? study.trial(trial) : study.rungs.of(trial)[rung - 1];
    assert.match(record!.state, /done|failed/);
  }
  study.close();
}

const ladder = { rungs: 3, reduction: 3, lots: false };

/** @param longest milliseconds after which a run is killed if its output does not cause it earlier */
const searches = [
  { strategy: 'ppo', inOrder: true, trials: 220, workers: 2, kills: 20, longest: 1500 },
  { strategy: 'ppo', inOrder: false, trials: 200, workers: 4, kills: 6, longest: 1000 },
  { strategy: 'chain', inOrder: true, trials: 140, workers: 2, kills: 8, longest: 500 },
  { strategy: 'chain', inOrder: false, trials: 240, workers: 4, kills: 10, longest: 250 },
  { strategy: 'evolution', inOrder: false, trials: 200, workers: 4, kills: 8, longest: 250 },
  { strategy: 'ppo,evolution', inOrder: false, trials: 200, workers: 4, kills: 8, longest: 400 },
  { strategy: 'surrogate', inOrder: false, trials: 160, workers: 4, kills: 6, longest: 500 },
  { strategy: 'random', inOrder: false, trials: 160, workers: 4, kills: 6, longest: 250 },
  { strategy: 'chain', inOrder: true, trials: 140, workers: 2, kills: 10, longest: 500, ladder },
  { strategy: 'evolution,random', inOrder: false, trials: 180, workers: 4, kills: 10, longest: 250, ladder },
  { strategy: 'ppo', inOrder: false, trials: 80, workers: 4, kills: 4, longest: 800, ladder },
  {
    strategy: 'evolution',
    inOrder: true,
    trials: 140,
    workers: 2,
    kills: 6,
    longest: 500,
    ladder: { ...ladder, lots: true },
  },
];

suite('kill -9', { concurrency: 3 }, () => searches.forEach(testKills));

function testKills({ kills, longest, ...settings }: (typeof searches)[number]): void {
  const way = settings.inOrder ? 'in order, with worker processes' : 'as outcomes come';
  const climbing = settings.ladder ? (settings.ladder.lots ? ', with a ladder and lots' : ', with a ladder') : '';
  const title = `${settings.strategy}${climbing}, ${way}: ${kills} kills change nothing`;
  test(title, { timeout: 300_000 }, async (t) => {
    const name = title.replaceAll(/\W+/g, '-');
    const search = (kind: string) => ({
      ...settings,
      path: join(folder, `${name}-${kind}.db`),
      notes: join(folder, `${name}-${kind}`),
    });
    const [alone, killed] = [search('alone'), search('killed')];
    await run(alone, t.signal);

    const random = new RandomStream(`kill ${title}`);
    let count = 0;
    while (count < kills) {
      const instant =
        count % 2 === 0 ? { lines: 1 + random.integer(60) } : { milliseconds: 30 + random.integer(longest) };
      const { killed: wasKilled, finished } = await run(killed, t.signal, instant);
      assertOnDisk(killed.path, finished);
      assert.ok(wasKilled, `it was finished after ${count} kills: give it more trials`);
      count++;
    }
    await run(killed, t.signal);

    const { lostAttempts, ...history } = historyOf(killed.path);
    const { lostAttempts: none, ...expected } = historyOf(alone.path);
    assert.equal(none, 0);
    assert.deepEqual(history, expected);
    assert.equal(history.trials.length, settings.trials);
    const notes = readFileSync(killed.notes, 'utf8').trim().split('\n');
    assert.ok(!notes.some((line) => line.startsWith('missing')), 'a child that went up was not on disk');
    assert.ok(!existsSync(`${killed.path}-paused`), 'nobody waits any more');
    if (settings.ladder) assert.ok(history.rungs.some(({ rung }) => rung === 2));
    const trainings = settings.trials + history.rungs.length;
    const evaluations = notes.length;
    assert.ok(lostAttempts <= kills * settings.workers, `${lostAttempts} attempts were lost`);
    assert.ok(evaluations - trainings <= kills * settings.workers, `${evaluations} evaluations were made`);
    assert.ok(lostAttempts > 0, 'the kills met nothing that was running');
    t.diagnostic(`${lostAttempts} attempts begun again, ${evaluations - trainings} evaluations repeated`);
  });
}
