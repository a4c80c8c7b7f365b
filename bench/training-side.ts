// One of our trainings for bench/training.ts: the child network on a fixed batch, steps on demand.
// Reads numbers of steps from standard input, one a line; answers each with a line of JSON, as peers/nasnet_training.py does.
// Arguments: threads, N, F, batch, and optionally a file to write where it starts from: all parameters, then the images.
import { writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { arange, randn } from '../src/engine/create.ts';
import { backward, clearGradients } from '../src/engine/gradient.ts';
import { libtorch, setThreads } from '../src/engine/machine.ts';
import { scope } from '../src/engine/memory.ts';
import { crossEntropy } from '../src/engine/operators.ts';
import { manualSeed } from '../src/engine/random.ts';
import type { Tensor } from '../src/engine/tensor.ts';
import { buildNetwork } from '../src/model/network.ts';
import { clipByGlobalNorm, Momentum } from '../src/nn/optimizers.ts';
import { planNetwork } from '../src/space/plan.ts';
import { nasnetA } from '../src/space/published.ts';

const [threads, cells, filters, batch] = process.argv.slice(2).map(Number) as [number, number, number, number];
const start = process.argv[6];
setThreads(threads);
manualSeed(0);
const plan = planNetwork(nasnetA, { cells, filters });
const network = buildNetwork(plan, { seed: 1 });
const parameters = network.parameters();
const optimizer = new Momentum(network.namedParameters(), { momentum: 0.9, nesterov: true, weightDecay: 5e-4 });
const drawn = randn([batch, 3, 32, 32]);
if (start) writeFileSync(start, Buffer.concat([...parameters, drawn].map(bytesOf)));
const images = drawn.contiguous('channels_last');
const labels = arange(0, batch).remainder(10);

function bytesOf(tensor: Tensor): Uint8Array {
  const { buffer, byteOffset, byteLength } = tensor.toArray() as Float32Array;
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function step(): number {
  return scope(() => {
    clearGradients(parameters);
    const loss = crossEntropy(network.forward(images).logits, labels);
    backward(loss);
    clipByGlobalNorm(parameters, 5);
    optimizer.step(0.01);
    return loss.item();
  });
}

const count = parameters.reduce((sum, parameter) => sum + parameter.size, 0);
const hello = { parameters: count, planned: plan.trainableParameters, version: libtorch().version };
process.stdout.write(`${JSON.stringify(hello)}\n`);
for await (const line of createInterface({ input: process.stdin })) {
  const before = performance.now();
  let loss = 0;
  for (let index = 0; index < Number(line); index++) loss = step();
  process.stdout.write(`${JSON.stringify({ seconds: (performance.now() - before) / 1000, loss })}\n`);
}
