// Which linear algebra library a libtorch computes with. Debian's reference BLAS is many times slower than OpenBLAS
// and is what comes alone with libtorch-dev; pip's and Apple's builds carry a fast one.
import { existsSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { multiarch } from './libtorch.mjs';

/**
 * @param {import('./libtorch.mjs').Libtorch} libtorch
 * @param {string[]} folders where the system keeps libblas.so.3
 * @returns {{ name: string, slow: boolean }}
 */
export function findBlas(libtorch, folders = [`/usr/lib/${multiarch}`, '/usr/lib64', '/usr/lib']) {
  if (process.platform === 'darwin') return { name: 'Accelerate', slow: false };
  if (libtorch.source !== 'system') return { name: 'what this libtorch brings', slow: false };
  const link = folders.map((folder) => join(folder, 'libblas.so.3')).find((path) => existsSync(path));
  if (!link) return { name: 'what this libtorch is linked to', slow: false };
  const target = realpathSync(link);
  const fast = ['openblas', 'mkl', 'blis', 'atlas', 'flexiblas'].find((word) => target.includes(word));
  // Debian keeps each BLAS in a folder of its name: …/openblas-pthread/libblas.so.3, …/blas/libblas.so.3.10.0
  const name = fast ? (basename(dirname(target)).includes(fast) ? basename(dirname(target)) : fast) : 'reference BLAS';
  return { name, slow: !fast };
}
