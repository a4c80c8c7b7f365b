// Our process of bench/training.ts: runs steps of a network on a fixed batch.
// Reads numbers of steps from standard input, one per line, and answers each with a line of JSON, like
// peers/nasnet_training.py. Its only argument is a Job as JSON; it writes its initial parameters, then the images, to
// the file `start` if that is set.
import { writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { arange, full, randn, zeros } from '../src/engine/create.ts';
import { Graph } from '../src/engine/cuda-graph.ts';
import { deviceMemory, prepareDevice } from '../src/engine/device.ts';
import { libtorch, setThreads } from '../src/engine/machine.ts';
import { noGrad, scope } from '../src/engine/memory.ts';
import { crossEntropy } from '../src/engine/operators.ts';
import { manualSeed } from '../src/engine/random.ts';
import type { Tensor } from '../src/engine/tensor.ts';
import { buildNetwork } from '../src/model/network.ts';
import { Momentum } from '../src/nn/optimizers.ts';
import { planNetwork } from '../src/plan/plan.ts';
import { childRecipe } from '../src/train/recipe.ts';
import { StepSums, trainingStep } from '../src/train/step.ts';
import type { Job, Steps } from './training-process.ts';

const job = JSON.parse(process.argv[2]!) as Job;
const { architecture, batch, input, classes, device, variant, start } = job;
setThreads(job.threads);
prepareDevice(device);
manualSeed(0);
const plan = planNetwork(architecture, job);
const network = buildNetwork(plan, { seed: 1, device, precision: variant === 'eager' ? 'float32' : 'bfloat16' });
network.train(job.mode === 'training');
const parameters = network.parameters();
const recipe = { ...childRecipe, learningRate: 0.01 };
const optimizer = new Momentum(network.namedParameters(), recipe);
const drawn = randn([batch, 3, input, input]);
if (start) writeFileSync(start, Buffer.concat([...parameters, drawn].map(bytesOf)));
const images = drawn.contiguous('channels_last').to(device);
const labels = arange(0, batch).remainder(classes).to(device);
const learningRate = variant === 'graph' ? full([], recipe.learningRate, { device }) : recipe.learningRate;
const trainee = { network, parameters, optimizer, recipe, sums: new StepSums(device) };
/** The loss of the latest step, and in training the norm of its gradients. */
const latest = { loss: zeros([], { device }), norm: zeros([], { device }) };

function bytesOf(tensor: Tensor): Uint8Array {
  const { buffer, byteOffset, byteLength } = tensor.toArray() as Float32Array;
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function train(): void {
  scope(() => {
    const { loss, norm } = trainingStep(trainee, { images, labels, progress: 0, learningRate, averageShare: 0 });
    noGrad(() => {
      latest.loss.copy_(loss);
      latest.norm.copy_(norm);
    });
  });
}

function infer(): void {
  scope(() => noGrad(() => latest.loss.copy_(crossEntropy(network.forward(images).logits, labels))));
}

const own = job.mode === 'training' ? train : infer;
let step = own;
const before = performance.now();
if (variant === 'graph') {
  for (let warm = 0; warm < 3; warm++) own(); // as many as PyTorch
  const graph = Graph.capture(own);
  step = () => graph.replay();
}
const prepared = variant === 'graph' ? (performance.now() - before) / 1000 : 0;
const count = parameters.reduce((sum, parameter) => sum + parameter.size, 0);
const hello = { parameters: count, planned: plan.trainableParameters, version: libtorch().version, prepared };
process.stdout.write(`${JSON.stringify(hello)}\n`);
for await (const line of createInterface({ input: process.stdin })) {
  const before = performance.now();
  for (let index = 0; index < Number(line); index++) step();
  const loss = latest.loss.item(); // waits for a GPU
  const seconds = (performance.now() - before) / 1000;
  const { peak } = (device !== 'cpu' && deviceMemory(device)) || {};
  const answer: Steps = {
    seconds,
    loss,
    ...(job.mode === 'training' && { norm: latest.norm.item() }),
    ...(peak !== undefined && { deviceMemory: peak / 2 ** 20 }),
  };
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
