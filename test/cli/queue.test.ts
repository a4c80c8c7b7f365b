// `nasnet queue`: what it says of searches and workers, and how it ends them.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { suite, test } from 'node:test';
import { connect } from '../../src/store/redis-connection.ts';
import { newAgent, newSearch } from '../cluster/cluster.ts';
import { RedisServer, skip } from '../cluster/redis-server.ts';
import { resultOf } from '../workers/runner-contract.ts';
import { nodeArguments } from './run.ts';

async function queue(server: RedisServer, ...words: string[]) {
  const line = ['queue', ...words, '--queue', `redis://127.0.0.1:${server.port}`];
  const child = spawn(process.execPath, nodeArguments(line), { stdio: ['ignore', 'pipe', 'pipe'] });
  const exit = once(child, 'exit');
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: (await exit)[0] as number, stdout, stderr };
}

/** Longer than a command takes to start. */
const times = { heartbeat: 200, absence: 60_000, reconcile: 1000 };

suite('nasnet queue', { skip, timeout: 200_000 }, () => {
  test('an empty server has no search and no worker', async () => {
    await using server = await RedisServer.start();
    const { code, stdout } = await queue(server, 'status');
    assert.deepEqual([code, stdout], [0, 'No search.\nNo worker.\n']);
  });

  test('two searches with one name are told apart by their ids, and one is cancelled', async () => {
    await using server = await RedisServer.start();
    await using one = await newSearch(server.address, { times });
    await using other = await newSearch(server.address, { times });
    const hold = { action: 'hold' };
    const ended = assert.rejects(one.runner.run(hold), /study\.db: the search was cancelled by "nasnet queue cancel"/);
    const listed = await queue(server, 'status', '--json');
    const { searches } = JSON.parse(listed.stdout) as { searches: { id: string; name: string; searched: boolean }[] };
    assert.deepEqual(new Set(searches.map(({ id }) => id)), new Set([one.queue.id, other.queue.id]));
    assert.ok(searches.every(({ name, searched }) => name === 'study.db' && searched));

    const unclear = await queue(server, 'cancel', 'study.db');
    assert.match(unclear.stderr, /two searches have the name study\.db; name one by its id: [\w-]+ or [\w-]+$/m);
    assert.equal(unclear.code, 1);
    const { code, stdout } = await queue(server, 'cancel', one.queue.id);
    assert.deepEqual([code, stdout], [0, 'study.db is cancelled. What was finished is in its study.\n']);
    await ended;
    await using _worker = await newAgent(server.address, { times });
    assert.equal(resultOf(await other.runner.run({ action: 'double', value: 2 })), 4);
  });

  test('a search that was stopped is forgotten when it is cancelled', async () => {
    await using server = await RedisServer.start();
    {
      await using search = await newSearch(server.address, { times });
      await using _worker = await newAgent(server.address, { times });
      assert.equal(resultOf(await search.runner.run({ action: 'double', value: 2 }, { key: 't0-r0' })), 4);
    }
    assert.match((await queue(server, 'status')).stdout, /study\.db\s+on \S+\s+stopped/);
    assert.equal((await queue(server, 'cancel', 'study.db')).code, 0);
    assert.equal((await queue(server, 'status')).stdout, 'No search.\nNo worker.\n');
    await using operator = await connect(server.address, { access: {} });
    assert.deepEqual(await operator.redis.keys('*'), []);
  });

  test('a worker that is drained takes no more, and an unknown one is refused', async () => {
    await using server = await RedisServer.start();
    await using search = await newSearch(server.address, { times });
    await using first = await newAgent(server.address, { times });
    await using second = await newAgent(server.address, { times });
    const unknown = await queue(server, 'drain', 'nobody');
    assert.match(unknown.stderr, /expected a worker's host or id, got "nobody"; there are /);
    assert.equal(unknown.code, 2);
    const { stdout } = await queue(server, 'drain', first.agent.id);
    assert.equal(stdout, 'One worker takes no more and will end.\n');
    while (!first.agent.draining) await new Promise((resolve) => setTimeout(resolve, 20));
    for (let value = 0; value < 5; value++)
      assert.equal(resultOf(await search.runner.run({ action: 'double', value })), 2 * value);
    assert.deepEqual([first.agent.finished.done, second.agent.finished.done], [0, 5]);
  });
});
