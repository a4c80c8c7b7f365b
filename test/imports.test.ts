// The layout as a law: which folder of src/ may import which (the table in CONTRIBUTING.md).

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { test } from 'node:test';

const source = resolve(import.meta.dirname, '../src');

const forAll = ['checked.ts', 'failure.ts', 'version.ts', 'whole-file.ts'];

/** Everything below a folder, besides itself and the files for all. */
const mayImport: Record<string, readonly string[]> = {
  engine: [],
  nn: ['engine'],
  random: [],
  database: [],
  workers: [],
  data: ['engine', 'random'],
  space: ['random'],
  draw: ['space'],
  model: ['engine', 'nn', 'data', 'space', 'random'],
  train: ['engine', 'nn', 'data', 'space', 'model', 'random'],
  search: ['engine', 'nn', 'space', 'random'],
  simulation: ['space', 'search', 'random'],
  study: ['engine', 'nn', 'random', 'database', 'data', 'space', 'model', 'train', 'search', 'workers'],
  report: ['random', 'space', 'search', 'draw', 'study'],
  export: ['engine', 'nn', 'random', 'space', 'model'],
  import: ['engine', 'nn', 'data', 'space', 'model'],
  latency: ['engine', 'random', 'space', 'model', 'export'],
  cli: [
    'engine',
    'nn',
    'random',
    'database',
    'data',
    'space',
    'draw',
    'model',
    'train',
    'search',
    'simulation',
    'workers',
    'study',
    'report',
    'export',
    'latency',
    'import',
  ],
};

/** [importing file, imported file], both relative to src/, for static and dynamic imports alike. */
function localImports(): [string, string][] {
  const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  return files.flatMap((name) => {
    const text = readFileSync(join(source, name), 'utf8');
    const specifiers = [
      ...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g),
      ...text.matchAll(/new URL\('(\.[^']+\.ts)'/g),
    ];
    return specifiers.map((match): [string, string] => [
      name,
      relative(source, resolve(source, dirname(name), match[1])),
    ]);
  });
}

test('every folder of src/ is in the table', () => {
  const folders = readdirSync(source, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  assert.deepEqual(
    folders.map((entry) => entry.name).filter((name) => !(name in mayImport)),
    [],
  );
});

test('files import only from the folders that the table allows', () => {
  const imports = localImports();
  assert.ok(imports.length > 20, `only ${imports.length} imports were found: the pattern no longer fits the code`);
  const forbidden = imports.filter(([from, to]) => {
    const [importer, imported] = [from.split(sep)[0], to.split(sep)[0]];
    return (
      importer !== imported &&
      !forAll.includes(imported!) &&
      !to.startsWith('..') &&
      !mayImport[importer]?.includes(imported)
    );
  });
  assert.deepEqual(
    forbidden.map(([from, to]) => `${from} imports ${to}`),
    [],
  );
});
