// Files are written completely or not at all.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { lstatSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { devNull } from 'node:os';
import { join, resolve } from 'node:path';
import { after, test } from 'node:test';
import { Failure } from '../src/failure.ts';
import { writeWhole } from '../src/whole-file.ts';
import { temporaryFolder } from './data/temporary.ts';

const folder = temporaryFolder({ after });

test('texts become UTF-8, bytes stay, in the order of the chunks, in place of the older file', () => {
  const path = join(folder, 'ordered');
  writeWhole(path, ['older and longer than what follows']);
  assert.equal(writeWhole(path, ['ä', Uint8Array.of(0, 255), '']), 4);
  assert.deepEqual([...readFileSync(path)], [0xc3, 0xa4, 0, 255]);
});

test('chunks that throw midway leave the older file unchanged and no other file', () => {
  const path = join(folder, 'interrupted');
  writeWhole(path, ['older']);
  const reason = new RangeError('a bug of the caller');
  const chunks = function* () {
    yield 'half';
    throw reason;
  };
  assert.throws(() => writeWhole(path, chunks()), reason);
  assert.equal(readFileSync(path, 'utf8'), 'older');
  assert.deepEqual(readdirSync(folder).sort(), ['interrupted', 'ordered']);
});

test('a full disk is reported in one sentence, and the older file stays', {
  skip: process.platform === 'win32',
}, () => {
  const path = join(folder, 'limited');
  writeWhole(path, ['older']);
  const module = resolve(import.meta.dirname, '../src/whole-file.ts');
  const script = `
    import { writeWhole } from ${JSON.stringify(module)};
    try { writeWhole(${JSON.stringify(path)}, ['a', new Uint8Array(100_000)]); } catch (error) { console.log(error.name, error.message); }`;
  const limited = `ulimit -f 16 && exec "$@"`; // 16 blocks of 512 or 1024 bytes
  const words = ['-c', limited, 'sh', process.execPath, '--input-type=module', '-e', script];
  const { stdout } = spawnSync('sh', words, { encoding: 'utf8' });
  assert.match(stdout, /^Failure .*limited: the file could not be written \(EFBIG/);
  assert.equal(readFileSync(path, 'utf8'), 'older');
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith('limited')),
    ['limited'],
  );
});

test('a missing folder and a folder in place of the file are reported in one sentence each', () => {
  const folderThere = join(folder, 'a folder');
  mkdirSync(folderThere);
  for (const path of [join(folder, 'no', 'such'), folderThere]) {
    assert.throws(
      () => writeWhole(path, ['text']),
      (error: Error) =>
        error instanceof Failure && error.message.startsWith(`${path}: the file could not be written (E`),
    );
  }
});

test('a link stays a link and its target is replaced; a device is written to and stays a device', () => {
  const [target, link] = [join(folder, 'target'), join(folder, 'link')];
  writeWhole(target, ['older']);
  symlinkSync(target, link);
  writeWhole(link, ['newer']);
  assert.ok(lstatSync(link).isSymbolicLink());
  assert.equal(readFileSync(target, 'utf8'), 'newer');
  assert.equal(writeWhole(devNull, ['nowhere']), 7);
  assert.ok(!statSync(devNull).isFile());
});
