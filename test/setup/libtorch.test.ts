// Where libtorch is found, in what order, and how a wrong one is told.

import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  compareVersions,
  cxxStandard,
  findLibtorch,
  type Libtorch,
  usesOldStrings,
} from '../../scripts/setup/libtorch.mjs';
import { layLibtorch, temporaryFolder } from './toy-package.ts';

/** An environment whose python3 reports this folder as its torch. */
function python(folder: string, torch: string | null, prefix = '/nowhere'): NodeJS.ProcessEnv {
  mkdirSync(folder, { recursive: true });
  const answer = JSON.stringify({ torch, prefix, path: [] });
  writeFileSync(join(folder, 'python3'), `#!/bin/sh\necho '${answer}'\n`);
  chmodSync(join(folder, 'python3'), 0o755);
  return { PATH: `${folder}:/usr/bin:/bin` };
}

test('NASNET_LIBTORCH comes before Python’s torch, and that before the system’s', () => {
  using temporary = temporaryFolder();
  const below = (name: string) => join(temporary.path, name);
  const [named, pip, system] = [below('named'), below('pip/torch'), below('usr')];
  for (const [index, folder] of [named, pip, system].entries()) layLibtorch(folder, `2.${index}.0`);
  const environment = python(join(temporary.path, 'bin'), pip);
  const found = (more: NodeJS.ProcessEnv) =>
    findLibtorch({ environment: { ...environment, ...more }, systemRoots: [system] }).found;
  assert.deepEqual(pick(found({ NASNET_LIBTORCH: named })), ['NASNET_LIBTORCH', '2.0.0']);
  assert.deepEqual(pick(found({})), ['python', '2.1.0']);
  assert.deepEqual(pick(found({ PATH: '/nowhere' })), ['system', '2.2.0']);
});

test('a Python torch without headers or too old is passed over and said so', () => {
  using temporary = temporaryFolder();
  const below = (name: string) => join(temporary.path, name);
  const [old, bare, system] = [below('old'), below('bare'), below('usr')];
  layLibtorch(old, '1.8.1');
  mkdirSync(join(bare, 'lib'), { recursive: true });
  writeFileSync(join(bare, 'lib/libtorch_cpu.so'), '');
  layLibtorch(system, '1.13.0');
  for (const [torch, why] of [
    [old, 'is libtorch 1.8.1, which is older than 1.13'],
    [bare, "has no headers of libtorch's (include/torch)"],
  ] as const) {
    const environment = python(join(temporary.path, 'bin'), torch);
    const { found, passedOver } = findLibtorch({ environment, systemRoots: [system] });
    assert.deepEqual(pick(found), ['system', '1.13.0']);
    assert.deepEqual(passedOver, [`${torch} ${why}`]);
  }
});

test('Debian’s python3-torch, whose libraries are links to the system’s, counts as the system’s', () => {
  using temporary = temporaryFolder();
  const [debian, system] = [join(temporary.path, 'dist-packages/torch'), join(temporary.path, 'usr')];
  layLibtorch(system, '1.13.0');
  layLibtorch(debian, '1.13.0', 'none');
  mkdirSync(join(debian, 'lib'));
  symlinkSync(join(system, 'lib/libtorch_cpu.so'), join(debian, 'lib/libtorch_cpu.so'));
  const { found } = findLibtorch({ environment: python(join(temporary.path, 'bin'), debian), systemRoots: [system] });
  assert.deepEqual([found?.source, found?.root], ['system', system]);
});

test('conda keeps libtorch in Python’s prefix, beside a torch without headers', () => {
  using temporary = temporaryFolder();
  const prefix = join(temporary.path, 'conda');
  layLibtorch(prefix, '2.7.0');
  mkdirSync(join(prefix, 'site-packages/torch'), { recursive: true });
  const environment = python(join(temporary.path, 'bin'), join(prefix, 'site-packages/torch'), prefix);
  assert.deepEqual(pick(findLibtorch({ environment, systemRoots: [] }).found), ['python', '2.7.0']);
});

test('nothing anywhere: nothing found, nothing thrown', () => {
  const { found, passedOver } = findLibtorch({ environment: { PATH: '/nowhere' }, systemRoots: ['/nowhere'] });
  assert.equal(found, undefined);
  assert.deepEqual(passedOver, []);
});

test('a NASNET_LIBTORCH that cannot be used is never passed over: the sentence says what it lacks', () => {
  using temporary = temporaryFolder();
  const lacking = join(temporary.path, 'lacking');
  const empty = join(temporary.path, 'empty');
  layLibtorch(lacking, '2.0.0', 'none');
  mkdirSync(empty);
  const cases = [
    [join(temporary.path, 'gone'), 'does not exist'],
    [empty, "has neither libtorch's headers"],
    [lacking, 'has no libtorch_cpu.'],
  ] as const;
  for (const [root, why] of cases) {
    assert.throws(
      () => findLibtorch({ environment: { PATH: '/nowhere', NASNET_LIBTORCH: root } }),
      (error: Error & { exitCode: number }) =>
        error.message.includes(`got ${root}, which ${why}`) && error.exitCode === 2,
    );
  }
});

test('the string layout is read from the symbols of libc10, the C++ standard from the headers', () => {
  using temporary = temporaryFolder();
  layLibtorch(temporary.path, '2.9.0');
  const library = join(temporary.path, 'lib/libc10.so');
  writeFileSync(library, '\0_ZN3c106detail14torchCheckFailEPKcS2_jRKSs\0');
  assert.equal(usesOldStrings(join(temporary.path, 'lib')), true);
  writeFileSync(library, '\0_ZN3c106detail14torchCheckFailEPKcS2_jRKNSt7__cxx1112basic_stringIcEE\0');
  assert.equal(usesOldStrings(join(temporary.path, 'lib')), false);

  const libtorch = findLibtorch({ environment: { PATH: '/nowhere', NASNET_LIBTORCH: temporary.path } })
    .found as Libtorch;
  assert.equal(cxxStandard(libtorch), 17);
  writeFileSync(
    join(libtorch.includes[1], 'torch/all.h'),
    '#error C++20 or later compatible compiler is required to use PyTorch.\n',
  );
  assert.equal(cxxStandard(libtorch), 20);
});

test('versions compare number by number', () => {
  assert.ok(compareVersions('1.13', '1.8.1') > 0);
  assert.ok(compareVersions('2.0.0', '1.13.1') > 0);
  assert.equal(compareVersions('1.13', '1.13.0'), 0);
});

function pick(found: Libtorch | undefined): unknown[] {
  return [found?.source, found?.version];
}
