// The addon in several threads of one process: each has its own tensors and generators, and can end at any time.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { randn } from '../../src/engine/create.ts';
import { liveTensors } from '../../src/engine/memory.ts';

const engine = (name: string) => JSON.stringify(new URL(`../../src/engine/${name}.ts`, import.meta.url).href);

/** Trains briefly in a thread; reports its live tensors at the end, and the effect of another thread's handle. */
const program = `
import { parentPort } from 'node:worker_threads';
const { addon } = await import(${engine('addon')});
const { randn, tensor } = await import(${engine('create')});
const { backward } = await import(${engine('gradient')});
const { liveTensors, noGrad, scope } = await import(${engine('memory')});
const weight = tensor([5, -3], [2], { requiresGrad: true });
for (let step = 0; step < 100; step++) scope(() => {
  backward(weight.sub(tensor([1, 2])).square().sum());
  noGrad(() => { weight.sub_(weight.grad.mul(0.1)); weight.grad = undefined; });
});
let foreign;
try { addon().shape(50); } catch (error) { foreign = error.message; }
randn([1000]);
parentPort.postMessage({ weight: [...weight.detach().toArray()], live: liveTensors(), foreign });
`;

function run(): Promise<{ weight: number[]; live: number; foreign: string; code: number }> {
  const worker = new Worker(program, { eval: true, execArgv: ['--input-type=module'] });
  return new Promise((resolve, reject) => {
    let report: { weight: number[]; live: number; foreign: string };
    worker.on('message', (message) => {
      report = message;
    });
    worker.on('error', reject);
    worker.on('exit', (code) => resolve({ ...report, code }));
  });
}

test('three threads compute independently at the same time, and end with live tensors', async () => {
  const mine = Array.from({ length: 60 }, () => randn([2]));
  const before = liveTensors();
  for (const { weight, foreign, code } of await Promise.all([run(), run(), run()])) {
    assert.deepEqual(
      weight.map((each) => Math.round(each * 1e4) / 1e4),
      [1, 2],
    );
    assert.equal(foreign, 'shape: the tensor was disposed or is none of this thread’s'.replace('’', "'"));
    assert.equal(code, 0);
  }
  assert.equal(liveTensors(), before);
  assert.ok(mine.every((each) => each.isFinite().all().item() === 1));
});
