// The smaller pieces of the set-up: npm packages, BLAS, the lock, what is said.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { findBlas } from '../../scripts/setup/blas.mjs';
import type { Libtorch } from '../../scripts/setup/libtorch.mjs';
import { withLock } from '../../scripts/setup/lock.mjs';
import { missingPackages } from '../../scripts/setup/packages.mjs';
import { lastLines, Report, run, SetupFailure, seconds } from '../../scripts/setup/step.mjs';
import { libtorchCommand, systemFamilies } from '../../scripts/setup/system.mjs';
import { temporaryFolder } from './toy-package.ts';

test('packages are missing when absent, of another version, or this platform’s; never another platform’s', () => {
  using temporary = temporaryFolder();
  const { platform, arch } = process;
  const locked = {
    '': { version: '1.0.0' },
    'node_modules/there': { version: '1.0.0' },
    'node_modules/older': { version: '2.0.0' },
    'node_modules/absent': { version: '1.0.0' },
    'node_modules/here': { version: '1.0.0', optional: true, os: [platform], cpu: [arch] },
    'node_modules/elsewhere': { version: '1.0.0', optional: true, os: ['aix'], cpu: ['ppc64'] },
  };
  const present = { 'node_modules/there': { version: '1.0.0' }, 'node_modules/older': { version: '1.9.0' } };
  for (const name of ['there', 'older']) mkdirSync(join(temporary.path, 'node_modules', name), { recursive: true });
  writeFileSync(join(temporary.path, 'package-lock.json'), JSON.stringify({ packages: locked }));
  writeFileSync(join(temporary.path, 'node_modules/.package-lock.json'), JSON.stringify({ packages: present }));
  assert.deepEqual(missingPackages(temporary.path), ['node_modules/older', 'node_modules/absent', 'node_modules/here']);
});

test('our own lock file counts as complete here, whatever other platforms it names', () => {
  assert.deepEqual(missingPackages(join(import.meta.dirname, '../..')), []);
});

test('Debian’s reference BLAS is slow, OpenBLAS is not, and a libtorch of pip’s brings its own', () => {
  using temporary = temporaryFolder();
  const libraries = temporary.path;
  const debian = { source: 'system' } as Libtorch;
  for (const [target, name, slow] of [
    ['blas/libblas.so.3.11.0', 'reference BLAS', true],
    ['openblas-pthread/libblas.so.3', 'openblas-pthread', false],
  ] as const) {
    const folder = join(libraries, name);
    mkdirSync(join(folder, target, '..'), { recursive: true });
    writeFileSync(join(folder, target), '');
    symlinkSync(target, join(folder, 'libblas.so.3'));
    assert.deepEqual(findBlas(debian, [folder]), { name, slow });
    assert.equal(findBlas({ ...debian, source: 'python' }, [folder]).slow, false);
  }
});

test('the lock of a dead process is taken over; a living one is waited for', async () => {
  using temporary = temporaryFolder();
  const path = join(temporary.path, 'deep/setup.lock');
  mkdirSync(join(temporary.path, 'deep'));
  const dead = spawnSync(process.execPath, ['-e', '']).pid;
  writeFileSync(path, JSON.stringify({ process: dead, started: '1', machine: hostname() }));
  const order: string[] = [];
  let release = () => {};
  const first = withLock(
    path,
    () => order.push('first waits'),
    async () => {
      order.push('first holds');
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      order.push('first done');
    },
  );
  while (!order.includes('first holds')) await new Promise((resolve) => setImmediate(resolve));
  const second = withLock(
    path,
    (holder) => {
      order.push(`second waits for ${holder}`);
      release();
    },
    async () => order.push('second holds'),
  );
  await Promise.all([first, second]);
  const waited = order.filter((line) => line.startsWith('second') || line.startsWith('first d'));
  assert.deepEqual(waited, [`second waits for process ${process.pid} on ${hostname()}`, 'first done', 'second holds']);
  assert.equal(existsSync(path), false);
});

test('a process number that was given out again does not keep the lock', async () => {
  using temporary = temporaryFolder();
  const path = join(temporary.path, 'setup.lock');
  writeFileSync(path, JSON.stringify({ process: process.pid, started: 'another time', machine: hostname() }));
  assert.equal(
    await withLock(
      path,
      () => {},
      async () => 'held',
    ),
    'held',
  );
});

test('a failed command is told with its last lines, and a missing one as missing', async () => {
  const script = 'for (let i = 0; i < 30; i++) console.log("line " + i); process.exit(3)';
  await assert.rejects(run(process.execPath, ['-e', script]), (error: SetupFailure) => {
    assert.match(error.reason, /ended with exit code 3/);
    assert.deepEqual(
      error.lastLines,
      Array.from({ length: 20 }, (_, index) => `line ${index + 10}`),
    );
    return true;
  });
  await assert.rejects(run('no-such-command', []), /no-such-command could not be started/);
});

test('a quiet report says nothing until something is done, then all that came before', async () => {
  let said = '';
  const report = new Report({
    quiet: true,
    write: (text) => {
      said += text;
    },
  });
  report.skipped('packages', 'as the lock file says');
  assert.equal(said, '');
  await report.step('addon', 'compiling', async () => ({ said: '2 of 2 compiled' }));
  assert.match(
    said,
    /packages {2}as the lock file says; skipped\n {2}addon {5}compiling … \d+\.\d s, 2 of 2 compiled\n$/,
  );
  await assert.rejects(
    report.step('load', 'loading', () => Promise.reject(new SetupFailure('no'))),
    { step: 'load' },
  );
});

test('durations and last lines read well', () => {
  assert.equal(seconds(1234), '1.2 s');
  assert.equal(seconds(59_960), '1 min 0 s');
  assert.equal(seconds(125_000), '2 min 5 s');
  assert.deepEqual(lastLines('a\n\n  \nb\r\nc\n', 2), ['b', 'c']);
});

test('every family of systems has its one command, and Ubuntu counts as Debian', () => {
  using temporary = temporaryFolder();
  const release = join(temporary.path, 'os-release');
  writeFileSync(release, 'NAME="Ubuntu"\nID=ubuntu\nID_LIKE=debian\nVERSION_ID="24.04"\n');
  if (process.platform === 'linux') assert.deepEqual(systemFamilies(release), ['ubuntu', 'debian']);
  assert.match(libtorchCommand(['ubuntu', 'debian']), /apt-get install libtorch-dev libopenblas0-pthread/);
  assert.match(libtorchCommand(['fedora']), /dnf install/);
  assert.match(libtorchCommand(['arch']), /pacman -S/);
  assert.match(libtorchCommand(['darwin']), /brew install/);
  assert.match(libtorchCommand(['plan9']), /^run: pip install torch/);
});

test('the fetched Node is pinned for every platform that the set-up knows', () => {
  const lock = JSON.parse(readFileSync(join(import.meta.dirname, '../../scripts/node/package-lock.json'), 'utf8'));
  const pinned = Object.entries<{ version: string; integrity?: string }>(lock.packages).filter(([path]) => path !== '');
  assert.equal(pinned.length, 4);
  for (const [path, { version, integrity }] of pinned) {
    assert.match(version, /^24\./, path);
    assert.match(integrity ?? '', /^sha512-/, path);
  }
});
