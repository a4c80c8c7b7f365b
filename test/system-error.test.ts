// Errors of the operating system become a sentence that names the file; pipes and devices are never waited for.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Failure, InputError } from '../src/failure.ts';
import { readNamedText } from '../src/named-file.ts';
import { systemFailure } from '../src/system-error.ts';
import { makeFolder } from '../src/whole-file.ts';
import { temporaryFolder } from './data/temporary.ts';

const folder = temporaryFolder({ after });
const at = (name: string) => join(folder, name);
writeFileSync(at('file'), 'text');
mkdirSync(at('folder'));
symlinkSync('loop', at('loop'));
execFileSync('mkfifo', [at('pipe')]);

const thrownBy = (work: () => unknown): unknown => {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error('it threw nothing');
};

for (const [work, path, sentence] of [
  [() => readdirSync(at('none')), 'none', 'could not be listed: no such file or directory (ENOENT)'],
  [() => readdirSync(at('file')), 'file', 'could not be listed: not a directory (ENOTDIR)'],
  [() => readFileSync(at('loop')), 'loop', 'could not be opened: too many symbolic links encountered (ELOOP)'],
  [() => realpathSync(at('none')), 'none', 'could not be examined: no such file or directory (ENOENT)'],
  [() => renameSync(at('none'), at('other')), 'none', 'could not be renamed: no such file or directory (ENOENT)'],
] as const) {
  test(`an error of the system is a sentence: ${sentence}`, () => {
    const failure = systemFailure(thrownBy(work));
    assert.ok(failure instanceof InputError);
    assert.equal(failure.message, `${at(path)}: ${sentence}`);
  });
}

test('a full disk is a failure of the machine; a bug is not explained', () => {
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', syscall: 'write' });
  const failure = systemFailure(full);
  assert.ok(failure instanceof Failure);
  assert.equal(failure.message, 'a file: could not be written: no space left on device (ENOSPC)');
  assert.equal(systemFailure(new TypeError('undefined is not a function')), undefined);
  assert.equal(systemFailure(Object.assign(new Error('x'), { code: 'ERR_INVALID_ARG_TYPE' })), undefined);
});

for (const [name, got] of [
  ['none', 'no such file'],
  ['folder', 'a folder'],
  ['pipe', 'something other than a file'],
  ['loop', 'too many symbolic links encountered (ELOOP)'],
  ['file/below', 'not a directory (ENOTDIR)'],
]) {
  test(`a named file that is ${got} is refused`, () => {
    const refused = thrownBy(() => readNamedText(at(name!), 'a list'));
    assert.ok(refused instanceof InputError);
    assert.equal(refused.message, `${at(name!)}: expected a list, got ${got}`);
  });
}

test('a named file is read completely, up to the limit', () => {
  assert.equal(readNamedText(at('file'), 'a list'), 'text');
  writeFileSync(at('large'), '');
  truncateSync(at('large'), 2 ** 40); // no byte of it is on the disk
  assert.throws(() => readNamedText(at('large'), 'a list'), /expected a list, got 1099511627776 bytes/);
});

test('a folder is created with its parents, or the error is reported', { skip: process.platform !== 'linux' }, () => {
  makeFolder(at('a/b/c'));
  makeFolder(at('a/b/c'));
  assert.deepEqual(readdirSync(at('a/b')), ['c']);
  assert.throws(() => makeFolder(at('file/c')), /the folder could not be created \(E/);
  // Node's recursive mkdir never ends there
  assert.throws(() => makeFolder('/proc/new/folder'), /the folder could not be created \(ENOENT/);
});

const nasnet = join(import.meta.dirname, '../bin/nasnet');
const shell = (line: string) =>
  spawnSync('/bin/sh', ['-c', line, process.execPath, nasnet], { encoding: 'utf8', env: { ...process.env } });

test('a command whose reader closes the pipe ends quietly', () => {
  const { stdout, stderr } = shell('"$0" "$1" profile --family | head -c 1; "$0" "$1" --help | head -c 1');
  assert.equal(stderr, '');
  assert.equal(stdout.length, 2);
});

test('a full disk behind stdout is reported, with exit code 1', { skip: process.platform !== 'linux' }, () => {
  const { status, stderr } = shell('"$0" "$1" profile --family > /dev/full');
  assert.equal(stderr, 'nasnet: standard output could not be written (ENOSPC: no space left on device, write)\n');
  assert.equal(status, 1);
});

test('a closed stderr does not end a command', () => {
  const { status, stdout } = shell(
    '"$0" "$1" simulate --trials 20 --strategy random --json 2>&- && "$0" "$1" nonsense 2>&-',
  );
  assert.equal(JSON.parse(stdout)[0].strategy, 'random');
  assert.equal(status, 2);
});
