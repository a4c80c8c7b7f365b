import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { randn, tensor } from '../../src/engine/create.ts';
import { noGrad } from '../../src/engine/memory.ts';
import { manualSeed } from '../../src/engine/random.ts';
import { buildNetwork } from '../../src/model/network.ts';
import { writeSafetensors } from '../../src/nn/safetensors.ts';
import { planNetwork } from '../../src/space/plan.ts';
import { nasnetA } from '../../src/space/published.ts';
import { type ModelDescription, readModel, writeModel } from '../../src/study/model-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'nasnet-model-'));
after(() => rmSync(folder, { recursive: true }));

const description: ModelDescription = {
  architecture: nasnetA,
  cells: 1,
  filters: 4,
  resolution: 16,
  classes: ['cat', 'dog', 'Äffchen'],
  whitening: { mean: [1, 2, 3], deviation: [4, 5, 6] },
};

test('a network read back gives the same answers, without its auxiliary head', () => {
  const options = { cells: 1, filters: 4, input: 16, classes: 3, auxiliary: true };
  const network = buildNetwork(planNetwork(nasnetA, options), { seed: 3 });
  manualSeed(4);
  const images = randn([5, 3, 16, 16]);
  noGrad(() => network.forward(images)); // moves the statistics of batch norm
  const path = join(folder, 'network.safetensors');
  writeModel(path, network, description);
  const read = readModel(path);
  assert.deepEqual(read.description, description);
  assert.ok(![...read.network.namedParameters().keys()].some((name) => name.startsWith('auxiliary')));
  network.train(false);
  noGrad(() =>
    assert.deepEqual(read.network.forward(images).logits.toArray(), network.forward(images).logits.toArray()),
  );
});

test('tensors of another kind, a newer format and no tensors at all are refused in a sentence', () => {
  const path = join(folder, 'other.safetensors');
  writeSafetensors(path, { x: tensor([1, 2]) });
  assert.throws(
    () => readModel(path),
    /expected a network that nasnet trained, got a safetensors file of another kind/,
  );
  writeSafetensors(path, { x: tensor([1, 2]) }, { nasnet: JSON.stringify({ format: 99, ...description }) });
  assert.throws(() => readModel(path), /expected a network of format 1 or older, got 99: update nasnet/);
  writeSafetensors(path, { x: tensor([1, 2]) }, { nasnet: JSON.stringify({ format: 1, ...description }) });
  assert.throws(() => readModel(path), /weights: expected a tensor/);
  writeFileSync(path, 'no tensors');
  assert.throws(() => readModel(path), /other\.safetensors: expected/);
});
