// What several processes can train one network with (docs/replicas.md): Gloo where libtorch is linked to a Gloo whose
// headers are here, NCCL where libtorch has CUDA. Our own ring over TCP needs neither, so nothing is ever missing.
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** @typedef {import('./libtorch.mjs').Libtorch} Libtorch */

const glooHeader = 'gloo/algorithm.h';

/**
 * The folder of Gloo's headers. Those of another version than libtorch's must not be used, so only a libtorch counts
 * that has Gloo as a library next to it, as Debian's (package libgloo-dev); pip's has it inside and no headers.
 * NASNET_GLOO names the folder that holds include/gloo, or is off.
 * @param {Libtorch} libtorch @param {NodeJS.ProcessEnv} environment
 */
export function findGloo(libtorch, environment = process.env) {
  const named = environment.NASNET_GLOO;
  if (named === 'off' || !canUseGloo(libtorch)) return undefined;
  const folder = named ? join(named, 'include') : libtorch.includes[0];
  return existsSync(join(folder, glooHeader)) ? folder : undefined;
}

/** Whether only Gloo's headers are missing. @param {Libtorch} libtorch */
export function canUseGloo({ root, includes, lib }) {
  const header = join(includes[0], 'torch/csrc/distributed/c10d/ProcessGroupGloo.hpp');
  const folders = [lib, join(root, 'lib'), join(root, 'lib64')]; // Debian has it in /usr/lib
  return existsSync(header) && folders.some((folder) => existsSync(join(folder, 'libgloo.so.0')));
}

/**
 * Whether libtorch's NCCL can be called: its own header needs CUDA's. @param {Libtorch} libtorch @param {string}
 * [cudaHeaders]
 */
export function canUseNccl({ includes, cuda }, cudaHeaders) {
  return cuda && cudaHeaders !== undefined && existsSync(join(includes[0], 'torch/csrc/cuda/nccl.h'));
}
