// The rules for comments that a program can check (CONTRIBUTING.md, "Words"): their width, the words that they avoid,
// and the start of doc comments. Also the names that declarations avoid.

import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';

const root = resolve(import.meta.dirname, '..');
const widest = 120; // columns

const programs = '{bench,bin,examples,scripts,src,test}/**/*.{ts,mjs}';
const native = 'native/**/*.{cpp,h}'; // scripts/lint-native.mjs checks its width
const texts = '{README.md,docs/**/*.md}';

/** Words of the glossary that have no other meaning. */
const avoided = /\b(?:foretold|foretells?|dearest|anew|by lot)\b/;
/** Starts of doc comments without a subject. */
const withoutSubject = /^\/\*\*\s*(?:\*\s*)?(?:Of|What)\b/;
/** Participles as the names of declarations. Fields of stored data keep their names. */
const participles = /\b(?:const|let|function|get|type|interface)\s+(?:told|said|given|kept|foretold)\b/gi;

interface Place {
  where: string;
  text: string;
}

const files = (pattern: string): { path: string; text: string }[] =>
  globSync(pattern, { cwd: root, exclude: (name) => name === 'node_modules' }).map((path) => ({
    path,
    text: readFileSync(join(root, path), 'utf8'),
  }));

/** Returns the comments of programs, each with its file and line. */
function comments(pattern: string): (Place & { lines: string[] })[] {
  return files(pattern).flatMap(({ path, text }) => {
    const found = text.matchAll(/(?<![:'"`\\\w])\/\/.*|\/\*[\s\S]*?\*\//g);
    return Array.from(found, ({ index, 0: comment }) => ({
      where: `${path}:${lineAt(text, index)}`,
      text: comment,
      lines: linesOf(text, index, comment.length),
    }));
  });
}

const lineAt = (text: string, index: number): number => text.slice(0, index).split('\n').length;

/** Returns the complete lines of a comment, with the code before it. */
const linesOf = (text: string, index: number, length: number): string[] =>
  text.slice(text.lastIndexOf('\n', index) + 1, index + length).split('\n');

const placesOf = (places: Place[]): string[] => places.map(({ where, text }) => `${where}: ${text.slice(0, 100)}`);

test(`comments have at most ${widest} columns`, () => {
  const all = comments(programs);
  assert.ok(all.length > 3000, `only ${all.length} comments were found: the pattern no longer fits`);
  const isWide = (line: string) => [...line].length > widest && !line.includes('biome-ignore');
  assert.deepEqual(placesOf(all.filter(({ lines }) => lines.some(isWide))), []);
});

test('comments and documents avoid the words of the glossary', () => {
  const inComments = [...comments(programs), ...comments(native)].filter(({ text }) => avoided.test(text));
  const inTexts = files(texts)
    .filter(({ text }) => avoided.test(text))
    .map(({ path, text }) => ({ where: path, text: avoided.exec(text)![0] }));
  assert.deepEqual(placesOf([...inComments, ...inTexts]), []);
});

test('doc comments have a subject', () => {
  const bare = [...comments(programs), ...comments(native)].filter(({ text }) => withoutSubject.test(text));
  assert.deepEqual(placesOf(bare), []);
});

test('no declaration of src/ has a participle of the glossary as its name', () => {
  const named = files('src/**/*.ts').flatMap(({ path, text }) =>
    Array.from(text.matchAll(participles), ({ index, 0: declaration }) => ({
      where: `${path}:${lineAt(text, index)}`,
      text: declaration,
    })),
  );
  assert.deepEqual(placesOf(named), []);
});
