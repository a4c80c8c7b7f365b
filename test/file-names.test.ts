// File names in comments and documents: each is that of a file of the repository.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, normalize, resolve } from 'node:path';
import { test } from 'node:test';

const root = resolve(import.meta.dirname, '..');

/** Headers of Node, CUDA and libtorch. */
const others = new Set(['node_api.h', 'cuda_runtime_api.h', 'ATen/Parallel.h']);

const folders = ['bench', 'bin', 'docs', 'examples', 'native', 'scripts', 'src', 'test'];
const within = (folder: string) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name));
const files = [...readdirSync(root), ...folders.flatMap(within)].filter((path) => !path.includes('node_modules'));
const known = new Set(files);
const names = new Set(files.map((path) => basename(path)));

/** The comments of a program; all of a document but its links to other sites. */
function prose(path: string): string {
  const text = readFileSync(join(root, path), 'utf8');
  if (path.endsWith('.md')) return text.replace(/https?:\/\/\S+/g, '');
  const comments = text.matchAll(/(?<![:'"`\w])\/\/(.*)|\/\*([\s\S]*?)\*\//g);
  return [...comments].map(([, line, block]) => line ?? block).join('\n');
}

/**
 * Names without a folder are those of any file; others lead from the root, from the file that says them, or end its
 * path.
 */
function isKnown(name: string, from: string): boolean {
  if (others.has(name)) return true;
  if (!name.includes('/')) return names.has(name);
  const paths = [name, join(dirname(from), name)].map((path) => normalize(path));
  return paths.some((path) => known.has(path)) || files.some((path) => path.endsWith(`/${name}`));
}

test('every program and document that a comment or a document names is there', () => {
  const named = files
    .filter((path) => /\.(ts|mjs|cpp|h|md)$/.test(path))
    .flatMap((path) => {
      const found = prose(path).matchAll(/(?<![\w/.*{<$-])(?:\.{0,2}\/)?\w[\w./-]*\.(?:ts|mjs|cpp|h|md)\b(?![\w.*-])/g);
      return [...found].map(([name]) => ({ path, name }));
    });
  assert.ok(named.length > 200, `only ${named.length} names were found: the pattern no longer fits the comments`);
  const missing = named.filter(({ path, name }) => !isKnown(name, path));
  assert.deepEqual(
    missing.map(({ path, name }) => `${path} names ${name}`),
    [],
  );
});
