// The recipe imagenet-paper beside PyTorch's, over a few steps; bench/imagenet-paper.ts shows 500.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../data/temporary.ts';
import { paperRun, whyNoPytorch } from '../peers/imagenet-paper.ts';
import { pictures, writeClassTar } from '../streams/written.ts';

test('imagenet-paper has the losses and the averages of the same recipe in PyTorch', {
  skip: whyNoPytorch(),
}, async (context) => {
  const folder = temporaryFolder(context);
  const dataset = writeClassTar(join(folder, 'pictures.tar'), await pictures(['ant', 'bee', 'cat'], 8));
  const { ours, pytorch } = await paperRun({
    dataset,
    folder,
    cells: 1,
    filters: 4,
    input: 67,
    batch: 6,
    steps: 12,
    threads: 1,
    every: 1,
  });
  const peer = pytorch({ threads: 1, resumes: true }); // from our state at every step
  assert.equal(peer.losses.length, 12); // of 3 steps an epoch: the rate falls after 7
  for (const [step, loss] of ours.losses.entries()) {
    const difference = Math.abs(loss - peer.losses[step]!) / loss;
    assert.ok(difference < 1e-5, `step ${step + 1}: ${loss}, not ${peer.losses[step]}`);
  }
  for (const [weights, averages] of peer.drifts!)
    assert.ok(weights < 0.01 && averages < 0.01, `${weights} and ${averages} of the way to our next state`);
  const changes = ours.losses.slice(1).map((loss, step) => Math.abs(loss - ours.losses[step]!));
  assert.ok(
    changes.some((change) => change > 1e-2),
    'the weights move, so that updates count',
  );
});
