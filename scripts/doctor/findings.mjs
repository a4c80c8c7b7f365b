// What this machine has and lacks, found by the same code that sets it up. Nothing is installed or built.
import { spawnSync } from 'node:child_process';
import { buildRecord, currentAddon, findAddon, sourceName } from '../setup/addon.mjs';
import { findBlas } from '../setup/blas.mjs';
import { findCompiler } from '../setup/compile.mjs';
import { findCudaHeaders } from '../setup/cuda.mjs';
import { canUseGloo, canUseNccl, findGloo } from '../setup/groups.mjs';
import { findJpeg } from '../setup/jpeg.mjs';
import { findLibtorch } from '../setup/libtorch.mjs';
import { findNode, oldestNode } from '../setup/node.mjs';
import { missingPackages } from '../setup/packages.mjs';
import { cacheRoot, inCheckout, root } from '../setup/places.mjs';
import { SetupFailure } from '../setup/step.mjs';
import { libtorchCommand, noLibtorch } from '../setup/system.mjs';
import { contents, freeDisk, graphicsProcessors, memory, processor } from './machine.mjs';

/**
 * @typedef {object} Finding
 * @property {string} name
 * @property {'ok' | 'missing' | 'slow' | 'none'} state missing: needed and not there; none: not there and not needed
 * @property {string} value what was found, for a person
 * @property {string | undefined} [advice] what to do about it
 * @property {Record<string, unknown>} [facts] the same for a program
 */

const comfortableDisk = 2e9; // bytes: CIFAR-10's download and cache, and a study

/** @returns {Finding[]} in the order in which set-up would go about them */
export function findings() {
  const libtorch = searchLibtorch();
  return [
    nodeFinding(),
    packagesFinding(),
    compilerFinding(),
    libtorch.finding,
    blasFinding(libtorch.found),
    jpegFinding(),
    addonFinding(),
    ...(libtorch.found ? [replicasFinding(libtorch.found)] : []),
    ...machineFindings(libtorch.found),
  ];
}

/** @returns {Finding} */
function nodeFinding() {
  const node = findNode();
  const own = process.versions.node;
  if (!node) {
    return {
      name: 'node',
      state: 'missing',
      value: `${own}, older than ${oldestNode}`,
      advice: `set-up fetches Node ${oldestNode} with npm`,
      facts: { version: own },
    };
  }
  const version =
    node === process.execPath ? own : spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout.trim().slice(1);
  return { name: 'node', state: 'ok', value: `${version} in ${node}`, facts: { version, path: node } };
}

/** @returns {Finding} */
function packagesFinding() {
  const missing = inCheckout ? missingPackages(root) : [];
  if (missing.length === 0)
    return { name: 'packages', state: 'ok', value: inCheckout ? 'as the lock file says' : 'installed by npm' };
  return {
    name: 'packages',
    state: 'missing',
    value: `${missing.length} missing`,
    advice: 'set-up runs npm ci',
    facts: { missing },
  };
}

/** Without a compiler the addon cannot be built again, but a built one runs. @returns {Finding} */
function compilerFinding() {
  const command = findCompiler();
  const [program, ...parameters] = command;
  const asked = program ? spawnSync(program, [...parameters, '--version'], { encoding: 'utf8' }) : undefined;
  if (asked?.status === 0) {
    const [value = ''] = asked.stdout.split('\n');
    return { name: 'compiler', state: 'ok', value, facts: { command } };
  }
  const value = asked ? `${command.join(' ')} does not start` : 'no C++ compiler';
  return {
    name: 'compiler',
    state: findAddon() ? 'none' : 'missing',
    value,
    advice: 'install g++ or clang++, or set CXX',
  };
}

/** @returns {{ finding: Finding, found?: import('../setup/libtorch.mjs').Libtorch }} */
function searchLibtorch() {
  try {
    const { found, passedOver } = findLibtorch();
    if (found) {
      const value = `${found.version} in ${found.lib} (${sourceName(found.source)})`;
      return { found, finding: { name: 'libtorch', state: 'ok', value, facts: { ...found } } };
    }
    const { reason } = noLibtorch(passedOver);
    return { finding: { name: 'libtorch', state: 'missing', value: reason, advice: libtorchCommand() } };
  } catch (error) {
    if (!(error instanceof SetupFailure)) throw error;
    return { finding: { name: 'libtorch', state: 'missing', value: error.reason, advice: error.advice } };
  }
}

/** @param {import('../setup/libtorch.mjs').Libtorch} [libtorch] @returns {Finding} */
function blasFinding(libtorch) {
  if (!libtorch) return { name: 'blas', state: 'none', value: 'comes with libtorch' };
  const { name, slow } = findBlas(libtorch);
  if (!slow) return { name: 'blas', state: 'ok', value: name };
  return {
    name: 'blas',
    state: 'slow',
    value: `${name}, many times slower than OpenBLAS`,
    advice: 'sudo apt-get install libopenblas0-pthread',
  };
}

/** @returns {Finding} */
function jpegFinding() {
  const version = findJpeg();
  if (version) return { name: 'jpeg', state: 'ok', value: `libjpeg-turbo ${version}`, facts: { version } };
  return {
    name: 'jpeg',
    state: 'none',
    value: 'sharp decodes pictures for training; libjpeg-turbo is several times as fast',
    advice: 'install its development files (Debian: libjpeg62-turbo-dev); set-up then compiles the addon with them',
  };
}

/** @returns {Finding} */
function addonFinding() {
  const path = findAddon();
  const advice = 'set-up builds it: node scripts/setup.mjs, or any nasnet command that trains';
  if (!path) return { name: 'addon', state: 'missing', value: 'not built', advice };
  try {
    const current = currentAddon();
    if (current)
      return {
        name: 'addon',
        state: 'ok',
        value: `${path}, for libtorch ${current.libtorch.version}`,
        facts: { path },
      };
  } catch (error) {
    if (!(error instanceof SetupFailure)) throw error; // a wrong NASNET_LIBTORCH: told above
  }
  const built = buildRecord()?.libtorch.version;
  return {
    name: 'addon',
    state: 'missing',
    value: `built from other sources, flags or libtorch${built ? ` (${built})` : ''}`,
    advice,
    facts: { path },
  };
}

/**
 * How the processes of one training exchange tensors. @param {import('../setup/libtorch.mjs').Libtorch} libtorch
 * @returns {Finding}
 */
function replicasFinding(libtorch) {
  const failed = buildRecord()?.withoutGroups === true;
  const transports = [
    ...(!failed && canUseNccl(libtorch, findCudaHeaders(libtorch)) ? ['nccl between GPUs'] : []),
    ...(!failed && findGloo(libtorch) ? ["libtorch's gloo"] : []),
    'a ring over TCP',
  ];
  const finding = { name: 'replicas', value: `train --replicas uses ${transports.join(', ')}`, facts: { transports } };
  if (failed) return { ...finding, state: 'none', advice: 'the addon could not be built with Gloo or NCCL' };
  const lacksHeaders = canUseGloo(libtorch) && !findGloo(libtorch) && process.env.NASNET_GLOO !== 'off';
  return lacksHeaders
    ? { ...finding, state: 'none', advice: 'optional, for gloo: sudo apt-get install libgloo-dev' }
    : { ...finding, state: 'ok' };
}

/** @param {import('../setup/libtorch.mjs').Libtorch} [libtorch] @returns {Finding[]} */
function machineFindings(libtorch) {
  const { model, cores, features } = processor();
  const { total, free } = memory();
  const cache = cacheRoot();
  const disk = freeDisk(cache);
  return [
    {
      name: 'cpu',
      state: 'ok',
      value: `${cores} × ${model}; ${features.join(' ') || 'no vector extension known to us'}`,
      facts: { model, cores, features },
    },
    { name: 'memory', state: 'ok', value: `${amount(total)}, ${amount(free)} free`, facts: { total, free } },
    gpuFinding(libtorch),
    {
      name: 'disk',
      state: disk < comfortableDisk ? 'slow' : 'ok',
      value: `${amount(disk)} free for ${cache}`,
      ...(disk < comfortableDisk
        ? { advice: `data and studies want ${amount(comfortableDisk)}; NASNET_CACHE names another folder` }
        : {}),
      facts: { cache, free: disk },
    },
    dataFinding(cache),
  ];
}

/** @param {import('../setup/libtorch.mjs').Libtorch} [libtorch] @returns {Finding} */
function gpuFinding(libtorch) {
  const devices = graphicsProcessors();
  if (devices.length === 0) return { name: 'gpu', state: 'none', value: 'none; training runs on the processor' };
  const usable = process.platform === 'darwin' || libtorch?.cuda === true;
  const finding = { name: 'gpu', value: devices.join('; '), facts: { devices, usable } };
  if (usable) return { ...finding, state: 'ok' };
  return {
    ...finding,
    state: 'slow',
    advice: 'this libtorch is made for the processor only; pip install torch brings one for NVIDIA',
  };
}

/** @param {string} cache @returns {Finding} */
function dataFinding(cache) {
  const present = contents(cache).filter(({ name }) => /\.(bin|part)$/.test(name)); // datasets, and downloads cut short
  if (present.length === 0)
    return { name: 'data', state: 'none', value: 'nothing cached; fetched or decoded at first use' };
  return {
    name: 'data',
    state: 'ok',
    value: present.map(({ name, bytes }) => `${name} ${amount(bytes)}`).join(', '),
    facts: { present },
  };
}

/** @param {number} bytes */
export function amount(bytes) {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${Math.ceil(bytes / 1e6)} MB`;
}
