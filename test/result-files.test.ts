// Results are never lost: which files are refused before the work, which may be replaced, and a refusal changes
// nothing.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { linkSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, test } from 'node:test';
import { ResultFiles, type ResultFilesOptions } from '../src/result-files.ts';
import { temporaryFolder as makeTemporaryFolder, writeWhole } from '../src/whole-file.ts';
import { temporaryFolder } from './data/temporary.ts';

const folder = temporaryFolder({ after });
let count = 0;
const newFolder = () => {
  const path = join(folder, String(++count));
  mkdirSync(path);
  return path;
};

function write(path: string, text: string, options: Partial<ResultFilesOptions> = {}): void {
  const results = new ResultFiles({ of: 'draw a', ...options });
  results.claim(path);
  writeWhole(path, [text]);
  results.keep();
}

const refused = (work: () => void, message: RegExp) => assert.throws(work, { name: 'InputError', message });

test('the same command replaces its own result; another command or source does not', () => {
  const path = join(newFolder(), 'below', 'a.svg');
  write(path, 'first');
  write(path, 'second');
  refused(
    () => write(path, 'third', { of: 'draw b' }),
    /a\.svg: exists already, written by draw a; .* let it be replaced$/,
  );
  assert.equal(readFileSync(path, 'utf8'), 'second');
  write(path, 'third', { of: 'draw b', overwrite: true });
  refused(() => write(path, 'fourth'), /written by draw b/);
  assert.equal(readFileSync(path, 'utf8'), 'third');
});

test('a file without a record, or changed since, is not replaced', () => {
  const path = join(newFolder(), 'a.svg');
  writeFileSync(path, 'by hand');
  refused(() => write(path, 'mine'), /written by another program or version/);
  const adopts = (_: string, of: string | undefined) => of === undefined;
  write(path, 'mine', { adopts });
  writeFileSync(path, 'edited');
  refused(() => write(path, 'mine'), /written by someone since/);
  refused(() => write(path, 'mine', { adopts }), /written by someone since/);
  assert.equal(readFileSync(path, 'utf8'), 'edited');
  rmSync(path);
  write(path, 'mine');
});

test('an input is never replaced, under any name, even with --overwrite', () => {
  const place = newFolder();
  const input = join(place, 'study.db');
  writeFileSync(input, 'a study');
  symlinkSync('study.db', join(place, 'link.svg'));
  linkSync(input, join(place, 'second.svg'));
  symlinkSync('.', join(place, 'same'));
  for (const name of ['study.db', 'link.svg', 'second.svg', 'same/study.db', './study.db']) {
    const path = `${place}/${name}`;
    refused(() => write(path, 'lost', { inputs: [input], overwrite: true }), /is an input and would be lost$/);
  }
  assert.equal(readFileSync(input, 'utf8'), 'a study');
});

test('a killed command may write its claimed files again; claimed files that were not written are dropped', () => {
  const place = newFolder();
  const path = join(place, 'network.safetensors');
  new ResultFiles({ of: 'study 1' }).claim(path);
  writeFileSync(path, 'written before the kill');
  write(path, 'written again', { of: 'study 1' });
  const other = new ResultFiles({ of: 'study 1' });
  other.claim(join(place, 'never.svg'));
  other.keep();
  writeFileSync(join(place, 'never.svg'), 'by hand');
  refused(() => write(join(place, 'never.svg'), 'lost', { of: 'study 1' }), /another program or version/);
});

test('what killed processes left of a file is removed by the next command that writes it, and nothing else', () => {
  const place = newFolder();
  const { pid: dead } = spawnSync(process.execPath, ['--version']);
  const left = ['.part', '.unverified', `.unverified.${dead}.part`].map((ending) => `a.svg.${dead}${ending}`);
  const others = [`a.svg.${process.ppid}.part`, `b.svg.${dead}.part`, 'a.svg.part', `a.svg.${dead}.svg`];
  for (const name of [...left, `.nasnet-results.json.${dead}.part`, ...others]) writeFileSync(join(place, name), '');
  write(join(place, 'a.svg'), 'whole');
  assert.deepEqual(readdirSync(place).sort(), ['.nasnet-results.json', 'a.svg', ...others].sort());
});

test('temporary folders of killed processes are removed when the next one is made, others stay', () => {
  const place = newFolder();
  const { pid: dead } = spawnSync(process.execPath, ['--version']);
  const others = [`.nasnet-${process.ppid}-abc`, '.nasnet-results', `nasnet-${dead}-abc`];
  for (const name of [`.nasnet-${dead}-abc`, ...others]) mkdirSync(join(place, name));
  writeFileSync(join(place, `.nasnet-${dead}-abc`, 'network.py'), '');
  const made = makeTemporaryFolder(place);
  assert.deepEqual(readdirSync(place).sort(), [basename(made), ...others].sort());
});

test('a place that cannot be written is refused before the work; devices are written to', () => {
  const place = newFolder();
  mkdirSync(join(place, 'models'));
  refused(() => write(join(place, 'models'), 'x'), /models: expected a file to write, got a folder$/);
  write('/dev/null', 'x');
  assert.deepEqual(readdirSync(place), ['models']);
  writeFileSync(join(place, 'file'), '');
  assert.throws(() => write(join(place, 'file', 'a.svg'), 'x'), /could not be created/);
});

test('a damaged record counts as empty', () => {
  const place = newFolder();
  write(join(place, 'a.svg'), 'first');
  writeFileSync(join(place, '.nasnet-results.json'), '{"a.svg": 3');
  refused(() => write(join(place, 'a.svg'), 'second'), /another program or version/);
});

test('texts that are written meanwhile leave other claimed files claimed', () => {
  const directory = newFolder();
  const late = join(directory, 'late.json');
  const results = new ResultFiles({ of: 'transfer a' });
  results.claim(late);
  results.write(directory, { 'early.svg': 'a figure' });
  writeWhole(late, ['a summary']);
  results.keep();
  write(late, 'another summary', { of: 'transfer a' });
  write(join(directory, 'early.svg'), 'another figure', { of: 'transfer a' });
  refused(() => write(late, 'a third', { of: 'transfer b' }), /late\.json: exists already, written by transfer a/);
});
