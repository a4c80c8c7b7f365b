// Compiles C++ sources with the compiler itself and links them to libtorch as a Node addon.
// Every file is written under a temporary name and renamed when complete: a killed build leaves nothing half-written.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { availableParallelism, freemem } from 'node:os';
import { basename, dirname, extname, join, sep } from 'node:path';
import { cxxStandard, usesOldStrings } from './libtorch.mjs';
import { run, SetupFailure } from './step.mjs';
import { onPath } from './system.mjs';

/** Memory of one compiler on libtorch's headers: 1.2 GB measured with g++ 12 and libtorch 1.13. */
const compilerMemory = 1.5e9; // bytes

/**
 * @typedef {object} Plan everything that decides what the compiler will do
 * @property {string} sources the folder of *.cpp and their headers
 * @property {string} build the folder to write into
 * @property {string[]} compiler the command and its first arguments
 * @property {string[]} compileFlags
 * @property {string[]} linkFlags
 */

/**
 * @param {{ sources: string, build: string, headers: string[], libtorch: import('./libtorch.mjs').Libtorch, environment?: NodeJS.ProcessEnv }} options
 * headers: the folders of node_api.h and napi.h
 * @returns {Plan}
 */
export function planBuild({ sources, build, headers, libtorch, environment = process.env }) {
  const words = (/** @type {string | undefined} */ text) => (text ?? '').split(/\s+/).filter((word) => word !== '');
  // /usr/include is searched anyway, and named with -isystem it would come before the C++ library's own headers.
  const folders = [...headers, ...libtorch.includes.filter((folder) => folder !== '/usr/include')];
  const cuda = libtorch.cuda ? ['-ltorch_cuda', '-lc10_cuda'] : [];
  const linking =
    process.platform === 'darwin' ? ['-bundle', '-undefined', 'dynamic_lookup'] : ['-shared', '-Wl,--no-as-needed'];
  return {
    sources,
    build,
    compiler: findCompiler(environment),
    compileFlags: [
      `-std=c++${cxxStandard(libtorch)}`,
      ...['-O2', '-fPIC', '-fvisibility=hidden', '-Wall', '-Wextra', '-fmax-errors=3'],
      ...['-DNAPI_VERSION=8', '-iquote', sources],
      ...(usesOldStrings(libtorch.lib) ? ['-D_GLIBCXX_USE_CXX11_ABI=0'] : []),
      ...folders.flatMap((folder) => ['-isystem', folder]),
      ...words(environment.CXXFLAGS),
    ],
    linkFlags: [
      ...linking,
      `-L${libtorch.lib}`,
      `-Wl,-rpath,${libtorch.lib}`,
      ...['-ltorch', '-ltorch_cpu', '-lc10', ...cuda],
      ...words(environment.LDFLAGS),
    ],
  };
}

/** $CXX (which may be several words, as "ccache g++"), else the first of the usual names. @param {NodeJS.ProcessEnv} environment */
export function findCompiler(environment = process.env) {
  if (environment.CXX) return environment.CXX.split(/\s+/).filter((word) => word !== '');
  const name = ['c++', 'g++', 'clang++'].find(onPath);
  return name ? [name] : [];
}

/** A name for everything that goes into the addon: sources, headers, compiler, flags. @param {Plan} plan */
export function planHash(plan) {
  return digest([
    JSON.stringify([plan.compiler, plan.compileFlags, plan.linkFlags]),
    ...[...sourceFiles(plan.sources), ...headerFiles(plan.sources)].map(
      (name) => `${name}\n${readFileSync(join(plan.sources, name), 'utf8')}`,
    ),
  ]);
}

/** @param {string} folder @returns {string[]} paths below it, sorted */
export function sourceFiles(folder) {
  return filesBelow(folder, ['.cpp']);
}

/** @param {string} folder */
function headerFiles(folder) {
  return filesBelow(folder, ['.h', '.hpp']);
}

/** @param {string} folder @param {string[]} endings */
function filesBelow(folder, endings) {
  if (!existsSync(folder)) return [];
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return paths.filter((path) => endings.includes(extname(path))).sort();
}

/**
 * Compiles what changed and links.
 * @param {Plan} plan
 * @returns {Promise<{ addon: string, compiled: number, said: string }>} addon: the linked file, still under its temporary name
 * @throws {SetupFailure} with the compiler's command and last lines
 */
export async function compileAddon(plan) {
  if (plan.compiler.length === 0) {
    throw new SetupFailure('no C++ compiler: neither $CXX nor c++, g++ or clang++ on PATH', {
      advice: 'install one (Debian, Ubuntu: sudo apt-get install g++; macOS: xcode-select --install) or set CXX',
    });
  }
  const objects = join(plan.build, 'objects');
  mkdirSync(objects, { recursive: true });
  removeTemporary(plan.build, objects);
  const units = compilationUnits(plan, objects);
  const missing = units.filter(({ object }) => !existsSync(object));
  const jobs = Math.max(1, Math.min(availableParallelism(), Math.floor(freemem() / compilerMemory), missing.length));
  await inParallel(missing, jobs, async ({ source, object }) => {
    await run(
      plan.compiler[0],
      [...plan.compiler.slice(1), ...plan.compileFlags, '-c', source, '-o', `${object}.part`],
      {
        advice: 'correct what the compiler names, or report these lines with your libtorch version',
      },
    );
    renameSync(`${object}.part`, object);
  });
  const addon = join(plan.build, 'nasnet.node.part');
  const inputs = units.map(({ object }) => object);
  await run(plan.compiler[0], [...plan.compiler.slice(1), ...inputs, ...plan.linkFlags, '-o', addon], {
    advice: 'check that this libtorch is complete, or name another with NASNET_LIBTORCH',
  });
  const kept = new Set(inputs.map((path) => basename(path)));
  for (const name of readdirSync(objects)) if (!kept.has(name)) rmSync(join(objects, name), { force: true });
  return { addon, compiled: missing.length, said: `${missing.length} of ${units.length} compiled, ${jobs} at a time` };
}

/** One object per source, named after all that decides its content. @param {Plan} plan @param {string} objects */
function compilationUnits(plan, objects) {
  const command = JSON.stringify([plan.compiler, plan.compileFlags]);
  return sourceFiles(plan.sources).map((path) => {
    const texts = withIncluded(plan.sources, path).map((file) => readFileSync(join(plan.sources, file), 'utf8'));
    const name = path.replace(/\.cpp$/, '').replaceAll(sep, '-');
    const object = join(objects, `${name}-${digest([command, ...texts]).slice(0, 16)}.o`);
    return { source: join(plan.sources, path), object };
  });
}

/** A source and those of our headers that it includes, directly or not. @param {string} folder @param {string} path */
function withIncluded(folder, path) {
  const files = new Set([path]);
  for (const file of files) {
    const included = readFileSync(join(folder, file), 'utf8').matchAll(/^\s*#\s*include\s*"([^"]+)"/gm);
    for (const [, name] of included) {
      const header = [join(dirname(file), name), name].find((candidate) => existsSync(join(folder, candidate)));
      if (header) files.add(header);
    }
  }
  return [...files];
}

/** What a killed build left behind. @param {string[]} folders */
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

/** @param {string[]} parts */
function digest(parts) {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part).update('\0');
  return hash.digest('hex');
}
