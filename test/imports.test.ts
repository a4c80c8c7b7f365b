// The layout as a law: which folder of src/ may import which. The table stands in CONTRIBUTING.md and nowhere else.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { test } from 'node:test';

const root = resolve(import.meta.dirname, '..');
const source = join(root, 'src');

const forAll = [
  'artifacts.ts',
  'best-of.ts',
  'checked.ts',
  'content-identity.ts',
  'environment.ts',
  'failure.ts',
  'file-hash.ts',
  'largest.ts',
  'named-file.ts',
  'out-of-memory.ts',
  'pair.ts',
  'result-files.ts',
  'system-error.ts',
  'version.ts',
  'visible.ts',
  'shell-path.ts',
  'whole-file.ts',
  'html-parts.ts',
  'words.ts',
];

/** Folders outside src/, and the folders that may read them. */
const outside = [
  'cli/doctor.ts: ../scripts/doctor/doctor.mjs', // answers before there is a command line, too
  'dashboard/server/page-files.ts: ../scripts/page.mjs', // bundles the page in a checkout
  'engine/addon.ts: ../build/nasnet.node',
  'export/html/export-html.ts: ../examples/browser/…',
  'library/ready.ts: ../scripts/setup.mjs', // builds the addon where it is missing
  'library/ready.ts: ../scripts/setup.mjs', // and names the command that does
  'library/ready.ts: ../scripts/setup/addon.mjs',
  'library/ready.ts: ../scripts/setup/step.mjs',
  'version.ts: ../package.json',
];

/** Folders whose files may import one another in a circle, by design. */
const knots = ['engine', 'import', 'search'];

/** Folders that run in a browser. */
const browser = ['statistics', 'space', 'plan', 'draw'];

/** Folders that are read where there is no engine and no worker: whoever looks at a study needs neither. */
const withoutEngine = ['study', 'selection', 'report', 'dashboard'];
const withEngine = ['study/presets.ts']; // completes the options of strategies

interface Import {
  from: string;
  /** Relative to src/, or a package. */
  to: string;
  /** Erased before it runs. */
  typeOnly: boolean;
  local: boolean;
}

const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((name) => /\.tsx?$/.test(name));

/** Static and dynamic imports, and files named by URL. */
const imports: Import[] = files.flatMap((from) => {
  const text = readFileSync(join(source, from), 'utf8');
  const found = [
    ...text.matchAll(/^(?:import|export)\s+(type\s)?[^'";]*?from\s+'([^']+)'/gm),
    ...text.matchAll(/^import\s+()'([^']+)'/gm),
    ...text.matchAll(/\bimport\(()\s*'([^']+)'/g),
    ...text.matchAll(/new URL\(()\s*['`](\.[^'`]+)['`]/g),
  ];
  return found.map(([, type, to]): Import => {
    const local = to!.startsWith('.');
    const path = local ? relative(source, resolve(source, dirname(from), to!)).replace(/\$\{.*/, '…') : to!;
    return { from, to: path, typeOnly: type !== undefined && type !== '', local };
  });
});
const within = imports.filter(({ to, local }) => local && !to.startsWith('..'));

/** The package's front door, which names what library/ and the folders below it offer. */
const door = 'index.ts';

const folderOf = (name: string) => name.split(sep)[0]!;
const folders = [...new Set(files.filter((name) => name.includes(sep)).map(folderOf))].sort();

/** The table of CONTRIBUTING.md: what each folder may import besides itself and the files for all. */
function table(): Record<string, readonly string[]> {
  const text = readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8');
  const [, rows = ''] = /\| folder \| may import \|\n\|[ |-]+\|\n((?:\|.*\n)+)/.exec(text) ?? [];
  const names = (cell: string) => cell.split(',').map((name) => name.trim());
  return Object.fromEntries(
    rows
      .trim()
      .split('\n')
      .flatMap((row) => {
        const [, importers = '', imported = ''] = row.split('|').map((cell) => cell.trim());
        const list = imported === '–' ? [] : imported === 'all' ? folders : names(imported);
        return names(importers).map((name): [string, string[]] => [name, list]);
      }),
  );
}
const mayImport = table();

/** All that is loaded with a file. */
function loadedWith(first: string): Set<string> {
  const seen = new Set([first]);
  for (const name of seen) for (const { from, to, typeOnly } of imports) if (from === name && !typeOnly) seen.add(to);
  return seen;
}

/** Files that are in a circle of imports, those of types included. */
function inCircles(): string[] {
  const next = Map.groupBy(within, ({ from }) => from);
  const reached = (first: string) => {
    const seen = new Set<string>();
    const open = [first];
    while (open.length > 0) {
      const fresh = (next.get(open.pop()!) ?? []).map(({ to }) => to).filter((to) => !seen.has(to));
      open.push(...fresh);
      for (const to of fresh) seen.add(to);
    }
    return seen;
  };
  return files.filter((name) => reached(name).has(name));
}

test('the table has every folder of src/ and no other', () => {
  assert.deepEqual(Object.keys(mayImport).sort(), folders);
});

test('files import only from the folders that the table allows', () => {
  assert.ok(within.length > 400, `only ${within.length} imports were found: the patterns no longer fit the code`);
  const forbidden = within.filter(({ from, to }) => {
    const [importer, imported] = [folderOf(from), folderOf(to)];
    const allowed = importer === door ? folders.filter((folder) => folder !== 'cli') : mayImport[importer];
    return importer !== imported && !forAll.includes(imported) && !allowed?.includes(imported);
  });
  assert.deepEqual(
    forbidden.map(({ from, to }) => `${from} imports ${to}`),
    [],
  );
});

test('what a folder may import stands above it', () => {
  const above = new Set<string>();
  for (const [folder, imported] of Object.entries(mayImport)) {
    if (folder !== 'cli') assert.deepEqual([folder, ...imported.filter((name) => !above.has(name))], [folder]);
    above.add(folder);
  }
});

test('what lies outside src/ is read where that is said', () => {
  const left = imports.filter(({ to, local }) => local && to.startsWith('..'));
  assert.deepEqual(left.map(({ from, to }) => `${from}: ${to}`).sort(), outside);
});

test('no files import one another in a circle, but for the knots', () => {
  assert.deepEqual(
    inCircles().filter((name) => !knots.includes(folderOf(name))),
    [],
  );
});

test('what runs in a browser loads nothing of Node and no engine', () => {
  const runsThere = (name: string) => browser.includes(folderOf(name)) || name.startsWith(join('dashboard', 'page'));
  const own = [...files.filter(runsThere), 'library/cells.ts'];
  assert.deepEqual(
    own.flatMap((name) =>
      [...loadedWith(name)]
        .filter((to) => to.startsWith('node:') || folderOf(to) === 'engine')
        .map((to) => `${name}: ${to}`),
    ),
    [],
  );
});

test('whoever reads a study or reports on it loads neither engine nor workers', () => {
  const own = files.filter((name) => withoutEngine.includes(folderOf(name)) && !withEngine.includes(name));
  assert.deepEqual(
    own.flatMap((name) =>
      [...loadedWith(name)].filter((to) => ['engine', 'workers'].includes(folderOf(to))).map((to) => `${name}: ${to}`),
    ),
    [],
  );
});

test('no two files have one name', () => {
  const alike = [...Map.groupBy(files, (name) => basename(name)).values()].filter(({ length }) => length > 1);
  assert.deepEqual(alike, []);
});
