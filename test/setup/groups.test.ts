// Where the set-up finds Gloo for a libtorch: only next to a libtorch that is linked to it.

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { canUseGloo, canUseNccl, findGloo } from '../../scripts/setup/groups.mjs';
import type { Libtorch } from '../../scripts/setup/libtorch.mjs';
import { temporaryFolder } from '../data/temporary.ts';

const root = temporaryFolder({ after });

/** Lays a libtorch with these files below its folder. */
function libtorch(name: string, files: string[]): Libtorch {
  const folder = join(root, name);
  for (const file of files) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), '');
  }
  const include = join(folder, 'include');
  const lib = join(folder, 'lib/x86_64-linux-gnu');
  return { source: 'system', root: folder, includes: [include, include], lib, version: '1.13.0', cuda: false };
}

const c10d = 'include/torch/csrc/distributed/c10d/ProcessGroupGloo.hpp';
const library = 'lib/libgloo.so.0'; // Debian's place

test('Gloo is used where its library and its headers are', () => {
  const whole = libtorch('whole', [c10d, library, 'include/gloo/algorithm.h']);
  assert.equal(findGloo(whole, {}), join(root, 'whole/include'));
  assert.equal(findGloo(whole, { NASNET_GLOO: 'off' }), undefined);
});

test('without headers it can be had, from a folder that is named too', () => {
  const bare = libtorch('bare', [c10d, library]);
  assert.equal(canUseGloo(bare), true);
  assert.equal(findGloo(bare, {}), undefined);
  libtorch('named', ['include/gloo/algorithm.h']);
  assert.equal(findGloo(bare, { NASNET_GLOO: join(root, 'named') }), join(root, 'named/include'));
});

test('headers of another version are not used for a libtorch that has Gloo inside', () => {
  const wheel = libtorch('wheel', [c10d, 'include/gloo/algorithm.h']);
  assert.equal(canUseGloo(wheel), false);
  assert.equal(findGloo(wheel, {}), undefined);
});

test('NCCL needs a libtorch with CUDA and its headers', () => {
  const header = 'include/torch/csrc/cuda/nccl.h';
  const host = libtorch('host', [header]);
  assert.equal(canUseNccl(host, '/usr/local/cuda/include'), false);
  assert.equal(canUseNccl({ ...host, cuda: true }, undefined), false);
  assert.equal(canUseNccl({ ...host, cuda: true }, '/usr/local/cuda/include'), true);
  assert.equal(canUseNccl({ ...libtorch('old', []), cuda: true }, '/usr/local/cuda/include'), false);
});
