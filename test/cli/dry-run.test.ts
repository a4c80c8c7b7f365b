// `nasnet train --dry-run`: counts by hand, bytes as the files then have them, and nothing is written.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { transports } from '../../src/replicas/join-replicas.ts';
import { temporaryFolder } from '../data/temporary.ts';
import { jpeg, type Labelled, writeClassTar } from '../streams/written.ts';
import { killedAfter } from './killed.ts';
import { nasnet } from './run.ts';

const folder = temporaryFolder({ after });
const environment = { NASNET_CACHE: join(folder, 'cache') };
let archive: string;

before(async () => {
  const all: Labelled[] = [];
  for (const [label, name] of ['ant', 'bee'].entries())
    for (let number = 0; number < 15; number++)
      all.push({ name: `${name}/${number}.JPEG`, label, bytes: await jpeg(30 * label + number) });
  archive = writeClassTar(join(folder, 'pictures.tar'), all);
});

const weights = () => join(folder, 'network.safetensors');
const words = (...more: string[]) => {
  const flags = ['--size', '32', '--filters', '4', '--batch-size', '4', '--threads', '1', '-o', weights()];
  const recipe = ['--recipe', 'imagenet-paper', '--auxiliary-weight', '0', '--epochs', '2'];
  return ['train', 'nasnet-a:0', '--dataset', archive, ...flags, ...recipe, ...more];
};
const predicted = (...more: string[]) => {
  const { code, stdout, stderr } = nasnet(words('--dry-run', ...more), environment);
  assert.equal(code, 0, stderr);
  return stdout;
};

test('a dry run counts steps and images, measures, and writes nothing', () => {
  const document = JSON.parse(predicted('--json', '--seeds', '2'));
  assert.deepEqual(document.images, { train: 22, validation: 3, test: 5 }); // a sixth of 30, then a tenth of 25
  assert.deepEqual([document.stepsPerEpoch, document.steps, document.epochs], [5, 10, 2]);
  const { imagesPerSecond, epochSeconds, seconds, decoding, memory } = document;
  assert.ok(imagesPerSecond > 0 && decoding.picturesPerSecond > 0 && memory.predicted > 1e8);
  // 20 trained images, 3 validated ones; 5 more are tested; an evaluation takes less than a training step
  assert.ok(epochSeconds > 20 / imagesPerSecond && epochSeconds < 23 / imagesPerSecond);
  assert.ok(seconds > 2 * epochSeconds && seconds < 2 * epochSeconds + 5 / imagesPerSecond);
  assert.equal(existsSync(weights()), false);
  const stated = predicted('1281167', '--batch-size', '256');
  // 10,000 held out of a stated number; (1,281,167 − 10,000) / 256
  assert.match(stated, /1,271,167 to train on, 10,000 held out, 5 to test on/);
  assert.match(stated, /steps: 4,965 an epoch, 9,930 in 2 epochs/);
  assert.match(stated, /decoding: .* pictures\/s \(measured\); the training waits/);
});

test('of replicas it predicts the time of all and the memory of each, and measures their exchange', () => {
  const document = JSON.parse(predicted('--json', '--replicas', '2', '--threads', '2'));
  const { replicas, memory, trainableParameters, imagesPerSecond, stepsPerEpoch } = document;
  const { exchange, ...counted } = replicas;
  assert.deepEqual(counted, {
    ...{ count: 2, here: 2, threads: 1, images: 2 },
    memory: memory.predicted / 2,
    sent: 4 * trainableParameters, // 2 · (2 − 1) / 2 of four bytes
  });
  assert.ok(exchange.seconds > 0 && exchange.seconds < 4 / imagesPerSecond, 'a part of a step of four images');
  assert.equal(exchange.transport, transports()[0]);
  assert.equal(stepsPerEpoch, 5);
  const elsewhere = predicted('--replicas', '4', '--rank', '1', '--rendezvous', '127.0.0.1:1');
  assert.match(elsewhere, /replicas: 4, 1 of them on this machine, each with 1 image of a batch, 1 thread and /);
  assert.match(elsewhere, /exchange: .* a step; not measured; the network between the machines adds to the time/);
});

/** Returns the bytes of the tensors of a safetensors file. */
const tensorBytes = (path: string) => {
  const bytes = readFileSync(path);
  return bytes.length - 8 - Number(bytes.readBigUInt64LE());
};

test('the predicted bytes are those of the files, without their headers', async () => {
  const { disk } = JSON.parse(predicted('--json', '--keep-checkpoints', '3'));
  assert.equal(disk.checkpoints, 3 * disk.checkpoint);
  const file = `${weights()}.checkpoint`;
  const endless = words('--epochs', '1000', '--checkpoint-every', '0s');
  assert.ok(await killedAfter(endless, { file, writes: 8, environment })); // five steps are an epoch
  assert.equal(tensorBytes(file), disk.checkpoint);
  const best = join(folder, 'network.best.safetensors');
  assert.equal(2 * tensorBytes(best), disk.models);
});
