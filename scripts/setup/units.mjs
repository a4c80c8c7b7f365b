// Which sources are compiled together. Reading libtorch's headers takes the compiler 5 seconds a time, so the files
// that include them are a few units: 37 files in 2 units take 30 CPU seconds, in a unit for each folder they took 57.
// Where they do not compile together (two files have a helper of one name), they are compiled apart, as the others are.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, extname, join, sep } from 'node:path';

/**
 * @typedef {object} Unit
 * @property {string[]} sources full paths
 * @property {string} object its file, named after all that decides its content
 * @property {number} size characters that it is made from, our headers included
 * @property {Unit[]} apart the same sources, each alone; empty if there is one only
 */

const filesTogether = 20; // more than that take longer than the longest of the others, loops-avx512.cpp
// of libtorch; ATen/Parallel.h alone is read in a second
const includesMuch = /^\s*#\s*include\s*<(torch|ATen|c10)\/(?!Parallel\.h)/m;
const isSpecial = /^\s*#\s*pragma\s+(GCC|clang)\b/m; // made for another processor than the other files

/**
 * @param {string} folder of sources
 * @param {string} command everything of the command line that decides what comes out
 * @param {string} objects the folder of objects
 * @param {string[]} [omitted] sources that are not compiled
 * @returns {Unit[]} the largest first
 */
export function compilationUnits(folder, command, objects, omitted = []) {
  const compiled = sourceFiles(folder).filter((path) => !omitted.includes(path));
  const files = compiled.map((path) => {
    const texts = withIncluded(folder, path).map((file) => readFileSync(join(folder, file), 'utf8'));
    return {
      path,
      texts,
      heavy: texts.some((text) => includesMuch.test(text)) && !texts.some((text) => isSpecial.test(text)),
    };
  });
  /** @param {typeof files} some @returns {Unit} */
  const unit = (some) => {
    const names = some.map((file) => file.path.replace(/\.cpp$/, ''));
    const name = [...new Set([names[0], names.at(-1)])].join('-to-');
    const texts = some.flatMap((file) => file.texts);
    return {
      sources: some.map(({ path }) => join(folder, path)),
      object: join(objects, `${name.replaceAll(sep, '-')}-${digest([command, ...texts]).slice(0, 16)}.o`),
      size: texts.reduce((sum, text) => sum + text.length, 0),
      apart: some.length > 1 ? some.map((file) => unit([file])) : [],
    };
  };
  const alone = files.filter((file) => !file.heavy).map((file) => [file]);
  return [...chunks(files.filter((file) => file.heavy)), ...alone]
    .map(unit)
    .sort((one, other) => other.size - one.size);
}

/** @template T @param {T[]} all @returns {T[][]} */
function chunks(all) {
  const count = Math.ceil(all.length / filesTogether);
  const size = Math.ceil(all.length / count);
  return Array.from({ length: count }, (_, index) => all.slice(index * size, (index + 1) * size));
}

/** The text of a source that is all of a unit's. @param {Unit} unit */
export const textOf = ({ sources }) => sources.map((path) => `#include ${JSON.stringify(path)}\n`).join('');

/** @param {string} folder @returns {string[]} paths below it, sorted */
export function sourceFiles(folder) {
  return filesBelow(folder, ['.cpp']);
}

/** @param {string} folder */
export function headerFiles(folder) {
  return filesBelow(folder, ['.h', '.hpp']);
}

/** @param {string} folder @param {string[]} endings */
function filesBelow(folder, endings) {
  if (!existsSync(folder)) return [];
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return paths.filter((path) => endings.includes(extname(path))).sort();
}

/** A source and those of our headers that it includes, directly or not. @param {string} folder @param {string} path */
function withIncluded(folder, path) {
  const files = new Set([path]);
  for (const file of files) {
    const included = readFileSync(join(folder, file), 'utf8').matchAll(/^\s*#\s*include\s*"([^"]+)"/gm);
    for (const [, name = ''] of included) {
      const header = [join(dirname(file), name), name].find((candidate) => existsSync(join(folder, candidate)));
      if (header) files.add(header);
    }
  }
  return [...files];
}

/** @param {string[]} parts */
export function digest(parts) {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part).update('\0');
  return hash.digest('hex');
}
