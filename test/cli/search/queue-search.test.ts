// `nasnet search --queue` as a user runs it: what is refused before a study is made, and the worker next to a search.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { workersOf } from '../../../src/cluster/workers-there.ts';
import { connect } from '../../../src/store/redis-connection.ts';
import { RedisServer, skip } from '../../cluster/redis-server.ts';
import { temporaryFolder } from '../../data/temporary.ts';
import { tinyCifar10 } from '../../data/tiny-cifar10.ts';

const nasnet = resolve(import.meta.dirname, '../../../bin/nasnet');
const folder = temporaryFolder({ after });
const environment = { ...process.env, NASNET_CACHE: join(folder, 'cache') };
const options = { env: environment, encoding: 'utf8' } as const;
const study = (name: string) => join(folder, name, 'study.db');
const run = (...words: string[]) => spawnSync(process.execPath, [nasnet, 'search', ...words], options);

before(() => tinyCifar10(join(folder, 'cache'), { train: 1200, test: 50 }));

test('flags of a queue need one, and an address or a store that is none is refused', () => {
  const refusals = [
    [['--store', 'shared'], /^nasnet: --store: expected --queue with it, got none\n$/],
    [['--expect', '3'], /^nasnet: --expect: expected --queue with it, got none\n$/],
    [['--queue', 'head:6379'], /^nasnet: --queue: expected an address such as redis:\/\/HOST:PORT/],
    [['--queue', 'redis://head', '--store', 'ftp://x'], /^nasnet: --store: expected a folder or s3:\/\/BUCKET\/PREFIX/],
  ] as const;
  for (const [words, sentence] of refusals) {
    const { status, stderr } = run('--study', study('refused'), ...words);
    assert.match(stderr, sentence);
    assert.equal(status, 2);
  }
  assert.equal(existsSync(join(folder, 'refused')), false);
});

suite('with a server', { skip, timeout: 300_000 }, () => {
  test('a password that is lacking is asked for before anything is made', async () => {
    await using server = await RedisServer.start('--requirepass', 'secret');
    const { status, stderr } = run('--study', study('none'), '--queue', `redis://127.0.0.1:${server.port}`);
    assert.match(stderr, /expected a password, got none; set NASNET_QUEUE_PASSWORD/);
    assert.equal(status, 2);
    assert.equal(existsSync(join(folder, 'none')), false);
  });

  test('the worker next to a search trains for it, says what it does, and ends with it', async () => {
    await using server = await RedisServer.start();
    const words = ['--preset', 'smoke', '--trials', '2', '--queue', `redis://127.0.0.1:${server.port}`];
    const { status, stderr } = run(...words, '--workers', '1', '--study', study('whole'));
    assert.equal(status, 0, stderr);
    assert.match(stderr, /^Worker here: .* cores, .* nasnet .*; one child at once$/m);
    assert.match(stderr, /^Worker here: Works for /m);
    assert.doesNotMatch(stderr, /is done/);
    await using operator = await connect(server.address, { access: {} });
    while ((await workersOf(operator.redis)).length > 0) await sleep(100);
  });

  test('the worker next to a search that is killed ends by itself', async () => {
    await using server = await RedisServer.start();
    const words = ['--preset', 'smoke', '--trials', '5000', '--queue', `redis://127.0.0.1:${server.port}`];
    const line = [nasnet, 'search', ...words, '--workers', '1', '--study', study('killed')];
    const search = spawn(process.execPath, line, { env: environment, stdio: ['ignore', 'ignore', 'pipe'] });
    for await (const said of createInterface({ input: search.stderr! }))
      if (said.startsWith('Worker here: Works for')) break;
    const exit = once(search, 'exit');
    search.kill('SIGKILL');
    await exit;
    await using operator = await connect(server.address, { access: {} });
    while ((await workersOf(operator.redis)).length > 0) await sleep(100);
  });
});
