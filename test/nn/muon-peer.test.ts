// Steps of the recipe `fast` beside PyTorch's: the two residual networks that bench/budget.ts compares.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { ResNet } from '../../bench/resnet.ts';
import { rand, tensor } from '../../src/engine/create.ts';
import { backward, clearGradients } from '../../src/engine/gradient.ts';
import { scope } from '../../src/engine/memory.ts';
import { crossEntropy } from '../../src/engine/operators.ts';
import { manualSeed } from '../../src/engine/random.ts';
import { clipByGlobalNorm } from '../../src/nn/optimizers.ts';
import { createOptimizer } from '../../src/train/optimizer.ts';
import { recipes } from '../../src/train/recipe.ts';
import { temporaryFolder } from '../data/temporary.ts';
import { python, whyNoPytorch } from '../peers/imagenet-paper.ts';

const script = resolve(import.meta.dirname, '../../bench/peers/resnet_recipe.py');

test('a residual network in PyTorch takes the same steps by Muon', { skip: whyNoPytorch() }, (context) => {
  const folder = temporaryFolder(context);
  const { optimizer: choice, learningRate: rate, clipNorm } = recipes.fast;
  const [classes, side, batch, steps] = [10, 8, 6, 8];
  manualSeed(1);
  const pixels = Array.from({ length: steps }, () => rand([batch, 3, side, side]));
  const labels = pixels.map((_, step) => Array.from({ length: batch }, (_, image) => (7 * image + 3 * step) % classes));
  using network = ResNet.build({ blocks: 1, filters: 8, side, classes }, 1);
  const parameters = network.parameters();
  const write = (name: string, numbers: number[]) =>
    writeFileSync(join(folder, `${name}.bin`), new Uint8Array(Float32Array.from(numbers).buffer));
  const numbersOf = (some: typeof pixels) => some.flatMap((each) => [...each.toArray()].map(Number));
  write('weights', numbersOf(parameters));
  write('pixels', numbersOf(pixels));
  write('labels', labels.flat());

  network.train();
  using optimizer = createOptimizer(network, recipes.fast);
  const ours = pixels.map((images, step) =>
    scope(() => {
      const { logits } = network.forward(images);
      const loss = crossEntropy(logits, tensor(labels[step]!, [batch], { dtype: 'int64' }));
      clearGradients(parameters);
      backward(loss);
      clipByGlobalNorm(parameters, clipNorm);
      optimizer.step(rate);
      return Number(loss.toArray()[0]);
    }),
  );

  const { matrixRate, iterations } = choice;
  const job = {
    ...{ compare: folder, blocks: 1, filters: 8, classes, side, batch, rate, threads: 1, seed: 1 },
    muon: { rate: matrixRate, iterations },
  };
  const { status, stdout, stderr } = spawnSync(python, [script, JSON.stringify(job)], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  const { losses } = JSON.parse(stdout) as { losses: number[] };
  assert.equal(losses.length, steps);
  for (const [step, loss] of ours.entries())
    assert.ok(Math.abs(loss - losses[step]!) < 1e-3 * loss, `step ${step + 1}: ${loss}, not ${losses[step]}`);
});
