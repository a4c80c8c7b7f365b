// Signals end a command that saves its work at any moment of its computation; a stopped training resumes with the same
// result.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { SilentBlock } from '../../src/cli/terminal/live-block.ts';
import { resumable } from '../../src/cli/training/stoppable.ts';
import { paintDarkAndLight } from '../data/paint.ts';
import { temporaryFolder } from '../data/temporary.ts';
import { nasnet, nodeArguments } from './run.ts';

const folder = temporaryFolder({ after });
const machine = new URL('../../src/engine/machine.ts', import.meta.url).href;

interface Running {
  child: ChildProcess;
  said: () => string;
  ended: Promise<[code: number | null, signal: NodeJS.Signals | null]>;
}

function running(words: string[], env: Record<string, string> = {}): Running {
  const child = spawn(process.execPath, words, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  let said = '';
  for (const stream of [child.stdout!, child.stderr!])
    stream.on('data', (chunk) => {
      said += chunk;
    });
  return { child, said: () => said, ended: once(child, 'close') as Running['ended'] };
}

async function says({ child, said }: Running, words: RegExp): Promise<void> {
  while (!words.test(said())) {
    assert.equal(child.exitCode, null, said());
    await sleep(20);
  }
}

/** Prints "ready" and never returns to the event loop, as in a computation that takes hours. */
const computing = (milliseconds: number) =>
  running([
    '--input-type=module',
    '-e',
    `import { writeSync } from 'node:fs';
    import { endAfterSignal } from ${JSON.stringify(machine)};
    for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => {});
    endAfterSignal(${milliseconds}, 'ended from outside\\n');
    writeSync(1, 'ready');
    for (;;);`,
  ]);

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  test(`${signal} ends a process that never returns to its event loop, with exit code ${code}`, async () => {
    const endless = computing(100);
    await says(endless, /ready/);
    endless.child.kill(signal);
    assert.deepEqual(await endless.ended, [code, null]);
    assert.equal(endless.said(), 'readyended from outside\n');
  });
}

test('a second signal ends it soon, but not a copy of the first one within 400 ms', async () => {
  const endless = computing(2 ** 31 - 1);
  await says(endless, /ready/);
  endless.child.kill('SIGINT');
  endless.child.kill('SIGINT');
  await sleep(1500); // longer than a process lives after a second signal
  assert.equal(endless.child.exitCode, null);
  endless.child.kill('SIGINT');
  assert.deepEqual(await endless.ended, [130, null]);
});

test('handlers of JavaScript get the signal first, and the previous handlers are restored', async () => {
  const script = `
    import { endAfterSignal } from ${JSON.stringify(machine)};
    const wait = setInterval(() => {}, 1000);
    for (const time of [1, 2]) {
      const { promise, resolve } = Promise.withResolvers();
      process.on('SIGINT', resolve);
      {
        using guard = endAfterSignal(2 ** 31 - 1, 'too late');
        console.log('ready ' + time);
        console.log('heard ' + (await promise));
      }
      process.off('SIGINT', resolve);
    }
    console.log('nobody listens');`;
  const each = running(['--input-type=module', '-e', script]);
  await says(each, /ready 1/);
  each.child.kill('SIGINT');
  await says(each, /heard SIGINT\nready 2/);
  each.child.kill('SIGINT');
  await says(each, /heard SIGINT\nnobody listens/);
  each.child.kill('SIGINT');
  assert.deepEqual(await each.ended, [null, 'SIGINT']);
});

test('a stopped training says that a checkpoint keeps its state only where there is one', async () => {
  const stopped = (checkpoint: string) =>
    resumable({ checkpoint, seconds: 30, block: new SilentBlock(process.stderr) }, async (signal) => {
      process.emit('SIGINT', 'SIGINT');
      signal.throwIfAborted();
    });
  await assert.rejects(stopped(join(folder, 'none.checkpoint')), {
    message: 'stopped before there was a state to keep; run the same command to begin again',
  });
  await assert.rejects(stopped(import.meta.filename), /^Interruption: stopped; .*interrupt\.test\.ts keeps the state/);
});

test('a training that Ctrl-C stops saves its last step and resumes with the same weights', async () => {
  const photos = join(folder, 'photos');
  await paintDarkAndLight(photos, { count: 15, side: 16 });
  const environment = { NASNET_CACHE: join(folder, 'cache') };
  const train = (name: string, epochs = 60) => [
    ...['train', 'nasnet-a:0', '--filters', '4', '--size', '16', '--batch-size', '8', '--epochs', `${epochs}`],
    ...['--dataset', photos, '--threads', '1', '-o', join(folder, name)],
  ];
  const stopped = running(nodeArguments(train('stopped.safetensors')), environment);
  await says(stopped, /epoch 2:/);
  stopped.child.kill('SIGTERM');
  const [code] = await stopped.ended;
  assert.equal(code, 143, stopped.said());
  assert.match(
    stopped.said(),
    /Stopping; repeat to stop immediately\.\nnasnet: stopped; \S+\.checkpoint keeps the state/,
  );
  assert.ok(existsSync(join(folder, 'stopped.safetensors.checkpoint')));
  assert.ok(!existsSync(join(folder, 'stopped.safetensors')));

  assert.equal(nasnet(train('stopped.safetensors'), environment).code, 0);
  assert.equal(nasnet(train('whole.safetensors'), environment).code, 0);
  const [one, other] = ['stopped', 'whole'].map((name) => readFileSync(join(folder, `${name}.safetensors`)));
  assert.ok(one!.equals(other!));
});
