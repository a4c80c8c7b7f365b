// The summary of a folder's content, and its changes.

import assert from 'node:assert/strict';
import { cpSync, mkdirSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { classContentsOf } from '../../src/data/cache.ts';
import { type ClassContent, changesOf } from '../../src/data/folder-content.ts';
import { prepareImageFolder } from '../../src/data/image-folder.ts';
import { paint } from './paint.ts';
import { temporaryFolder } from './temporary.ts';

/** Two classes of six images that all differ, and how to look at them. */
async function photos(context: TestContext) {
  const root = temporaryFolder(context);
  const folder = join(root, 'photos');
  for (const [label, name] of ['blue', 'red'].entries())
    for (let index = 0; index < 6; index++)
      await paint(join(folder, name, `${index}.png`), [30 * index, 100 * label, 7], 9, 9);
  const look = async (path = folder, size = 8): Promise<ClassContent[]> =>
    classContentsOf(await prepareImageFolder(path, { size, cache: join(root, 'cache') }))!;
  return { root, folder, look };
}

const changed: [change: (folder: string) => void | Promise<void>, said: string[]][] = [
  [(folder) => renameSync(join(folder, 'red'), join(folder, 'zebra')), ['class "red" is now called "zebra"']],
  [
    (folder) => {
      renameSync(join(folder, 'red'), join(folder, 'one'));
      renameSync(join(folder, 'blue'), join(folder, 'red'));
      renameSync(join(folder, 'one'), join(folder, 'blue'));
    },
    ['class "blue" has other images, 6 as before', 'class "red" has other images, 6 as before'],
  ],
  [(folder) => paint(join(folder, 'red', '9.png'), [1, 2, 3]), ['class "red" had 6 images and has 7']],
  [(folder) => rmSync(join(folder, 'blue', '0.png')), ['class "blue" had 6 images and has 5']],
  [(folder) => paint(join(folder, 'red', '3.png'), [1, 2, 3]), ['class "red" has other images, 6 as before']],
  [
    (folder) => renameSync(join(folder, 'red', '3.png'), join(folder, 'red', 'three.png')),
    ['class "red" has images under other names'],
  ],
  [
    (folder) => {
      cpSync(join(folder, 'red'), join(folder, 'green'), { recursive: true });
      renameSync(join(folder, 'blue'), join(folder, '.blue'));
    },
    ['class "blue" was removed', 'class "green" is new'],
  ],
  [
    (folder) => {
      for (const part of ['train', 'test']) mkdirSync(join(folder, part));
      for (const name of ['blue', 'red']) {
        renameSync(join(folder, name), join(folder, 'train', name));
        mkdirSync(join(folder, 'test', name));
        renameSync(join(folder, 'train', name, '0.png'), join(folder, 'test', name, '0.png'));
      }
    },
    ['class "blue" has images under other names', 'class "red" has images under other names'],
  ],
];

test('renamed, added, removed, replaced and moved images are reported for each class', async (context) => {
  for (const [change, said] of changed) {
    const { folder, look } = await photos(context);
    const before = await look();
    await change(folder);
    assert.deepEqual(changesOf(before, await look()), said);
  }
});

test('copies, touched files, other places and other sizes of the same images change nothing', async (context) => {
  const { root, folder, look } = await photos(context);
  const before = await look();
  utimesSync(join(folder, 'red', '0.png'), 1, 1);
  assert.deepEqual(changesOf(before, await look()), []);
  cpSync(folder, join(root, 'elsewhere'), { recursive: true });
  writeFileSync(join(root, 'elsewhere', 'red', 'notes.txt'), 'no image');
  assert.deepEqual(changesOf(before, await look(join(root, 'elsewhere'), 16)), []);
});

test('images that become test images are a change though none is new', () => {
  const one: ClassContent = { name: 'a', train: 5, test: 1, paths: 'x', bytes: 'y' };
  const said = changesOf([one], [{ ...one, train: 4, test: 2 }]);
  assert.deepEqual(said, ['class "a" had 5 images to train on and 1 to test on, and has 4 and 2']);
});
