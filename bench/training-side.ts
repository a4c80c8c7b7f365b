// One of our processes of bench/training.ts: a network on a fixed batch, steps on demand.
// Reads numbers of steps from standard input, one a line; answers each with a line of JSON, as peers/nasnet_training.py does.
// Its one argument is a Job as JSON; with `start` it writes there where it starts from: all parameters, then the images.
import { writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { arange, randn } from '../src/engine/create.ts';
import { backward, clearGradients } from '../src/engine/gradient.ts';
import { libtorch, setThreads } from '../src/engine/machine.ts';
import { noGrad, scope } from '../src/engine/memory.ts';
import { crossEntropy } from '../src/engine/operators.ts';
import { manualSeed } from '../src/engine/random.ts';
import type { Tensor } from '../src/engine/tensor.ts';
import { buildNetwork } from '../src/model/network.ts';
import { clipByGlobalNorm, Momentum } from '../src/nn/optimizers.ts';
import { planNetwork } from '../src/space/plan.ts';
import type { Job, Steps } from './training-process.ts';

const job = JSON.parse(process.argv[2]!) as Job;
const { architecture, batch, input, classes, device, start } = job;
setThreads(job.threads);
manualSeed(0);
const plan = planNetwork(architecture, job);
const network = buildNetwork(plan, { seed: 1, device });
network.train(job.mode === 'training');
const parameters = network.parameters();
const optimizer = new Momentum(network.namedParameters(), { momentum: 0.9, nesterov: true, weightDecay: 5e-4 });
const drawn = randn([batch, 3, input, input]);
if (start) writeFileSync(start, Buffer.concat([...parameters, drawn].map(bytesOf)));
const images = drawn.contiguous('channels_last').to(device);
const labels = arange(0, batch).remainder(classes).to(device);

function bytesOf(tensor: Tensor): Uint8Array {
  const { buffer, byteOffset, byteLength } = tensor.toArray() as Float32Array;
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function trainingStep(): Omit<Steps, 'seconds'> {
  return scope(() => {
    clearGradients(parameters);
    const loss = crossEntropy(network.forward(images).logits, labels);
    backward(loss);
    const norm = clipByGlobalNorm(parameters, 5);
    optimizer.step(0.01);
    return { loss: loss.item(), norm: norm.item() };
  });
}

function inferenceStep(): Omit<Steps, 'seconds'> {
  return scope(() => noGrad(() => ({ loss: crossEntropy(network.forward(images).logits, labels).item() })));
}

const step = job.mode === 'training' ? trainingStep : inferenceStep;
const count = parameters.reduce((sum, parameter) => sum + parameter.size, 0);
const hello = { parameters: count, planned: plan.trainableParameters, version: libtorch().version };
process.stdout.write(`${JSON.stringify(hello)}\n`);
for await (const line of createInterface({ input: process.stdin })) {
  const before = performance.now();
  let last = {};
  for (let index = 0; index < Number(line); index++) last = step();
  process.stdout.write(`${JSON.stringify({ seconds: (performance.now() - before) / 1000, ...last })}\n`);
}
