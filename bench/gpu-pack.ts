// Collects what a machine with a GPU and PyTorch needs to run bench/gpu.sh without Node and a network connection, in
// the folder build/gpu:
// this Node, compressed, and a few npm packages. Both are for Linux on x64.
//   node bench/gpu-pack.ts
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Failure } from '../src/failure.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = join(root, 'build/gpu');
/** The packages that trainings and their tests import, and the headers for compiling the addon. */
const packages = ['node-api-headers', 'zod', 'better-sqlite3'];

function run(command: string, words: string[]): void {
  const { status, stderr, error } = spawnSync(command, words, { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new Failure(`${command} ${words.join(' ')}: ${error?.message ?? stderr.trim()}`);
}

try {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  copyFileSync(process.execPath, join(folder, 'node'));
  run('strip', [join(folder, 'node')]);
  run('xz', ['-T0', '-4', join(folder, 'node')]);
  const folders = packages.map((name) => join('node_modules', name));
  const excluded = ['better-sqlite3/deps', 'better-sqlite3/src', 'darwin*', 'linux-arm64*', 'linuxmusl*', 'win32*'];
  run('tar', ['-cJf', join(folder, 'packages.tar.xz'), ...excluded.map((name) => `--exclude=*/${name}`), ...folders]);
  for (const name of ['node.xz', 'packages.tar.xz']) {
    process.stdout.write(`${join(folder, name)}: ${(statSync(join(folder, name)).size / 2 ** 20).toFixed(1)} MiB\n`);
  }
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  process.stderr.write(`bench/gpu-pack.ts: ${error.message}\n`);
  process.exitCode = 1;
}
