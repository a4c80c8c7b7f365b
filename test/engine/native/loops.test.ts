// The kernels' loops as other compilers make them, for arm64 in an emulator and by clang, against loops as anyone would
// write them (loops.cpp). Skipped where compiler or emulator are not installed.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { onPath } from '../../../scripts/setup/system.mjs';
import { temporaryFolder } from '../../data/temporary.ts';

const run = promisify(execFile);
const folder = temporaryFolder({ after });
const native = resolve(import.meta.dirname, '../../../native');
const kernels = ['plane', 'scratch', 'window', 'depthwise-image', 'loops/loops-plain'];

/** Compiles the loops and their test, warnings being errors. Returns the program. */
async function build(compiler: string, optimisation: '-O1' | '-O2'): Promise<string> {
  const sources = kernels.map((name) => join(native, 'kernels', `${name}.cpp`));
  const objects = [join(import.meta.dirname, 'loops.cpp'), ...sources].map(async (source, index) => {
    const object = join(folder, `${compiler}-${index}.o`);
    const strict = ['-std=c++17', '-Wall', '-Wextra', '-Werror', '-iquote', native];
    await run(compiler, [...strict, optimisation, '-c', source, '-o', object]);
    return object;
  });
  const program = join(folder, compiler);
  await run(compiler, ['-static', ...(await Promise.all(objects)), '-o', program]);
  return program;
}

const answer = /^plain, vectors of 4: 0 of [1-9]\d{5} numbers wrong\n$/;

const arm = { compiler: 'aarch64-linux-gnu-g++', emulator: 'qemu-aarch64' };
const missing = Object.values(arm).filter((program) => !onPath(program));
test('for arm64, NEON’s loops compute what plain ones do', {
  skip:
    missing.length > 0 &&
    `${missing.join(' and ')} not found (Debian: apt-get install g++-aarch64-linux-gnu qemu-user)`,
}, async () => {
  // -O2, as the set-up compiles: sums in registers are what can go wrong
  const { stdout } = await run(arm.emulator, [await build(arm.compiler, '-O2')]);
  assert.match(stdout, answer);
});

const withoutClang = !onPath('clang++') && 'clang++ not found (Debian: apt-get install clang)';
test('clang compiles the loops without a warning, and they compute what plain ones do', {
  skip: withoutClang,
}, async () => {
  const { stdout } = await run(await build('clang++', '-O1'));
  assert.match(stdout, answer);
});
