// Evaluations that are stopped in several ways and resumed.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { findLabelledImages } from '../../src/data/labelled-images.ts';
import { liveTensors } from '../../src/engine/memory.ts';
import { readModel } from '../../src/model/model-file.ts';
import { evaluateNetwork } from '../../src/train/evaluation.ts';
import { chosenPlaces, datasetSource, fileSource, type ImageSource } from '../../src/train/image-source.ts';
import { evaluateLong } from '../../src/train/long-evaluation.ts';
import { type ColourName, paintAll } from '../data/paint.ts';
import { temporaryFolder } from '../data/temporary.ts';
import { fullLogit, writeColourNetwork } from '../model/colour-network.ts';
import { evaluationBatches, tinyImages, tinyNetwork } from './images.ts';

const folder = temporaryFolder({ after });
const model = join(folder, 'colours.safetensors');
const images = join(folder, 'images');
const classes = ['blue', 'green', 'red'];

// Three of the twelve readable images do not have their class's colour.
const pictures: Record<string, ColourName | 'broken'> = {
  'blue/0.png': 'blue', 'blue/1.png': 'blue', 'blue/2.png': 'broken', 'blue/3.png': 'red',
  'green/0.png': 'green', 'green/1.png': 'green', 'green/2.png': 'green', 'green/3.png': 'blue',
  'red/0.png': 'red', 'red/1.png': 'red', 'red/2.png': 'red', 'red/3.png': 'red', 'red/4.png': 'blue',
}; // biome-ignore format: a table

before(async () => {
  writeColourNetwork(model, classes, [2, 1, 0]);
  await paintAll(images, pictures);
});

function opened(batchSize = 2): { source: ImageSource; network: ReturnType<typeof readModel>['network'] } {
  const { network, description } = readModel(model);
  const { images: listed } = findLabelledImages(images, description.classes, {});
  return { network, source: fileSource(listed, description.preprocessing, description.network.input, batchSize) };
}

/** The expected figures, derived from the colours. */
function byHand() {
  const logit = (byte: number) => (fullLogit * byte) / 255;
  const [high, low] = [logit(220), logit(60)];
  const total = Math.log(Math.exp(high) + 2 * Math.exp(low));
  return {
    images: 12,
    accuracy: 9 / 12,
    loss: (9 * (total - high) + 3 * (total - low)) / 12,
    classAccuracies: [2 / 3, 3 / 4, 4 / 5],
  };
}

function assertByHand(measured: Awaited<ReturnType<typeof evaluateLong>>): void {
  const { loss, ...wanted } = byHand();
  const { images, accuracy, classAccuracies, unreadable } = measured;
  assert.deepEqual({ images, accuracy, classAccuracies }, wanted);
  // one byte of a decoded colour is 0.03
  assert.ok(Math.abs(measured.loss - loss) < 0.002, `${measured.loss} against ${loss}`);
  assert.equal(measured.topFiveAccuracy, 1); // of three classes
  assert.equal(unreadable.length, 1);
  assert.match(unreadable[0]!, /blue\/2\.png: expected an image, got /);
}

const state = join(folder, 'states', 'state.json');

test('figures follow from the colours, and unreadable images do not count', async () => {
  const { network, source } = opened();
  assertByHand(await evaluateLong(network, source, { state }));
  assert.ok(!existsSync(state), 'nothing is left behind');
});

test('stopped after any batch, a resumed run has the same counts', async () => {
  for (const stopAfter of [2, 4, 8, 12]) {
    const { network, source } = opened();
    const controller = new AbortController();
    const stopped = evaluateLong(network, source, {
      state,
      signal: controller.signal,
      onProgress: ({ done }) => done >= stopAfter && controller.abort(new Error('interrupted')),
    });
    await assert.rejects(stopped, /interrupted/);
    let resumed = 0;
    const measured = await evaluateLong(network, source, { state, onResume: (done) => { resumed = done; } }); // biome-ignore format: one line
    assert.equal(resumed, stopAfter);
    assertByHand(measured);
  }
});

test('killed in the middle, it resumes from the written counts', async () => {
  const script = join(import.meta.dirname, 'evaluating.ts');
  const child = spawn(process.execPath, [script, model, images, state], { stdio: ['ignore', 'pipe', 'inherit'] });
  const { promise: closed, resolve } = Promise.withResolvers<string | null>();
  child.on('close', (_, signal) => resolve(signal));
  child.stdout.on('data', (chunk: Buffer) => {
    if (
      chunk
        .toString()
        .split('\n')
        .some((line) => Number(line) >= 6)
    )
      child.kill('SIGKILL');
  });
  const signal = await closed;
  const { network, source } = opened();
  let resumed = 0;
  const measured = await evaluateLong(network, source, { state, onResume: (done) => { resumed = done; } }); // biome-ignore format: one line
  assertByHand(measured);
  // else it was done before the kill came
  if (signal === 'SIGKILL') assert.ok(resumed >= 4 && resumed <= 13, `${resumed}`);
});

test('a damaged state and one of other images are ignored', async () => {
  const { network, source } = opened(50);
  mkdirSync(join(folder, 'states'), { recursive: true });
  const good = {
    format: 1,
    count: 13,
    done: 6,
    counts: { loss: 1, inFive: 6, seen: [2, 2, 2], right: [0, 0, 0] },
    unreadable: [],
  };
  for (const text of [
    '',
    '{"format": 1',
    JSON.stringify({ ...good, count: 99 }),
    JSON.stringify({ ...good, counts: { ...good.counts, seen: [6] } }),
  ]) {
    writeFileSync(state, text);
    assertByHand(await evaluateLong(network, source, { state }));
  }
});

test('a state that cannot be written is reported once, and the evaluation continues', async () => {
  const { network, source } = opened();
  const blocked = join(folder, 'a file');
  writeFileSync(blocked, '');
  const told: string[] = [];
  const options = { state: join(blocked, 'state.json'), seconds: 0, onUnsaved: (reason: string) => told.push(reason) };
  assertByHand(await evaluateLong(network, source, options));
  assert.equal(told.length, 1);
  assert.equal(readFileSync(blocked, 'utf8'), '');
});

test('a dataset in memory gives the figures of evaluateNetwork, and leaves no live tensor', async () => {
  const network = tinyNetwork();
  const { from, whitening } = tinyImages(22);
  const all = Int32Array.from({ length: 22 }, (_, index) => index);
  const source = datasetSource(from, 'tiny', all, { view: whitening, batchSize: 5, imageName: (index) => `${index}` });
  const before = liveTensors();
  const { imagesPerSecond: _, unreadable, ...measured } = await evaluateLong(network, source, { state });
  assert.equal(liveTensors(), before);
  const { imagesPerSecond: __, ...wanted } = evaluateNetwork(network, evaluationBatches(22), 4);
  assert.deepEqual(measured, wanted);
  assert.deepEqual(unreadable, []);
});

test('the identity of a source changes with its images, their classes and their order', () => {
  const { images: listed } = findLabelledImages(images, classes, {});
  const { description } = readModel(model);
  const identity = (files: typeof listed) => fileSource(files, description.preprocessing, [8, 8], 4).identity;
  const [first, ...others] = listed;
  const variants = [
    listed,
    others,
    [...others, first!],
    [{ ...first!, label: 2 }, ...others],
    [{ ...first!, modified: 1 }, ...others],
  ];
  assert.equal(new Set(variants.map(identity)).size, variants.length);
  assert.equal(identity([...listed]), identity(listed));
});

test('chosen indices are distinct, at equal distances, and shuffled', () => {
  assert.deepEqual([...chosenPlaces(7)].sort(), [0, 1, 2, 3, 4, 5, 6]);
  assert.deepEqual(
    [...chosenPlaces(100, 5)].sort((a, b) => a - b),
    [0, 20, 40, 60, 80],
  );
  assert.deepEqual(chosenPlaces(1000, 10), chosenPlaces(1000, 10));
  assert.equal(chosenPlaces(3, 10).length, 3);
  const early = chosenPlaces(1000)
    .subarray(0, 100)
    .filter((place) => place < 500).length;
  assert.ok(early > 30 && early < 70, `${early} of the first hundred lie in the first half`);
});
