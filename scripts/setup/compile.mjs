// Compiles C++ sources with the compiler itself and links them to libtorch as a Node addon.
// Every file is written under a temporary name and renamed when complete: a killed build leaves nothing half-written.
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, freemem } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { findCudaHeaders } from './cuda.mjs';
import { canUseNccl, findGloo } from './groups.mjs';
import { findJpeg, jpegSource } from './jpeg.mjs';
import { cxxStandard, usesOldStrings } from './libtorch.mjs';
import { avx512Sources } from './processor.mjs';
import { run, SetupFailure } from './step.mjs';
import { onPath } from './system.mjs';
import { compilationUnits, digest, headerFiles, sourceFiles, textOf } from './units.mjs';

/** Memory of one compiler on libtorch's headers: 1.2 GB measured with g++ 12 and libtorch 1.13. */
const compilerMemory = 1.5e9; // bytes

/** Gloo and NCCL, without which the addon works too. */
export const groupFlags = ['-DNASNET_GLOO', '-DNASNET_NCCL'];

/**
 * @typedef {object} Plan everything that decides what the compiler will do
 * @property {string} sources the folder of *.cpp and their headers
 * @property {string} build the folder to write into
 * @property {string[]} compiler the command and its first arguments
 * @property {string[]} compileFlags
 * @property {string[]} linkFlags
 * @property {string[]} omitted sources that need what this machine lacks, and nobody asked for
 */

/** @typedef {import('./units.mjs').Unit} Unit */

/**
 * @param {{ sources: string, build: string, headers: string[], libtorch: import('./libtorch.mjs').Libtorch,
 * environment?: NodeJS.ProcessEnv, jpeg?: string, groups?: boolean, avx512: boolean, compiler?: string[] }} options
 * headers: the folder of node_api.h; jpeg: the version of libjpeg-turbo; groups: whether to use Gloo and NCCL where
 * they are; avx512: whether to compile the kernels for it
 * @returns {Plan}
 */
export function planBuild({
  sources,
  build,
  headers,
  libtorch,
  environment = process.env,
  jpeg = findJpeg(),
  groups = true,
  avx512,
  compiler = findCompiler(environment),
}) {
  const words = (/** @type {string | undefined} */ text) => (text ?? '').split(/\s+/).filter((word) => word !== '');
  // /usr/include is searched anyway, and named with -isystem it would come before the C++ library's own headers.
  const cudaHeaders = findCudaHeaders(libtorch, environment);
  const gloo = groups ? findGloo(libtorch, environment) : undefined;
  const nccl = groups && canUseNccl(libtorch, cudaHeaders);
  const folders = new Set(
    [...headers, ...libtorch.includes, ...(cudaHeaders ? [cudaHeaders] : []), ...(gloo ? [gloo] : [])].filter(
      (folder) => folder !== '/usr/include',
    ),
  );
  const cuda = libtorch.cuda ? ['-ltorch_cuda', '-lc10_cuda'] : [];
  const linking =
    process.platform === 'darwin' ? ['-bundle', '-undefined', 'dynamic_lookup'] : ['-shared', '-Wl,--no-as-needed'];
  return {
    sources,
    build,
    compiler,
    compileFlags: [
      `-std=c++${cxxStandard(libtorch)}`,
      ...['-O2', '-fPIC', '-fvisibility=hidden', '-Wall', '-Wextra', '-fmax-errors=3'],
      ...['-DNAPI_VERSION=8', '-iquote', sources],
      ...(cudaHeaders ? ['-DNASNET_CUDA'] : []),
      ...(gloo ? ['-DNASNET_GLOO'] : []),
      ...(nccl ? ['-DNASNET_NCCL'] : []),
      ...(usesOldStrings(libtorch.lib) ? ['-D_GLIBCXX_USE_CXX11_ABI=0'] : []),
      ...[...folders].flatMap((folder) => ['-isystem', folder]),
      ...words(environment.CXXFLAGS),
    ],
    linkFlags: [
      ...linking,
      `-L${libtorch.lib}`,
      `-Wl,-rpath,${libtorch.lib}`,
      ...['-ltorch', '-ltorch_cpu', '-lc10', ...cuda],
      ...(nccl ? ['-Wl,-z,lazy'] : []), // a libtorch without NCCL lacks functions that are then never called
      ...(jpeg ? ['-ljpeg'] : []),
      ...words(environment.LDFLAGS),
    ],
    omitted: [...(jpeg ? [] : [jpegSource]), ...(avx512 ? [] : avx512Sources)],
  };
}

/**
 * $CXX (which may be several words, as "ccache g++"), else the first of the usual names. @param {NodeJS.ProcessEnv}
 * environment
 */
export function findCompiler(environment = process.env) {
  if (environment.CXX) return environment.CXX.split(/\s+/).filter((word) => word !== '');
  const name = ['c++', 'g++', 'clang++'].find(onPath);
  return name ? [name] : [];
}

/** A name for all that decides the addon: sources, headers, compiler, flags, what is left out. @param {Plan} plan */
export function planHash(plan) {
  return digest([
    commandOf(plan, [...plan.linkFlags, ...plan.omitted]),
    ...[...sourceFiles(plan.sources), ...headerFiles(plan.sources)].map(
      (name) => `${name}\n${readFileSync(join(plan.sources, name), 'utf8')}`,
    ),
  ]);
}

/**
 * The command as text, without the folder that we are in: a checkout that was moved or copied is not compiled again.
 * @param {Plan} plan @param {string[]} more
 */
function commandOf({ compiler, compileFlags, sources }, more = []) {
  return JSON.stringify([compiler, compileFlags, more]).replaceAll(dirname(sources), '.');
}

/**
 * Compiles what changed and links.
 * @param {Plan} plan
 * @param {(done: number, all: number) => void} [onProgress] is told of every unit that is compiled
 * @returns {Promise<{ addon: string, compiled: number, said: string }>} addon: the linked file, still under its
 * temporary name
 * @throws {SetupFailure} with the compiler's command and last lines
 */
export async function compileAddon(plan, onProgress = () => {}) {
  const [compiler, ...first] = plan.compiler;
  if (compiler === undefined) {
    throw new SetupFailure('no C++ compiler: neither $CXX nor c++, g++ or clang++ on PATH', {
      advice: 'install one (Debian, Ubuntu: sudo apt-get install g++; macOS: xcode-select --install) or set CXX',
    });
  }
  const objects = join(plan.build, 'objects');
  mkdirSync(objects, { recursive: true });
  removeTemporary(plan.build, objects);
  const units = compilationUnits(plan.sources, commandOf(plan), objects, plan.omitted);
  const missing = units.filter((unit) => builtFrom(unit) === undefined);
  const jobs = Math.max(1, Math.min(availableParallelism(), Math.floor(freemem() / compilerMemory), missing.length));
  let done = 0;
  await inParallel(missing, jobs, async (unit) => {
    await compileUnit(plan, [compiler, ...first], unit);
    onProgress(++done, missing.length);
  });
  const addon = join(plan.build, 'nasnet.node.part');
  const inputs = units.flatMap((unit) => builtFrom(unit) ?? []);
  await run(compiler, [...first, ...inputs, ...plan.linkFlags, '-o', addon], {
    advice: 'check that this libtorch is complete, or name another with NASNET_LIBTORCH',
  });
  const kept = new Set(inputs.map((path) => basename(path)));
  for (const name of readdirSync(objects)) if (!kept.has(name)) rmSync(join(objects, name), { force: true });
  const apart = units.filter((unit) => !existsSync(unit.object)).flatMap(({ sources }) => sources);
  const note =
    apart.length > 0
      ? `; apart, because they do not compile together: ${apart.map((path) => basename(path)).join(', ')}`
      : '';
  return {
    addon,
    compiled: missing.length,
    said: `${missing.length} of ${units.length} compiled, ${jobs} at a time${note}`,
  };
}

/**
 * The objects that stand for a unit: its own, or those of its sources apart; undefined while any is missing. @param
 * {Unit} unit
 */
function builtFrom({ object, apart }) {
  if (existsSync(object)) return [object];
  const each = apart.map((unit) => unit.object);
  return each.length > 0 && each.every((path) => existsSync(path)) ? each : undefined;
}

/**
 * @param {Plan} plan
 * @param {[string, ...string[]]} compiler
 * @param {Unit} unit
 * @throws {SetupFailure} from a source that does not compile alone either
 */
async function compileUnit(plan, compiler, unit) {
  const [alone] = unit.apart.length > 0 ? [] : unit.sources;
  if (alone) return compile(plan, compiler, ['-c', alone], unit.object);
  const text = `${unit.object}.cpp.part`;
  writeFileSync(text, textOf(unit));
  try {
    await compile(plan, compiler, ['-x', 'c++', '-c', text], unit.object);
  } catch (error) {
    if (!(error instanceof SetupFailure)) throw error;
    for (const each of unit.apart) if (!existsSync(each.object)) await compileUnit(plan, compiler, each);
  } finally {
    rmSync(text, { force: true });
  }
}

/** @param {Plan} plan @param {[string, ...string[]]} compiler @param {string[]} what @param {string} object */
async function compile(plan, [program, ...first], what, object) {
  await run(program, [...first, ...plan.compileFlags, ...what, '-o', `${object}.part`], {
    advice: 'correct what the compiler names, or report these lines with your libtorch version',
  });
  renameSync(`${object}.part`, object);
}

/** Removes the files of a killed build. @param {string[]} folders */
function removeTemporary(...folders) {
  for (const folder of folders) {
    for (const name of readdirSync(folder).filter((name) => name.endsWith('.part')))
      rmSync(join(folder, name), { force: true });
  }
}

/**
 * Runs work over items, so many at a time; after a failure no further item starts.
 * @template T
 * @param {T[]} items @param {number} count @param {(item: T) => Promise<void>} work
 */
async function inParallel(items, count, work) {
  const waiting = [...items];
  const lane = async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item);
  };
  const results = await Promise.allSettled(
    Array.from({ length: count }, () =>
      lane().catch((error) => {
        waiting.length = 0;
        throw error;
      }),
    ),
  );
  const failed = results.find((result) => result.status === 'rejected');
  if (failed?.status === 'rejected') throw failed.reason;
}
