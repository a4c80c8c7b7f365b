// The addon: checks whether the built one is current, and builds it against the libtorch that was found or installed.
// build/nasnet.json next to it records its sources; it is written last, so it never speaks of a half-built addon.
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { findBlas } from './blas.mjs';
import { compileAddon, findCompiler, groupFlags, planBuild, planHash } from './compile.mjs';
import { findLibtorch, libtorchAt } from './libtorch.mjs';
import { inCheckout, root, writableHome } from './places.mjs';
import { wantsAvx512 } from './processor.mjs';
import { pythonTorch, searchKey } from './python.mjs';
import { run, SetupFailure } from './step.mjs';
import { aptInstall, aptOffers, aptOffersLibtorch, aptPrefix, noLibtorch } from './system.mjs';

/** @typedef {import('./compile.mjs').Plan} Plan */

/**
 * @typedef {object} BuildRecord
 * @property {string} hash of sources, compiler and flags
 * @property {import('./libtorch.mjs').Libtorch} libtorch
 * @property {string} blas
 * @property {string} searchKey what the search for libtorch depended on
 * @property {string[]} pythonPath the folders in that key
 * @property {string[]} compiler
 * @property {boolean} avx512 whether it has kernels for it
 * @property {boolean} [withoutGroups] Gloo or NCCL is here, but the addon could not be built with it
 */

const sources = join(root, 'native');

/** The built addon that a process of ours should load, or undefined. */
export function findAddon() {
  return buildFolders()
    .map((folder) => join(folder, 'nasnet.node'))
    .find((path) => existsSync(path));
}

/** The package's own build folder; before it the cache's where the package is read-only. */
function buildFolders() {
  return [...new Set([writableHome(), root])].map((home) => join(home, 'build'));
}

/** @returns {BuildRecord | undefined} */
export function buildRecord(folder = dirname(findAddon() ?? join(root, 'build/nasnet.node'))) {
  try {
    return JSON.parse(readFileSync(join(folder, 'nasnet.json'), 'utf8'));
  } catch {
    return undefined;
  }
}

/**
 * Takes a few milliseconds: Python is asked again only when something that decides its answer has changed.
 * @returns {BuildRecord | undefined} of an addon that is built from today's sources, flags and libtorch
 * @throws {import('./step.mjs').SetupFailure} when NASNET_LIBTORCH cannot be used
 */
export function currentAddon(environment = process.env) {
  return buildFolders()
    .map((folder) => currentIn(folder, environment))
    .find((record) => record !== undefined);
}

/** @param {string} build @param {NodeJS.ProcessEnv} environment */
function currentIn(build, environment) {
  const record = existsSync(join(build, 'nasnet.node')) ? buildRecord(build) : undefined;
  if (!record) return undefined;
  const remembered = searchKey(environment, record.pythonPath) === record.searchKey;
  const libtorch = remembered
    ? libtorchAt(record.libtorch.root, record.libtorch.source)
    : (findLibtorch({ environment }).found ?? 'is gone');
  if (typeof libtorch === 'string') return undefined;
  const found = findCompiler(environment);
  const compiler = found.length > 0 ? found : record.compiler; // an image may lack what it was built with
  // On a machine with more than the one that built it, an addon gets that too, if there is what compiles it.
  const avx512 = record.avx512 || (found.length > 0 && wantsAvx512(environment));
  const planned = plan(build, libtorch, environment, { groups: !record.withoutGroups, avx512, compiler });
  return record.hash === planHash(planned) ? record : undefined;
}

/**
 * @param {string} build @param {import('./libtorch.mjs').Libtorch} libtorch @param {NodeJS.ProcessEnv} environment
 * @param {{ groups: boolean, avx512: boolean, compiler?: string[] }} parts what not every addon has
 */
function plan(build, libtorch, environment, parts) {
  return planBuild({ sources, build, headers: nodeHeaders(), libtorch, environment, ...parts });
}

/** The folder of the headers that npm installed; ours in a checkout, anywhere above in an installed package. */
function nodeHeaders() {
  const require = createRequire(join(root, 'package.json'));
  const api = inCheckout ? join(root, 'node_modules/node-api-headers') : dirname(require.resolve('node-api-headers'));
  return [join(api, 'include')];
}

/**
 * Finds or installs libtorch, then compiles, links, loads once, and only then puts the addon in its place.
 * @param {import('./step.mjs').Report} report
 * @param {string} node the Node that will load it
 */
export async function buildAddon(report, node, environment = process.env) {
  const libtorch = await bringLibtorch(report, environment);
  const blas = await bringBlas(report, libtorch);
  const build = join(writableHome(), 'build');
  const avx512 = wantsAvx512(environment) || buildRecord(build)?.avx512 === true; // machines may share this folder
  const [whole, plain] = [true, false].map((groups) => plan(build, libtorch, environment, { groups, avx512 }));
  const uses = usesGroups(/** @type {Plan} */ (whole));
  const built = await compileAndLoad(report, node, /** @type {Plan} */ (whole)).catch((error) => {
    if (!uses || !(error instanceof SetupFailure)) throw error;
    report.note(`built without Gloo and NCCL, with which it fails: ${error.reason}`);
    return compileAndLoad(report, node, /** @type {Plan} */ (plain));
  });
  const { addon, hash } = built;
  const withoutGroups = uses && built.planned === plain;
  const pythonPath = pythonTorch(environment)?.path ?? [];
  /** @type {BuildRecord} */
  const record = {
    ...{ hash, libtorch, blas, searchKey: searchKey(environment, pythonPath), pythonPath },
    ...{ compiler: built.planned.compiler, avx512 },
    ...(withoutGroups && { withoutGroups }),
  };
  rmSync(join(build, 'nasnet.json'), { force: true });
  renameSync(addon, join(build, 'nasnet.node'));
  writeFileSync(join(build, 'nasnet.json.part'), `${JSON.stringify(record, null, 2)}\n`);
  renameSync(join(build, 'nasnet.json.part'), join(build, 'nasnet.json'));
}

/** @param {Plan} planned @returns {boolean} */
const usesGroups = ({ compileFlags }) => groupFlags.some((flag) => compileFlags.includes(flag));

/** @param {import('./step.mjs').Report} report @param {string} node @param {Plan} planned */
async function compileAndLoad(report, node, planned) {
  const hash = planHash(planned); // before compiling: sources that change meanwhile must be built again
  const compiler = planned.compiler.join(' ') || 'a C++ compiler';
  const { addon } = await report.step('addon', `compiling native/ with ${compiler}`, (progress) =>
    compileAddon(planned, progress),
  );
  await report.step('load', 'first load of the addon and libtorch', async () => {
    await run(node, ['-e', 'process.dlopen({ exports: {} }, process.argv[1])', addon], {
      advice: 'check that this libtorch is complete, or name another with NASNET_LIBTORCH',
    });
    return {};
  });
  return { addon, hash, planned };
}

/** @param {import('./step.mjs').Report} report @param {NodeJS.ProcessEnv} environment */
async function bringLibtorch(report, environment) {
  const { found, passedOver } = findLibtorch({ environment });
  for (const seen of passedOver) report.note(`passed over: ${seen}`);
  if (found) {
    report.skipped('libtorch', `${found.version} in ${found.lib} (${sourceName(found.source)})`);
    return found;
  }
  const apt = aptPrefix();
  return report.step(
    'libtorch',
    apt ? 'none found; installing libtorch-dev and OpenBLAS with apt (takes minutes)' : 'searching',
    async () => {
      if (!apt || !(await aptOffersLibtorch(apt))) throw noLibtorch(passedOver);
      await aptInstall(apt, [
        'libtorch-dev',
        'libopenblas0-pthread',
        ...(aptOffers('libgloo-dev') ? ['libgloo-dev'] : []),
      ]);
      const installed = findLibtorch({ environment });
      if (!installed.found) throw noLibtorch(installed.passedOver);
      return { ...installed.found, said: `${installed.found.version} in ${installed.found.lib}` };
    },
  );
}

/**
 * A slow BLAS is no reason to stop: it is replaced where we may, else only told. @param {import('./step.mjs').Report}
 * report @param {import('./libtorch.mjs').Libtorch} libtorch
 */
async function bringBlas(report, libtorch) {
  const blas = findBlas(libtorch);
  if (!blas.slow) return blas.name;
  const apt = aptPrefix();
  if (!apt) {
    report.note(
      `blas: ${blas.name}, many times slower than OpenBLAS; better: sudo apt-get install libopenblas0-pthread`,
    );
    return blas.name;
  }
  try {
    await report.step('blas', `${blas.name} is slow; installing libopenblas0-pthread`, async () => {
      await aptInstall(apt, ['libopenblas0-pthread']);
      return { said: findBlas(libtorch).name };
    });
  } catch {
    report.note(`blas: went on with the ${blas.name}; better: apt-get install libopenblas0-pthread`);
  }
  return findBlas(libtorch).name;
}

/** @param {import('./libtorch.mjs').Libtorch['source']} source */
export function sourceName(source) {
  return { NASNET_LIBTORCH: 'named by NASNET_LIBTORCH', python: 'the active Python’s torch', system: 'the system’s' }[
    source
  ];
}
