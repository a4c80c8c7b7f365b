// Where the set-up finds CUDA's headers for a libtorch: the named ones first, only of the right version, only whole
// ones.

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { findCudaHeaders } from '../../scripts/setup/cuda.mjs';
import { temporaryFolder } from '../data/temporary.ts';

const root = temporaryFolder({ after });

function headers(name: string, version: number, whole = true): string {
  const include = join(root, name, 'include');
  mkdirSync(join(include, 'crt'), { recursive: true });
  writeFileSync(join(include, 'cuda_runtime_api.h'), `#pragma once\n#define CUDART_VERSION  ${version}\n`);
  if (whole) writeFileSync(join(include, 'crt/host_defines.h'), '');
  return join(root, name);
}

function torch(site: string, cuda: string | undefined) {
  const folder = join(root, site, 'torch');
  mkdirSync(folder, { recursive: true });
  if (cuda) writeFileSync(join(folder, 'version.py'), `__version__ = '2.9.0'\ncuda: Optional[str] = ${cuda}\n`);
  return {
    source: 'python' as const,
    root: folder,
    includes: ['', ''] as [string, string],
    lib: join(folder, 'lib'),
    version: '2.9.0',
    cuda: true,
  };
}

test('headers of the version that torch was built with are taken, of another passed over', () => {
  const [twelve, thirteen] = [headers('twelve', 12040), headers('thirteen', 13000)];
  assert.equal(findCudaHeaders(torch('a', "'13.0'"), {}, [twelve, thirteen]), join(thirteen, 'include'));
  assert.equal(findCudaHeaders(torch('b', "'12.6'"), {}, [thirteen, twelve]), join(twelve, 'include'));
  assert.equal(findCudaHeaders(torch('c', "'11.8'"), {}, [thirteen, twelve]), undefined);
});

test("CUDA_HOME comes first; a libtorch that does not say its version takes the first; pip's own headers are found beside it", () => {
  const [home, usual] = [headers('home', 13000), headers('usual', 13010)];
  assert.equal(findCudaHeaders(torch('d', "'13.0'"), { CUDA_HOME: home }, [usual]), join(home, 'include'));
  assert.equal(findCudaHeaders(torch('e', undefined), {}, [usual, home]), join(usual, 'include'));
  const beside = headers('f/nvidia/cu13', 13000);
  assert.equal(findCudaHeaders(torch('f', "'13.0'"), {}, []), join(beside, 'include'));
});

test('headers that do not compile by themselves, and a libtorch without CUDA, give none', () => {
  const half = headers('half', 13000, false);
  assert.equal(findCudaHeaders(torch('g', "'13.0'"), {}, [half]), undefined);
  assert.equal(findCudaHeaders({ ...torch('h', 'None'), cuda: false }, {}, [headers('any', 13000)]), undefined);
});
