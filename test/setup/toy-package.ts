// A package of our own shape with a tiny addon and an empty libtorch, so that a whole set-up takes a second.
// The scripts are the real ones, copied: they find their package by where they stand.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const repository = resolve(import.meta.dirname, '../..');

export function temporaryFolder(): { path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), 'nasnet-setup-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** scripts/ and bin/, an addon whose `answer` is the given number, and the repository's npm packages by a link. */
export function layToyPackage(folder: string, answer = 42): void {
  mkdirSync(join(folder, 'native/answers'), { recursive: true });
  for (const name of ['bin', 'scripts']) {
    cpSync(join(repository, name), join(folder, name), {
      recursive: true,
      filter: (path) => !path.includes('node_modules'),
    });
  }
  writeFileSync(join(folder, 'package.json'), '{ "name": "nasnet", "version": "0.0.1", "type": "module" }');
  writeFileSync(join(folder, 'native/answers/answer.h'), 'int answer();\n');
  writeFileSync(join(folder, 'native/answers/answer.cpp'), `#include "answer.h"\nint answer() { return ${answer}; }\n`);
  writeFileSync(join(folder, 'native/addon.cpp'), addonSource);
  symlinkSync(join(repository, 'node_modules'), join(folder, 'node_modules'));
}

const addonSource = `#include <node_api.h>
#include "answers/answer.h"
extern "C" NAPI_MODULE_EXPORT napi_value napi_register_module_v1(napi_env env, napi_value exports) {
  napi_value number;
  napi_create_int32(env, answer(), &number);
  napi_set_named_property(env, exports, "answer", number);
  return exports;
}
`;

/** Headers that say a version, and with `libraries` three that can be linked and loaded. */
export function layLibtorch(folder: string, version: string, libraries: 'real' | 'empty' | 'none' = 'empty'): void {
  const include = join(folder, 'include/torch/csrc/api/include/torch');
  mkdirSync(include, { recursive: true });
  const parts = version.split('.');
  const names = ['MAJOR', 'MINOR', 'PATCH'];
  writeFileSync(
    join(include, 'version.h'),
    names.map((name, i) => `#define TORCH_VERSION_${name} ${parts[i]}\n`).join(''),
  );
  if (libraries === 'none') return;
  mkdirSync(join(folder, 'lib'), { recursive: true });
  for (const name of ['torch', 'torch_cpu', 'c10']) {
    const path = join(folder, `lib/lib${name}.so`);
    if (libraries === 'empty') writeFileSync(path, '');
    else spawnSync('c++', ['-shared', '-x', 'c++', '/dev/null', '-o', path]);
  }
}

/** The environment of a set-up whose libtorch is `libtorch` and whose compiler takes no flags from ours. */
export function toyEnvironment(libtorch: string, more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  return { ...process.env, NASNET_LIBTORCH: libtorch, CXX: '', CXXFLAGS: '', LDFLAGS: '', ...more };
}

export function setUp(folder: string, env: NodeJS.ProcessEnv): { status: number | null; said: string } {
  const { status, stderr } = spawnSync(process.execPath, [join(folder, 'scripts/setup.mjs')], {
    env,
    encoding: 'utf8',
  });
  return { status, said: stderr };
}

/** Starts a set-up in a process group of its own. */
export function startSetUp(folder: string, env: NodeJS.ProcessEnv): ChildProcess {
  return spawn(process.execPath, [join(folder, 'scripts/setup.mjs')], {
    env,
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
}

/** Returns the answer of the built addon in a separate process. */
export function answerOf(folder: string): number {
  const question = 'console.log(require(process.argv[1]).answer)';
  return Number(
    spawnSync(process.execPath, ['-e', question, join(folder, 'build/nasnet.node')], { encoding: 'utf8' }).stdout,
  );
}
