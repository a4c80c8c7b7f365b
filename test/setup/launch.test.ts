// bin/nasnet and the relay between an older Node and the one we run on.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { layLibtorch, layToyPackage, temporaryFolder, toyEnvironment } from './toy-package.ts';

const scripts = resolve(import.meta.dirname, '../../scripts/launch');
const relay = pathToFileURL(join(scripts, 'relay.mjs')).href;
const signals = pathToFileURL(join(scripts, 'signals.mjs')).href;

/** Runs `code` in a child behind the relay; the launcher's own process is returned. */
function relayed(folder: string, code: string): ChildProcess {
  const child = join(folder, 'child.mjs');
  writeFileSync(child, `import { followLauncher } from ${JSON.stringify(relay)};\nfollowLauncher();\n${code}`);
  const launcher = `import(${JSON.stringify(relay)}).then(({ relay }) => relay(process.execPath, [${JSON.stringify(child)}]))`;
  return spawn(process.execPath, ['-e', launcher], { stdio: ['ignore', 'pipe', 'inherit'], detached: true });
}

test('the relay ends as its child ends: by exit code or by signal', async () => {
  using temporary = temporaryFolder();
  assert.deepEqual(await once(relayed(temporary.path, 'process.exitCode = 7;'), 'exit'), [7, null]);
  assert.deepEqual(await once(relayed(temporary.path, "process.kill(process.pid, 'SIGTERM');"), 'exit'), [
    null,
    'SIGTERM',
  ]);
});

test('a signal to the launcher reaches the child, which decides what it means', async () => {
  using temporary = temporaryFolder();
  const code = "process.on('SIGINT', () => process.exit(130)); setInterval(() => {}, 1000); console.log('ready');";
  const launcher = relayed(temporary.path, code);
  await once(launcher.stdout!, 'data');
  launcher.kill('SIGINT');
  assert.deepEqual(await once(launcher, 'exit'), [130, null]);
});

test('kill -9 of the launcher ends the child', async () => {
  using temporary = temporaryFolder();
  const log = join(temporary.path, 'end');
  const code = `import { writeFileSync } from 'node:fs';
    process.on('SIGTERM', () => { writeFileSync(${JSON.stringify(log)}, 'gently'); process.exit(0); });
    setInterval(() => {}, 1000); console.log('ready');`;
  const launcher = relayed(temporary.path, code);
  await once(launcher.stdout!, 'data');
  launcher.kill('SIGKILL');
  await once(launcher.stdout!, 'close'); // the child held it too: it is gone
  assert.equal(readFileSync(log, 'utf8'), 'gently');
});

test('a terminal’s and npm’s copy of one Ctrl-C count once; a second one later counts again', async () => {
  const code = `import { collapseRepeatedSignals } from ${JSON.stringify(signals)};
    collapseRepeatedSignals();
    let count = 0;
    process.on('SIGINT', () => { count++; console.log('interrupt ' + count); if (count === 2) process.exit(0); });
    setInterval(() => {}, 1000); console.log('ready');`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.on('data', (chunk) => {
    said += chunk;
  });
  const says = async (word: string) => {
    while (!said.includes(word)) await sleep(10);
  };
  await says('ready');
  child.kill('SIGINT');
  await says('interrupt 1');
  child.kill('SIGINT'); // 10 ms after the first: the same gesture
  await sleep(500);
  assert.equal(said, 'ready\ninterrupt 1\n');
  child.kill('SIGINT');
  await once(child, 'close');
  assert.equal(said, 'ready\ninterrupt 1\ninterrupt 2\n');
});

test('bin/nasnet sets up for a command that needs tensors, says so once, and is silent from then on', () => {
  using temporary = temporaryFolder();
  const folder = join(temporary.path, 'package');
  layToyPackage(folder);
  layLibtorch(join(temporary.path, 'libtorch'), '2.5.1', 'real');
  mkdirSync(join(folder, 'dist/cli'), { recursive: true });
  const main = 'export async function main(words) { process.stdout.write(words.join(" ")); return words.length; }\n';
  writeFileSync(join(folder, 'dist/cli/main.js'), main);
  const nasnet = (...words: string[]) =>
    spawnSync(process.execPath, [join(folder, 'bin/nasnet'), ...words], {
      env: toyEnvironment(join(temporary.path, 'libtorch')),
      encoding: 'utf8',
    });

  const asking = nasnet('search', '--help');
  assert.deepEqual([asking.status, asking.stdout, asking.stderr], [2, 'search --help', '']);
  assert.equal(existsSync(join(folder, 'build/objects')), false);

  const first = nasnet('search', '--trials', '3');
  assert.deepEqual([first.status, first.stdout], [3, 'search --trials 3']);
  assert.match(first.stderr, /^nasnet: setting up what is missing\n[\s\S]*2 of 2 compiled/);
  const second = nasnet('search');
  assert.deepEqual([second.status, second.stdout, second.stderr], [1, 'search', '']);

  rmSync(join(folder, 'build/nasnet.json')); // as if the build had been cut short
  assert.match(nasnet('search').stderr, /0 of 2 compiled/);
});

test('bin/nasnet keeps the compiled code for its next start, and where it cannot, works without a word', () => {
  using temporary = temporaryFolder();
  const folder = join(temporary.path, 'package');
  layToyPackage(folder);
  mkdirSync(join(folder, 'dist/cli'), { recursive: true });
  const main =
    'export async function main() { process.stdout.write(String(process.env.NODE_COMPILE_CACHE)); return 0; }\n';
  writeFileSync(join(folder, 'dist/cli/main.js'), main);
  const { NODE_COMPILE_CACHE: _, ...env } = toyEnvironment(join(temporary.path, 'libtorch'));
  const help = () => {
    const { stdout, stderr } = spawnSync(process.execPath, [join(folder, 'bin/nasnet'), '--help'], {
      env,
      encoding: 'utf8',
    });
    return [stdout, stderr];
  };
  const code = join(folder, 'build/code');
  assert.deepEqual(help(), ['undefined', '']); // before a set-up it leaves nothing behind
  assert.equal(existsSync(join(folder, 'build')), false);

  mkdirSync(join(folder, 'build'));
  assert.deepEqual(help(), [code, '']); // what it starts keeps its code there, too
  assert.ok(readdirSync(code, { recursive: true }).length > 5);

  rmSync(code, { recursive: true });
  writeFileSync(code, 'a file, where a folder should be');
  assert.deepEqual(help(), ['undefined', '']);
});
