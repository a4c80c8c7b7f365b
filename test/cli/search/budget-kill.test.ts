// kill -9 of a whole search with a budget, again and again at random instants: cells and rewards are those of a search
// that was left alone, what was decided stays decided, and the time before a kill is counted.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { RandomStream } from '../../../src/random/stream.ts';
import { openSearch } from '../../../src/study/parse-settings.ts';
import { paint } from '../../data/paint.ts';
import { temporaryFolder } from '../../data/temporary.ts';
import { nodeArguments } from '../run.ts';

const folder = temporaryFolder({ after });
const images = join(folder, 'photos');

before(async () => {
  for (const [label, name] of ['cat', 'dog'].entries())
    for (let index = 0; index < 30; index++)
      await paint(join(images, name, `${index}.png`), [180 * label, 8 * index, 90], 16, 16);
});

/** Children and finalists of some seconds: by default they have as many steps as with CIFAR-10. */
const few = ['--epochs', '2', '--finalist-epochs', '2'];

/** Runs a search with a budget of 18 seconds until it ends, or kills it and its workers after some milliseconds. */
async function search(study: string, killedAfter?: number): Promise<number | null> {
  const flags = ['--dataset', images, '--size', '16', '--minutes', '0.3', '--workers', '2', '--study', study, ...few];
  const env = { ...process.env, NASNET_CACHE: join(folder, 'cache') };
  const child = spawn(process.execPath, nodeArguments(['search', ...flags]), { detached: true, stdio: 'ignore', env });
  const exit = once(child, 'exit');
  const kill = () => child.exitCode === null && process.kill(-child.pid!, 'SIGKILL');
  const timer = killedAfter === undefined ? undefined : setTimeout(kill, killedAfter);
  const [code] = await exit;
  clearTimeout(timer);
  return code;
}

function stateOf(path: string) {
  using study = openSearch(path, { readOnly: true });
  const children = study.trials().flatMap(({ decisions, reward, failure }) => {
    return reward === null && !failure ? [] : [{ decisions, reward, failure }];
  });
  const decided = study.result('budget decisions') ?? {};
  return { children, decided, seconds: study.result('clock')?.seconds ?? 0 };
}

test('a search with a budget that is killed at random instants decides as one that is left alone, and counts its time', async () => {
  const alone = join(folder, 'alone', 'study.db');
  assert.equal(await search(alone), 0);
  const killed = join(folder, 'killed', 'study.db');
  const random = new RandomStream('budget kills');
  let [last, kills] = [{ decided: {}, seconds: 0 }, 0];
  for (let attempt = 0; attempt < 3; attempt++) {
    const code = await search(killed, 1500 + random.integer(6000));
    if (existsSync(killed)) {
      const { decided, seconds } = stateOf(killed);
      assert.deepEqual({ ...decided, ...last.decided }, decided, 'what was decided before a kill stays decided');
      assert.ok(seconds >= last.seconds, `${seconds} s are counted after ${last.seconds} s`);
      last = { decided, seconds };
    }
    if (code === 0) break;
    kills++;
  }
  assert.ok(kills > 1);
  assert.equal(await search(killed), 0);
  const [one, other] = [stateOf(alone), stateOf(killed)];
  assert.ok(existsSync(join(folder, 'killed', 'network.safetensors')));
  assert.ok(other.seconds >= last.seconds);
  assert.deepEqual({ ...other.decided, ...last.decided }, other.decided);
  const count = Math.min(one.children.length, other.children.length);
  assert.ok(count >= 4);
  assert.deepEqual(other.children.slice(0, count), one.children.slice(0, count));
});
