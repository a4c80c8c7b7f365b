// The environment's switches: one file of src/ reads them, one page of docs/ names them all.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';

const root = resolve(import.meta.dirname, '..');

/** The text of every file of these endings below a folder, by its path. */
const texts = (folder: string, endings: RegExp) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => endings.test(name) && !name.includes('node_modules'))
    .map((name) => ({ path: join(folder, name), text: readFileSync(join(root, folder, name), 'utf8') }));

test('only src/environment.ts reads switches of the environment', () => {
  const readers = texts('src', /\.ts$/).filter(({ text }) => /env(ironment)?(\.|\[')NASNET_/.test(text));
  assert.deepEqual(
    readers.map(({ path }) => path),
    ['src/environment.ts'],
  );
});

test('docs/environment.md has every variable that the code reads', () => {
  const code = [
    ...['src', 'scripts', 'bench', 'test'].flatMap((folder) => texts(folder, /\.(ts|mjs)$/)),
    ...texts('native', /\.(cpp|h)$/),
  ];
  const read = code.flatMap(({ text }) => [
    ...text.matchAll(/\benv(?:ironment)?(?:\.|\[')(NASNET_\w+)|getenv\("(NASNET_\w+)"/g),
  ]);
  const names = new Set(read.map(([, one, other]) => one ?? other!));
  assert.ok(names.size > 8, `only ${names.size} variables were found: the pattern no longer fits the code`);
  const page = readFileSync(join(root, 'docs/environment.md'), 'utf8');
  assert.deepEqual(
    [...names].filter((name) => !page.includes(`\`${name}\``)),
    [],
  );
});
