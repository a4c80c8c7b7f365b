// What the machine itself offers: processor, memory, graphics processor, disk. Reads and asks; changes nothing.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statfsSync, statSync } from 'node:fs';
import { availableParallelism, cpus, freemem, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { processorFeatures } from '../setup/processor.mjs';

const interesting = ['avx2', 'avx512f', 'avx512_bf16', 'amx_bf16', 'neon', 'asimd', 'bf16', 'sve'];

/** @returns {{ model: string, cores: number, features: string[] }} features that decide how fast tensors are */
export function processor() {
  const model = cpus()[0]?.model?.trim() || process.arch;
  return { model, cores: availableParallelism(), features: interesting.filter((name) => processorFlags().has(name)) };
}

/** @returns {Set<string>} */
function processorFlags() {
  if (process.platform === 'linux') return new Set(processorFeatures());
  if (process.arch === 'arm64') return new Set(['neon']);
  const asked = spawnSync('sysctl', ['-n', 'machdep.cpu.leaf7_features'], { encoding: 'utf8' });
  return new Set((asked.stdout ?? '').toLowerCase().trim().split(/\s+/));
}

/** @returns {{ total: number, free: number }} bytes; free counts what the system can give back */
export function memory() {
  const available =
    existsSync('/proc/meminfo') && readFileSync('/proc/meminfo', 'utf8').match(/^MemAvailable:\s+(\d+) kB/m);
  return { total: totalmem(), free: available ? Number(available[1]) * 1024 : freemem() };
}

/** @returns {string[]} one line per graphics processor that libtorch could use */
export function graphicsProcessors() {
  if (process.platform === 'darwin') return process.arch === 'arm64' ? ['Apple GPU (mps)'] : [];
  const query = ['--query-gpu=name,memory.total,driver_version', '--format=csv,noheader'];
  const asked = spawnSync('nvidia-smi', query, { encoding: 'utf8', timeout: 10_000 });
  return asked.status === 0
    ? asked.stdout
        .trim()
        .split('\n')
        .filter((line) => line !== '')
    : [];
}

/** @param {string} folder that may not exist yet @returns {number} free bytes for us in its file system */
export function freeDisk(folder) {
  let existing = folder;
  while (!existsSync(existing)) existing = dirname(existing);
  const { bavail, bsize } = statfsSync(existing);
  return bavail * bsize;
}

/** @param {string} folder @returns {{ name: string, bytes: number }[]} what stands in it, with sizes */
export function contents(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).map((entry) => ({
    name: entry.name,
    bytes: size(join(folder, entry.name)),
  }));
}

/** @param {string} path @returns {number} bytes of a file, or of all files below a folder */
function size(path) {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat?.isDirectory()) return stat?.size ?? 0;
  return readdirSync(path).reduce((sum, name) => sum + size(join(path, name)), 0);
}
