// Whole set-ups of a toy package: real compiler, real processes.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  answerOf,
  layLibtorch,
  layToyPackage,
  setUp,
  startSetUp,
  temporaryFolder,
  toyEnvironment,
} from './toy-package.ts';

function toy(path: string): { folder: string; env: NodeJS.ProcessEnv } {
  const folder = join(path, 'package');
  layToyPackage(folder);
  layLibtorch(join(path, 'libtorch'), '2.5.1', 'real');
  return { folder, env: toyEnvironment(join(path, 'libtorch')) };
}

test('a first set-up builds an addon that loads; the second does nothing; a changed source compiles alone', () => {
  using temporary = temporaryFolder();
  const { folder, env } = toy(temporary.path);
  const first = setUp(folder, env);
  assert.equal(first.status, 0, first.said);
  assert.match(first.said, /libtorch +2\.5\.1 in .*named by NASNET_LIBTORCH/);
  assert.match(first.said, /compiling native\/ with .* … 1 of 2 … \d+\.\d s, 2 of 2 compiled/);
  assert.equal(answerOf(folder), 42);

  const built = statSync(join(folder, 'build/nasnet.node')).ino;
  const second = setUp(folder, env);
  assert.match(second.said, /addon +built from these sources and this libtorch; skipped/);
  assert.equal(statSync(join(folder, 'build/nasnet.node')).ino, built);

  writeFileSync(join(folder, 'native/answers/answer.cpp'), '#include "answer.h"\nint answer() { return 7; }\n');
  assert.match(setUp(folder, env).said, /1 of 2 compiled/);
  assert.equal(answerOf(folder), 7);
  writeFileSync(join(folder, 'native/answers/answer.h'), '// read by both\nint answer();\n');
  assert.match(setUp(folder, env).said, /2 of 2 compiled/);
});

test('a package that was moved is not compiled again', () => {
  using temporary = temporaryFolder();
  const { folder, env } = toy(temporary.path);
  setUp(folder, env);
  const moved = join(temporary.path, 'elsewhere');
  renameSync(folder, moved);
  assert.match(setUp(moved, env).said, /addon +built from these sources and this libtorch; skipped/);
  assert.equal(answerOf(moved), 42);
});

test('files that include libtorch’s headers compile together, and apart where two have a helper of one name', () => {
  using temporary = temporaryFolder();
  const { folder, env } = toy(temporary.path);
  const source = (name: string, helper: string, value: number) =>
    writeFileSync(
      join(folder, `native/answers/${name}.cpp`),
      `#include <torch/version.h>\nnamespace { int ${helper}() { return ${value}; } }\nint ${name}() { return ${helper}(); }\n`,
    );
  source('left', 'four', 4);
  source('right', 'five', 5);
  writeFileSync(
    join(folder, 'native/answers/answer.cpp'),
    'int left();\nint right();\nint answer() { return 10 * left() + right(); }\n',
  );
  const together = setUp(folder, env);
  assert.match(together.said, /3 of 3 compiled, \d at a time/);
  assert.doesNotMatch(together.said, /apart/);
  assert.equal(answerOf(folder), 45);

  source('right', 'four', 6);
  assert.match(setUp(folder, env).said, /1 of 3 compiled, .*apart, .*: left\.cpp, right\.cpp/);
  assert.equal(answerOf(folder), 46);
  assert.match(setUp(folder, env).said, /addon +built from these sources .*skipped/);

  writeFileSync(
    join(folder, 'native/answers/right.cpp'),
    '#include <torch/version.h>\nint right() { return colour; }\n',
  );
  const { status, said } = setUp(folder, env);
  assert.equal(status, 1);
  assert.match(said, /command: c\+\+ .*-c .*native\/answers\/right\.cpp/); // not that of both together
  assert.match(said, /error: .colour. was not declared/);
  assert.equal(answerOf(folder), 46);
});

test('kernels for AVX-512 are compiled where they are wanted, and stay for the machines that share the folder', () => {
  using temporary = temporaryFolder();
  const { folder, env } = toy(temporary.path);
  mkdirSync(join(folder, 'native/kernels/loops'), { recursive: true });
  const wide = 'extern const int answer512 __attribute__((weak));';
  writeFileSync(join(folder, 'native/kernels/loops/loops-avx512.cpp'), `${wide}\nextern const int answer512 = 512;\n`);
  writeFileSync(
    join(folder, 'native/answers/answer.cpp'),
    `${wide}\nint answer() { return &answer512 ? answer512 : 2; }\n`,
  );
  const wrong = setUp(folder, { ...env, NASNET_BUILD_KERNELS: 'avx' });
  assert.equal(wrong.status, 1);
  assert.match(wrong.said, /NASNET_BUILD_KERNELS: expected all or avx2, got avx\n/);
  const [narrow, all] = ['avx2', 'all'].map((kernels) => ({ ...env, NASNET_BUILD_KERNELS: kernels }));
  assert.match(setUp(folder, narrow!).said, /2 of 2 compiled/);
  assert.equal(answerOf(folder), 2);
  const without = { ...all!, CXX: '', PATH: dirname(process.execPath) };
  assert.match(setUp(folder, without).said, /addon +built from these sources .*skipped/); // nothing to compile with
  assert.match(setUp(folder, all!).said, /1 of 3 compiled/);
  assert.equal(answerOf(folder), 512);
  assert.match(setUp(folder, narrow!).said, /addon +built from these sources .*skipped/);
  writeFileSync(join(folder, 'native/answers/more.cpp'), 'int more() { return 1; }\n');
  assert.match(setUp(folder, narrow!).said, /1 of 4 compiled/);
  assert.equal(answerOf(folder), 512);
});

test('another libtorch version, another flag or another compiler builds again', () => {
  using temporary = temporaryFolder();
  const { folder, env } = toy(temporary.path);
  setUp(folder, env);
  layLibtorch(join(temporary.path, 'other'), '2.6.0', 'real');
  const other = { ...env, NASNET_LIBTORCH: join(temporary.path, 'other') };
  assert.match(setUp(folder, other).said, /2\.6\.0 in .*other.*\n.*2 of 2 compiled/);
  assert.match(setUp(folder, { ...other, CXXFLAGS: '-DOTHER' }).said, /2 of 2 compiled/);
  assert.match(setUp(folder, { ...other, CXXFLAGS: '-DOTHER', CXX: 'g++' }).said, /with g\+\+ … .*2 of 2 compiled/);
});

test('a failing compiler is told with step, command and last lines; the addon of before stays; running again continues', () => {
  using temporary = temporaryFolder();
  const { folder, env } = toy(temporary.path);
  setUp(folder, env);
  writeFileSync(join(folder, 'native/answers/answer.cpp'), 'int answer() { return colour; }\n');
  const { status, said } = setUp(folder, env);
  assert.equal(status, 1);
  assert.match(said, /set-up stopped at addon: c\+\+ ended with exit code 1/);
  assert.match(said, /command: c\+\+ .*-c .*native\/answers\/answer\.cpp/);
  assert.match(said, /last lines:\n[\s\S]*error: .colour. was not declared/);
  assert.match(said, /what to do: .*running the same command again continues here/);
  assert.equal(answerOf(folder), 42);
  writeFileSync(join(folder, 'native/answers/answer.cpp'), 'int answer() { return 9; }\n');
  assert.match(setUp(folder, env).said, /1 of 2 compiled/);
  assert.equal(answerOf(folder), 9);
});

test('a compiler that is not there, and an addon that does not load, are told as such', () => {
  using temporary = temporaryFolder();
  const { folder, env } = toy(temporary.path);
  const without = setUp(folder, { ...env, CXX: 'no-such-compiler' });
  assert.equal(without.status, 1);
  assert.match(without.said, /stopped at addon: no-such-compiler could not be started/);
  writeFileSync(
    join(folder, 'native/answers/answer.cpp'),
    '#include "answer.h"\nint elsewhere();\nint answer() { return elsewhere(); }\n',
  );
  const unresolved = setUp(folder, { ...env, LDFLAGS: '-Wl,-z,now' });
  assert.equal(unresolved.status, 1);
  assert.match(unresolved.said, /stopped at load: [\s\S]*undefined symbol: _Z9elsewherev/);
  assert.equal(existsSync(join(folder, 'build/nasnet.node')), false);
});

test('kill -9 while compiling leaves nothing half-written, and the next set-up takes over', async () => {
  using temporary = temporaryFolder();
  const { folder, env } = toy(temporary.path);
  // Writes half an object, then takes for ever.
  const slow = join(temporary.path, 'slow-compiler');
  writeFileSync(slow, '#!/bin/sh\nwhile [ "$1" != "-o" ]; do shift; done\necho half > "$2"\nexec sleep 600\n');
  chmodSync(slow, 0o755);
  const killed = startSetUp(folder, { ...env, CXX: slow });
  const objects = join(folder, 'build/objects');
  while (!existsSync(objects) || readdirSync(objects).length === 0) await sleep(20);
  process.kill(-(killed.pid as number), 'SIGKILL');
  await once(killed, 'close');
  assert.equal(existsSync(join(folder, 'build/nasnet.node')), false);
  assert.equal(existsSync(join(folder, 'build/setup.lock')), true);

  const { status, said } = setUp(folder, env);
  assert.equal(status, 0, said);
  assert.equal(answerOf(folder), 42);
  const names = readdirSync(join(folder, 'build'), { recursive: true, encoding: 'utf8' });
  assert.deepEqual(
    names.filter((name) => /part|lock/.test(name)),
    [],
  );
});

test('SIGTERM ends the compiler too, and the lock is given back', async () => {
  using temporary = temporaryFolder();
  const { folder, env } = toy(temporary.path);
  for (const name of ['left', 'right']) {
    // together; not apart after the stop
    writeFileSync(join(folder, `native/answers/${name}.cpp`), '#include <torch/version.h>\n');
  }
  const slow = join(temporary.path, 'slow-compiler');
  const trace = join(temporary.path, 'compiler.pid');
  writeFileSync(slow, `#!/bin/sh\necho $$ >> ${trace}.new\ncp ${trace}.new ${trace}\nexec sleep 600\n`);
  chmodSync(slow, 0o755);
  const stopped = startSetUp(folder, { ...env, CXX: slow });
  while (!existsSync(trace)) await sleep(20);
  stopped.kill('SIGTERM');
  const [code] = await once(stopped, 'close'); // the pipe closes only when no child holds it
  assert.equal(code, 130);
  assert.equal(existsSync(join(folder, 'build/setup.lock')), false);
  const started = readFileSync(`${trace}.new`, 'utf8').trim().split('\n').length;
  assert.ok(started <= availableParallelism(), `${started} compilers started`);
});

test('two set-ups at once: one builds, the other waits and finds it done', async () => {
  using temporary = temporaryFolder();
  const { folder, env } = toy(temporary.path);
  const both = [startSetUp(folder, env), startSetUp(folder, env)];
  const ends = await Promise.all(
    both.map(async (child) => {
      let said = '';
      child.stderr?.on('data', (chunk) => {
        said += chunk;
      });
      const [code] = await once(child, 'close');
      return { code, said };
    }),
  );
  assert.deepEqual(
    ends.map(({ code }) => code),
    [0, 0],
  );
  const builders = ends.filter(({ said }) => said.includes('2 of 2 compiled'));
  assert.equal(builders.length, 1, JSON.stringify(ends));
  assert.equal(answerOf(folder), 42);
});

test('a wrong NASNET_LIBTORCH is one sentence and exit code 2, also when another libtorch was built against before', () => {
  using temporary = temporaryFolder();
  const { folder, env } = toy(temporary.path);
  setUp(folder, env);
  const { status, said } = setUp(folder, { ...env, NASNET_LIBTORCH: join(temporary.path, 'nowhere') });
  assert.equal(status, 2);
  assert.match(
    said,
    /NASNET_LIBTORCH: expected a folder with include\/ and lib\/libtorch_cpu\.so .*got .*nowhere, which does not exist/,
  );
  assert.equal(answerOf(folder), 42);
});
