// Finds libtorch: NASNET_LIBTORCH, else the active Python's torch, else the system's.
// A libtorch counts only with headers and libraries, from 1.13 on. Nothing is installed here.
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { basename, join } from 'node:path';
import { pythonTorch } from './python.mjs';
import { SetupFailure } from './step.mjs';

/**
 * @typedef {object} Libtorch
 * @property {'NASNET_LIBTORCH' | 'python' | 'system'} source
 * @property {string} root the folder that holds include/ and lib/
 * @property {[string, string]} includes header folders, in search order
 * @property {string} lib the folder of libtorch_cpu
 * @property {string} version as 1.13.0
 * @property {boolean} cuda it has NVIDIA libraries beside the CPU's
 */

/** The oldest version that the addon compiles on (Debian 12's). */
export const oldestLibtorch = '1.13';
export const libraryEnding = process.platform === 'darwin' ? 'dylib' : 'so';
const debianArchitectures = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' };
/** Debian's name for this machine in library paths. */
export const multiarch =
  debianArchitectures[/** @type {'x64' | 'arm64'} */ (process.arch)] ?? `${process.arch}-linux-gnu`;
const versionHeaders = ['torch/csrc/api/include/torch/version.h', 'torch/headeronly/version.h'];

/**
 * @param {{ environment?: NodeJS.ProcessEnv, systemRoots?: string[] }} [options] for tests; the real ones by default
 * @returns {{ found?: Libtorch, passedOver: string[] }} what was found, and what was seen but cannot be used, with
 * reasons
 * @throws {SetupFailure} when NASNET_LIBTORCH is set and cannot be used: it is never passed over in silence
 */
export function findLibtorch({ environment = process.env, systemRoots = usualRoots(environment) } = {}) {
  if (environment.NASNET_LIBTORCH) return { found: namedLibtorch(environment.NASNET_LIBTORCH), passedOver: [] };
  /** @type {string[]} */
  const passedOver = [];
  const python = pythonTorch(environment);
  /** @type {{ source: Libtorch['source'], root: string, mention: boolean }[]} */
  const places = systemRoots.map((root) => ({ source: 'system', root, mention: false }));
  if (python?.torch) {
    // conda
    if (!systemRoots.includes(python.prefix)) places.unshift({ source: 'python', root: python.prefix, mention: false });
    places.unshift({ source: 'python', root: python.torch, mention: true });
  }
  for (const { source, root, mention } of places) {
    const seen = libtorchAt(root, source);
    if (typeof seen !== 'string') return { found: systemTwin(seen, systemRoots) ?? seen, passedOver };
    if (mention || seen.includes('is older than')) passedOver.push(`${root} ${seen}`);
  }
  return { passedOver };
}

/**
 * Debian's python3-torch holds links to the system's libraries: that is the system's libtorch under another name.
 * @param {Libtorch} libtorch @param {string[]} systemRoots
 */
function systemTwin(libtorch, systemRoots) {
  if (libtorch.source === 'system') return undefined;
  return systemRoots
    .map((root) => libtorchAt(root, 'system'))
    .filter((seen) => typeof seen !== 'string')
    .find((system) => realLibrary(system) === realLibrary(libtorch));
}

/** @param {Libtorch} libtorch */
function realLibrary(libtorch) {
  return realpathSync(join(libtorch.lib, `libtorch_cpu.${libraryEnding}`));
}

/** @param {string} root the user's word in NASNET_LIBTORCH */
function namedLibtorch(root) {
  const seen = libtorchAt(root, 'NASNET_LIBTORCH');
  if (typeof seen !== 'string') return seen;
  const failure = new SetupFailure(
    `NASNET_LIBTORCH: expected a folder with include/ and lib/libtorch_cpu.${libraryEnding} of libtorch ${oldestLibtorch} or newer, ` +
      `got ${root}, which ${seen}`,
    {
      advice: 'correct NASNET_LIBTORCH, or unset it to use the active Python’s torch or the system’s libtorch',
      exitCode: 2,
    },
  );
  failure.step = 'libtorch';
  throw failure;
}

/**
 * @param {string} root
 * @param {Libtorch['source']} source
 * @returns {Libtorch | string} the libtorch there, or what is wrong with it, as the end of a sentence
 */
export function libtorchAt(root, source) {
  if (!existsSync(root)) return 'does not exist';
  const include = join(root, 'include');
  const header = versionHeaders.map((name) => join(include, name)).find((path) => existsSync(path));
  const lib = ['lib', 'lib64', `lib/${multiarch}`]
    .map((name) => join(root, name))
    .find((folder) => existsSync(join(folder, `libtorch_cpu.${libraryEnding}`)));
  if (!header && !lib)
    return `has neither libtorch's headers (include/torch) nor its libraries (lib/libtorch_cpu.${libraryEnding})`;
  if (!header) return "has no headers of libtorch's (include/torch)";
  if (!lib) return `has no libtorch_cpu.${libraryEnding} in its lib folder`;
  const version = headerVersion(include);
  if (!version) return `has a ${basename(header)} without a version in it`;
  if (compareVersions(version, oldestLibtorch) < 0)
    return `is libtorch ${version}, which is older than ${oldestLibtorch}`;
  return {
    source,
    root,
    includes: [include, join(include, 'torch/csrc/api/include')],
    lib,
    version,
    cuda: existsSync(join(lib, `libtorch_cuda.${libraryEnding}`)),
  };
}

/** @param {string} include @returns {string | undefined} as 2.9.1 */
function headerVersion(include) {
  for (const name of versionHeaders.filter((candidate) => existsSync(join(include, candidate)))) {
    const text = readFileSync(join(include, name), 'utf8');
    const numbers = ['MAJOR', 'MINOR', 'PATCH'].map(
      (part) => text.match(new RegExp(`TORCH_VERSION_${part}\\s+(\\d+)`))?.[1],
    );
    if (numbers.every((number) => number !== undefined)) return numbers.join('.');
  }
  return undefined;
}

/** Negative, zero or positive, number by number. @param {string} left @param {string} right */
export function compareVersions(left, right) {
  const numbers = (/** @type {string} */ version) => version.split('.').map(Number);
  const [a, b] = [numbers(left), numbers(right)];
  for (let index = 0; index < Math.max(a.length, b.length); index++) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Debian, Fedora and Arch install below /usr; Homebrew has its own prefix. @param {NodeJS.ProcessEnv} environment */
function usualRoots(environment) {
  const homebrew = [environment.HOMEBREW_PREFIX, '/opt/homebrew', '/usr/local'].filter((path) => path !== undefined);
  const roots = homebrew.flatMap((prefix) => [join(prefix, 'opt/pytorch'), prefix]);
  return [...new Set(process.platform === 'darwin' ? roots : ['/usr', ...roots])];
}

/**
 * Builds from before 2023 (pip's older wheels) use the C++ library's old string layout, and so must we.
 * The library's own symbols tell: the new layout mangles std::string as NSt7__cxx11….
 * @param {string} lib
 */
export function usesOldStrings(lib) {
  const path = join(lib, 'libc10.so');
  if (process.platform !== 'linux' || !existsSync(path)) return false;
  const symbols = readFileSync(path).toString('latin1');
  return !/_ZN3c10\w*NSt7__cxx11/.test(symbols) && /_ZN3c10\w*(?:RK|E)Ss/.test(symbols);
}

/** The C++ standard that these headers ask for: 17 unless they say otherwise. @param {Libtorch} libtorch */
export function cxxStandard(libtorch) {
  const header = join(libtorch.includes[1], 'torch/all.h');
  const asked = existsSync(header) ? readFileSync(header, 'utf8').match(/#error C\+\+(\d\d) or later/)?.[1] : undefined;
  return Math.max(17, Number(asked ?? 17));
}
