import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { tensor } from '../../src/engine/create.ts';
import { liveTensors, noGrad } from '../../src/engine/memory.ts';
import { likeliestClasses } from '../../src/model/classification.ts';
import { readModel } from '../../src/model/model-file.ts';
import { temporaryFolder } from '../data/temporary.ts';
import { fullLogit, writeColourNetwork } from './colour-network.ts';

const path = join(temporaryFolder({ after }), 'colours.safetensors');
writeColourNetwork(path, ['a', 'b', 'c', 'd'], [3, 0, 1]);

/** Returns two images of one colour each, [0, 1] per channel. */
const images = () =>
  tensor(
    [[1, 0.5, 0], [0, 0.25, 1]].flatMap((colour) => colour.flatMap((value) => Array(64).fill(value))),
    [2, 3, 8, 8],
  ); // biome-ignore format: two colours

test('the most probable classes come best first, with the softmax of their logits, and no tensor is left', () => {
  const { network } = readModel(path);
  const input = images();
  const before = liveTensors();
  const answers = likeliestClasses(network, input, 3);
  assert.equal(liveTensors(), before);
  assert.deepEqual(
    answers.map((classes) => classes.map(({ place }) => place).slice(0, 2)),
    [[3, 0], [1, 0]],
  ); // biome-ignore format: places
  const total = Math.exp(fullLogit) + Math.exp(fullLogit / 2) + 2; // the other two have logit 0
  const [best, second, third] = answers[0]!.map(({ probability }) => probability);
  assert.ok(Math.abs(best! - Math.exp(fullLogit) / total) < 1e-4);
  assert.ok(Math.abs(second! - Math.exp(fullLogit / 2) / total) < 1e-4);
  assert.ok(Math.abs(third! - 1 / total) < 1e-4);
});

test('a network with NaN results fails in one sentence', () => {
  const { network } = readModel(path);
  noGrad(() => network.parameters()[0]!.fill_(Number.NaN));
  assert.throws(() => likeliestClasses(network, images(), 1), { name: 'Failure', message: /not numbers/ });
});
