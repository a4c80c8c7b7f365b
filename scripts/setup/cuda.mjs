// CUDA's headers for a libtorch that has CUDA: the addon captures graphs only where both are there. No nvcc is needed,
// as no kernel of ours runs on a GPU.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** @typedef {import('./libtorch.mjs').Libtorch} Libtorch */

/**
 * The folder of cuda_runtime_api.h in the major version that this libtorch was built with; undefined where it has no
 * CUDA or no such headers are found: the addon then runs on the GPU without graphs.
 * @param {Libtorch} libtorch @param {NodeJS.ProcessEnv} environment
 * @param {string[]} [usual] for tests
 */
export function findCudaHeaders(libtorch, environment = process.env, usual = ['/usr/local/cuda', '/opt/cuda', '/usr']) {
  if (!libtorch.cuda) return undefined;
  const named = [environment.CUDA_HOME, environment.CUDA_PATH].flatMap((path) => (path ? [path] : []));
  // pip's
  const packages = ['cu13', 'cu12', 'cuda_runtime'].map((name) => join(dirname(libtorch.root), 'nvidia', name));
  const wanted = cudaOf(libtorch);
  return [...named, ...usual, ...packages]
    .map((root) => join(root, 'include'))
    .find((folder) => isComplete(folder) && (wanted === undefined || headerMajor(folder) === wanted));
}

/**
 * cuda_runtime_api.h alone does not compile: some packages keep the files that it includes elsewhere. @param {string}
 * folder
 */
function isComplete(folder) {
  return ['cuda_runtime_api.h', 'crt/host_defines.h'].every((name) => existsSync(join(folder, name)));
}

/** CUDA's major version as pip's torch says it; undefined for others. @param {Libtorch} libtorch */
function cudaOf({ root }) {
  const path = join(root, 'version.py');
  const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const major = text.match(/^cuda\b[^=]*=\s*['"](\d+)/m)?.[1];
  return major === undefined ? undefined : Number(major);
}

/** @param {string} folder */
function headerMajor(folder) {
  const version = readFileSync(join(folder, 'cuda_runtime_api.h'), 'utf8').match(
    /#define\s+CUDART_VERSION\s+(\d+)/,
  )?.[1];
  return version === undefined ? undefined : Math.floor(Number(version) / 1000);
}
