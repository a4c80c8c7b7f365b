// A source of loose files is listed once: opening it again reads the index and looks at folders, whatever the number of
// files. Slow disks and network folders need a minute for what the first opening does.

import assert from 'node:assert/strict';
import fs, { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { mock, test } from 'node:test';
import { openSource } from '../../src/streams/open-source.ts';
import { temporaryFolder } from '../data/temporary.ts';
import { jpeg } from './written.ts';

const counted = ['readdirSync', 'statSync', 'lstatSync', 'openSync', 'opendirSync', 'readFileSync'] as const;

/** Returns the paths with which each function of the file system is called during some work. */
async function callsDuring(work: () => Promise<void>): Promise<Record<(typeof counted)[number], string[]>> {
  const mocks = counted.map((name) => mock.method(fs, name));
  syncBuiltinESMExports();
  try {
    await work();
    const paths = mocks.map(({ mock }) => mock.calls.map(({ arguments: [path] }) => String(path)));
    return Object.fromEntries(counted.map((name, place) => [name, paths[place]!])) as Awaited<
      ReturnType<typeof callsDuring>
    >;
  } finally {
    for (const each of mocks) each.mock.restore();
    syncBuiltinESMExports();
  }
}

test('100,000 files are listed once: the second opening reads one index and no class folder', async (context) => {
  const folder = temporaryFolder(context);
  const root = join(folder, 'photos');
  const picture = join(folder, 'picture.jpg');
  writeFileSync(picture, await jpeg(1));
  for (const part of ['train', 'val'])
    for (let label = 0; label < 100; label++) {
      const own = join(root, part, `class ${label}`);
      mkdirSync(own, { recursive: true });
      const count = part === 'train' ? 990 : 10;
      for (let number = 0; number < count; number++) symlinkSync(picture, join(own, `${number}.jpg`));
    }
  const cache = join(folder, 'cache');
  const open = async (part: 'train' | 'validation', count: number) => {
    using source = await openSource(root, { cache, part });
    assert.equal(source.count, count);
  };
  const first = await callsDuring(() => open('train', 99_000));
  assert.ok(first.readdirSync.filter((path) => path.includes('class ')).length >= 100, 'the first opening lists them');

  const second = await callsDuring(() => open('train', 99_000));
  for (const name of ['readdirSync', 'lstatSync', 'openSync', 'opendirSync'] as const)
    assert.deepEqual(
      second[name].filter((path) => path.startsWith(join(root, 'train'))),
      [],
      name,
    );
  assert.ok(second.readdirSync.length <= 4, 'only what kind of folder it is'); // the root and a folder `data` in it
  assert.equal(second.readFileSync.length, 1);
  assert.match(second.readFileSync[0]!, /\.index$/);
  const looked = second.statSync.filter((path) => path.startsWith(root));
  assert.ok(looked.length <= 210, `${looked.length}`); // each folder once: 200 classes, both parts and the root
  assert.ok(!looked.some((path) => path.endsWith('.jpg')));
});
