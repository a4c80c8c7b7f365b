// The contract of all artifact stores, and the folders of a search's artifacts on this machine.

import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type ArtifactKey, type Artifacts, FolderArtifacts } from '../src/artifacts.ts';
import {
  finalCheckpoint,
  finalModels,
  pausedChild,
  studyFolders,
  unfinishedFinalist,
  unfinishedTrial,
} from '../src/children/study-artifacts.ts';
import { temporaryFolder } from './data/temporary.ts';

const folder = temporaryFolder({ after });
const folders = { a: join(folder, 'first', 'a'), b: join(folder, 'b') };

/** Tests the contract of a store. */
function testArtifacts(name: string, create: () => Artifacts): void {
  test(`${name}: get returns what put stored until it is removed, also for another reader`, async () => {
    const store = create();
    const key = 'a/one.safetensors';
    assert.equal(await store.get(key), undefined);
    for (const text of ['first', 'second']) {
      await store.put(key, (path) => writeFileSync(path, text));
      assert.equal(readFileSync((await create().get(key))!, 'utf8'), text);
    }
    await store.remove(key);
    assert.equal(await store.get(key), undefined);
    await store.remove(key); // nothing is there: nothing happens
  });

  test(`${name}: a failed put rejects, and the older artifact stays`, async () => {
    const store = create();
    await store.put('a/one.safetensors', (path) => writeFileSync(path, 'whole'));
    const full = () => {
      throw new Error('the disk is full');
    };
    await assert.rejects(store.put('a/one.safetensors', full), /the disk is full/);
    assert.equal(readFileSync((await store.get('a/one.safetensors'))!, 'utf8'), 'whole');
    await store.clear('a');
  });

  test(`${name}: each kind is listed and cleared separately`, async () => {
    const store = create();
    const keys: ArtifactKey[] = ['a/one.safetensors', 'a/two.safetensors', 'b/one.safetensors'];
    for (const key of keys) await store.put(key, (path) => writeFileSync(path, key));
    assert.deepEqual((await store.list('a')).sort(), keys.slice(0, 2));
    await store.clear('a');
    assert.deepEqual([await store.list('a'), await store.list('b')], [[], keys.slice(2)]);
    await store.clear('b');
  });

  test(`${name}: an invalid key and an unknown kind are refused`, async () => {
    const store = create();
    for (const wrong of ['a/..', 'a/../b/one', '/a/one', 'a/', 'one', 'a/b/c', 'c/one.safetensors', 'toString/one'])
      await assert.rejects(store.get(wrong as ArtifactKey), /^InputError: artifact: expected /, wrong);
  });
}

testArtifacts('folders', () => new FolderArtifacts(folders));

test('unfinished files of a killed process are listed and removed with their artifact; other files stay', async () => {
  const store = new FolderArtifacts(folders);
  await store.put('a/one.safetensors', (path) => writeFileSync(path, ''));
  for (const name of ['one.safetensors.12.part', 'two.safetensors.12.part', 'notes.txt'])
    writeFileSync(join(folders.a, name), '');
  assert.deepEqual((await store.list('a')).sort(), ['a/one.safetensors', 'a/two.safetensors']);
  await store.remove('a/one.safetensors');
  assert.deepEqual(await store.list('a'), ['a/two.safetensors']);
  await store.clear('a');
  assert.deepEqual(existsSync(join(folders.a, 'notes.txt')), true);
  rmSync(join(folders.a, 'notes.txt'));
  await store.clear('a');
  assert.ok(!existsSync(folders.a));
});

test('a search finds the artifacts of nasnet 0.1.0: next to its study, and the final network among its results', () => {
  const store = new FolderArtifacts(studyFolders('runs/a/study.db', 'results'));
  const keys = [pausedChild(7, 0), unfinishedTrial(7), unfinishedFinalist(3, 1), finalCheckpoint, finalModels.weights];
  assert.deepEqual(
    keys.map((key) => store.path(key)),
    [
      'runs/a/study.db-paused/trial-7-rung-0.safetensors',
      'runs/a/study.db-unfinished/trial-7-rung-0.safetensors',
      'runs/a/study.db-unfinished/finalist-3-run-1.safetensors',
      'results/checkpoint.safetensors',
      'results/network.safetensors',
    ],
  );
});
