// The contract of all artifact stores: a folder, S3-compatible storage on a real local server, and a redis-server.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, suite, test } from 'node:test';
// @ts-expect-error: the package has no types
import S3rver from '@20minutes/s3rver';
import { hashOfFile } from '../../src/file-hash.ts';
import { RandomStream } from '../../src/random/stream.ts';
import { fetchObject } from '../../src/store/fetch-object.ts';
import { FolderStore, folderIdentity } from '../../src/store/folder-store.ts';
import type { ObjectStore } from '../../src/store/object-store.ts';
import { connect } from '../../src/store/redis-connection.ts';
import { RedisStore } from '../../src/store/redis-store.ts';
import { S3Store } from '../../src/store/s3-store.ts';
import { StoredArtifacts } from '../../src/store/stored-artifacts.ts';
import { RedisServer, skip as withoutRedis } from '../cluster/redis-server.ts';

const folder = mkdtempSync(join(tmpdir(), 'nasnet-store-'));
let s3: { run(): Promise<Server>; close(): Promise<void> };
let redis: RedisServer;
let endpoint: string;

before(async () => {
  mkdirSync(join(folder, 's3'));
  s3 = new S3rver({
    port: 0,
    address: '127.0.0.1',
    silent: true,
    directory: join(folder, 's3'),
    configureBuckets: [{ name: 'bucket' }],
  });
  const { port } = (await s3.run()) as unknown as { port: number };
  endpoint = `http://127.0.0.1:${port}`;
  if (withoutRedis === false) redis = await RedisServer.start();
});

after(async () => {
  await s3.close();
  await redis?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

const random = new RandomStream('objects');
/** Writes a file of random bytes. */
function newFile(name: string, bytes: number): string {
  const path = join(folder, name);
  writeFileSync(
    path,
    Uint8Array.from({ length: bytes }, () => random.integer(256)),
  );
  return path;
}

const kinds: { name: string; skip: string | false; open: (prefix: string) => Promise<ObjectStore> }[] = [
  { name: 'a folder', skip: false, open: async (prefix) => new FolderStore(join(folder, 'shared', prefix)) },
  {
    name: 'S3',
    skip: false,
    open: async (prefix) =>
      new S3Store(
        { bucket: 'bucket', prefix },
        { AWS_ACCESS_KEY_ID: 'S3RVER', AWS_SECRET_ACCESS_KEY: 'S3RVER', AWS_ENDPOINT_URL: endpoint },
      ),
  },
  {
    name: 'a Redis server',
    skip: withoutRedis,
    open: async () => new RedisStore(await connect(redis.address, { access: {} })),
  },
];

for (const { name, skip, open } of kinds) {
  suite(name, { skip }, () => {
    test('gives back what was stored, from any byte on', async () => {
      const store = await open('bytes');
      const path = newFile('large', 2_500_000);
      await store.write('a/large', path);
      const expected = readFileSync(path);
      for (const from of [0, 1, 1 << 20, (1 << 20) + 7, 2_499_999]) {
        const chunks: Uint8Array[] = [];
        for await (const chunk of (await store.read('a/large', from))!) chunks.push(chunk);
        assert.ok(Buffer.concat(chunks).equals(expected.subarray(from)), `from ${from}`);
      }
      assert.equal(await store.read('a/none', 0), undefined);
      await store.remove('a/large');
      await store.remove('a/large');
      assert.deepEqual(await store.list('a/'), []);
      await store.close();
    });

    test('lists by the start of names, more than a page of them', async () => {
      const store = await open('names');
      const path = newFile('small', 3);
      const names = Array.from({ length: 30 }, (_, index) => `b/kind/${index}.x/hash`);
      for (const each of [...names, 'b/other/0/hash']) await store.write(each, path);
      const listed = await store.list('b/kind/');
      assert.deepEqual(listed.map((object) => object.name).sort(), [...names].sort());
      assert.ok(listed.every(({ bytes, modified }) => bytes === 3 && Math.abs(modified - Date.now()) < 60_000));
      await store.close();
    });

    test('a fetch that was begun is continued and verified, and a wrong content is not kept', async () => {
      const store = await open('fetch');
      const path = newFile('whole', 1_200_000);
      await store.write('c/whole', path);
      const [object] = await store.list('c/whole');
      const [part, seen] = [join(folder, `${name}.part`), [] as number[]];
      writeFileSync(part, readFileSync(path).subarray(0, 1_000_000));
      assert.equal(await fetchObject(store, object!, hashOfFile(path), part, (done) => seen.push(done)), true);
      assert.ok(seen[0]! > 1_000_000, 'only the rest was fetched');
      writeFileSync(part, 'x'.repeat(1_000_000));
      assert.equal(await fetchObject(store, object!, hashOfFile(path), part), false);
      assert.equal(await fetchObject(store, object!, hashOfFile(path), part), true);
      await store.close();
    });

    test('keeps the artifacts of each study apart, verified, and cleans up', async () => {
      const store = await open('artifacts');
      const [one, other] = [new StoredArtifacts(store, 'one'), new StoredArtifacts(store, 'other')];
      const key = 'paused/trial-1-rung-0.safetensors';
      assert.equal(await one.get(key), undefined);
      for (const text of ['first', 'second']) await one.put(key, (path) => writeFileSync(path, text));
      assert.equal(readFileSync((await one.get(key))!, 'utf8'), 'second');
      assert.equal(await other.get(key), undefined);
      assert.equal((await store.list('one/paused/')).length, 1, 'the first content is gone');
      await one.put('unfinished/x.safetensors', (path) => writeFileSync(path, 'checkpoint'));
      assert.deepEqual(await one.list('paused'), [key]);
      await one.remove(key);
      assert.deepEqual(await one.list('paused'), []);
      await one.clear('unfinished');
      assert.deepEqual(await store.list('one/'), []);
      await assert.rejects(
        one.put(key, () => {
          throw new Error('no weights');
        }),
        /no weights/,
      );
      await one.close();
    });
  });
}

test('a damaged object is as none', async () => {
  const root = join(folder, 'damaged');
  const artifacts = new StoredArtifacts(new FolderStore(root), 'study');
  const key = 'paused/trial-1-rung-0.safetensors';
  await artifacts.put(key, (path) => writeFileSync(path, 'weights'));
  const [hash] = readdirSync(join(root, 'study', key));
  appendFileSync(join(root, 'study', key, hash!), '!');
  assert.equal(await artifacts.get(key), undefined);
  await artifacts.close();
});

test('a Redis server takes files up to a limit in all, and what is removed makes room', {
  skip: withoutRedis,
}, async () => {
  const store = new RedisStore(await connect({ ...redis.address, database: 1 }, { access: {} }), 1000);
  const path = newFile('half', 600);
  await store.write('d/one', path);
  await store.write('d/one', path);
  await assert.rejects(
    store.write('d/two', path),
    /^Failure: redis:.*: expected files of at most 1 MB in all, got one of 1 MB more/,
  );
  await store.remove('d/one');
  await store.write('d/two', path);
  await store.close();
});

test('copies of a killed process are removed by the next one', async () => {
  const temporary = join(folder, 'temporary');
  mkdirSync(temporary);
  const [store, artifacts] = ['folder-store', 'stored-artifacts'].map((name) =>
    JSON.stringify(resolve(import.meta.dirname, `../../src/store/${name}.ts`)),
  );
  const script = (then: string) => `
    const { FolderStore } = await import(${store});
    const { StoredArtifacts } = await import(${artifacts});
    new StoredArtifacts(new FolderStore(${JSON.stringify(join(folder, 'of-killed'))}), 'study');
    ${then}`;
  const run = (then: string) =>
    spawnSync(process.execPath, ['--input-type=module', '-e', script(then)], {
      env: { ...process.env, TMPDIR: temporary },
    });
  assert.equal(run("process.kill(process.pid, 'SIGKILL')").signal, 'SIGKILL');
  assert.equal(readdirSync(temporary).length, 1);
  assert.equal(run('').status, 0);
  assert.deepEqual(readdirSync(temporary), []);
});

test('two machines know by its identity that they share a folder', () => {
  const identity = folderIdentity(join(folder, 'mounted'));
  assert.equal(folderIdentity(join(folder, 'mounted')), identity);
  assert.notEqual(folderIdentity(join(folder, 'another')), identity);
});
