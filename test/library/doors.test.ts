// Importing the package has no effect on a program; the effects of `ready`.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { temporaryFolder } from '../data/temporary.ts';

const root = resolve(import.meta.dirname, '../..');

/** Runs a program that imports the package in a new process. @returns its output, parsed as JSON */
async function program(code: string, { env = {}, before = [] as string[] } = {}): Promise<unknown> {
  const { OMP_WAIT_POLICY: _, GOMP_SPINCOUNT: __, ...inherited } = process.env;
  const parameters = ['--conditions=nasnet-source', ...before, '--input-type=module', '--eval', code];
  const { stdout } = await promisify(execFile)(process.execPath, parameters, {
    cwd: root,
    env: { ...inherited, ...env },
  });
  return JSON.parse(stdout);
}

const loaded = `process.report.getReport().sharedObjects.filter((path) => path.includes('libtorch') || path.endsWith('nasnet.node'))`;
const settings = `[process.env.OMP_WAIT_POLICY ?? null, process.env.GOMP_SPINCOUNT ?? null]`;

test('importing loads no engine; ready loads it and changes no setting of the process', async () => {
  const output = await program(`
    import { ready } from 'nasnet';
    const before = ${loaded}.length;
    const engine = await ready({ build: false });
    const { zeros } = await import('nasnet/engine');
    const { default: sharp } = await import('sharp');
    console.log(JSON.stringify({ before, after: ${loaded}.length > 0, settings: ${settings}, devices: engine.devices[0],
      sum: zeros([2, 3]).sum().item() }));`);
  assert.deepEqual(output, { before: 0, after: true, settings: [null, null], devices: 'cpu', sum: 0 });
});

test('with tuneProcess, ready tunes the process as the command does, and keeps variables that are set', async () => {
  const code = `
    import { ready } from 'nasnet';
    await ready({ build: false, tuneProcess: true, threads: 1 });
    const { threads } = await import('nasnet/engine');
    console.log(JSON.stringify({ settings: ${settings}, threads: threads() }));`;
  assert.deepEqual(await program(code), { settings: ['passive', '2000'], threads: 1 });
  assert.deepEqual(await program(code, { env: { OMP_WAIT_POLICY: 'active' } }), {
    settings: ['active', '2000'],
    threads: 1,
  });
});

test('an engine that cannot be loaded is reported in one sentence with a code', async (context) => {
  const env = { NASNET_ADDON: join(temporaryFolder(context), 'nasnet.node') };
  const code = `
    import { ready } from 'nasnet';
    const error = await ready().catch((error) => error);
    console.log(JSON.stringify([error.name, error.code, error.message]));`;
  const [name, errorCode, message] = (await program(code, { env })) as string[];
  assert.deepEqual([name, errorCode], ['Failure', 'engine-not-loaded']);
  assert.match(message!, /The tensor engine could not be loaded/);
});

test('nasnet/space runs without any module of Node', async () => {
  const refuse = `data:text/javascript,${encodeURIComponent(`
    import { isBuiltin, registerHooks } from 'node:module';
    registerHooks({ resolve(name, context, next) {
      const own = context.parentURL?.startsWith('file:');
      if (own && isBuiltin(name)) throw new Error('asked for ' + name + ' by ' + context.parentURL);
      return next(name, context);
    } });
    const { log } = console;
    globalThis.say = (text) => log(text);
    for (const name of ['process', 'Buffer', 'global', 'setImmediate', 'require'])
      Object.defineProperty(globalThis, name, { get() { throw new Error(name + ' was asked for'); }, configurable: true });
  `)}`;
  const code = `
    const { decode, drawArchitecture, nasnetA, planNetwork, sampleDecisions, architectureKey } = await import('nasnet/space');
    const { trainableParameters } = planNetwork(nasnetA, { cells: 6, filters: 32 });
    const cell = decode(sampleDecisions({ integer: () => 0 }));
    say(JSON.stringify({ parameters: trainableParameters, svg: drawArchitecture(nasnetA).slice(0, 4), key: architectureKey(cell).length > 10 }));`;
  const output = (await program(code, { before: ['--import', refuse] })) as { parameters: number };
  assert.deepEqual(
    { ...output, parameters: (output.parameters / 1e6).toFixed(1) },
    { parameters: '3.3', svg: '<svg', key: true },
  );
});
