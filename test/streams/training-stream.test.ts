// A training from a stream: the same weights from every format, the pictures of the block path, and the parts of a
// source.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { FolderArtifacts } from '../../src/artifacts.ts';
import { augmentations } from '../../src/data/augmentations.ts';
import { datasetFraming } from '../../src/data/framing.ts';
import { imageBatch, prepareImage } from '../../src/data/prepare-image.ts';
import { cpu } from '../../src/engine/device.ts';
import { scope } from '../../src/engine/memory.ts';
import type { Module } from '../../src/nn/module.ts';
import { evaluationPictures } from '../../src/streams/evaluation-stream.ts';
import { openSource } from '../../src/streams/open-source.ts';
import { inceptionCrop } from '../../src/streams/random-crop.ts';
import { openEvaluationSource, openTrainingSource, trainingName } from '../../src/streams/training-source.ts';
import { TrainingStream, type TrainingStreamOptions } from '../../src/streams/training-stream.ts';
import { Checkpoints } from '../../src/train/checkpoint.ts';
import { DeviceSteps } from '../../src/train/device-steps.ts';
import { HostSteps } from '../../src/train/host-steps.ts';
import { createOptimizer } from '../../src/train/optimizer.ts';
import type { Recipe } from '../../src/train/recipe.ts';
import { type StepPlan, StepSums, type Trainee } from '../../src/train/step.ts';
import { type EpochFigures, trainNetwork } from '../../src/train/training.ts';
import { temporaryFolder } from '../data/temporary.ts';
import { tinyNetwork, tinyRecipe } from '../train/images.ts';
import {
  type Labelled,
  pictures,
  writeClassTar,
  writeFolders,
  writeParquet,
  writeTfrecords,
  writeWebDataset,
} from './written.ts';

const classes = ['ant', 'bee', 'cat', 'dog'];
const side = 8;
const whitening = { mean: [127.5, 127.5, 127.5], deviation: [127.5, 127.5, 127.5] };
const recipe: Recipe = { ...tinyRecipe, batchSize: 4, averageDecay: 0.9, dropoutKeep: 0.5 };

const streamOptions = (count: number): TrainingStreamOptions => ({
  places: Int32Array.from({ length: count }, (_, place) => place),
  size: side,
  batchSize: recipe.batchSize,
  view: { kind: 'training', crop: inceptionCrop, flip: true, colour: true },
  augmentation: { ...augmentations.none, flip: false, cutout: 4 },
  whitening,
  seed: 5,
  device: cpu,
  threads: 1,
});

const hashOf = (network: Module) => {
  const hash = createHash('sha256');
  for (const tensor of Object.values(network.stateDict())) hash.update(tensor.detach().toBytes());
  return hash.digest('hex');
};

/** Trains a small network on a source; returns a hash of its weights, and its epochs. */
async function trained(context: TestContext, path: string, changes: Partial<TrainingStreamOptions> = {}) {
  using source = await openSource(path, { cache: temporaryFolder(context) });
  await using stream = new TrainingStream(source, { ...streamOptions(source.count), ...changes });
  const network = tinyNetwork();
  const epochs: EpochFigures[] = [];
  await trainNetwork(network, stream, recipe, { seed: 'a', onEpoch: (figures) => epochs.push(figures) });
  return { weights: hashOf(network), epochs };
}

/** Writes the same pictures in every format; Parquet in groups of one row, whose order is that of the others. */
const formats = (folder: string, all: readonly Labelled[]): Record<string, string> => ({
  'a tar of tars': writeClassTar(join(folder, 'train.tar'), all),
  TFRecord: writeTfrecords(join(folder, 'records'), all, [5, 2, all.length - 7]),
  WebDataset: writeWebDataset(join(folder, 'shards'), all, [3, all.length - 3]),
  Parquet: writeParquet(join(folder, 'train.parquet'), all, classes, 1),
});

test('the same pictures in any format, decoded by any number of threads, give the same weights', async (context) => {
  const all = await pictures(classes, 5);
  const folder = temporaryFolder(context);
  const parts = writeFolders(
    join(folder, 'parts'),
    all.flatMap((each) => [
      { ...each, name: `train/${each.name}` },
      { ...each, name: `val/${each.name}` },
    ]),
  );
  const expected = await trained(context, parts, { threads: 2 });
  assert.equal(expected.epochs.length, recipe.epochs);
  assert.ok(expected.epochs.every(({ waitingShare }) => waitingShare! > 0 && waitingShare! < 1));
  for (const [format, path] of Object.entries(formats(folder, all))) {
    assert.equal((await trained(context, path)).weights, expected.weights, format);
  }
  assert.notEqual((await trained(context, parts, { seed: 6 })).weights, expected.weights);
});

test('a training that is stopped after each of its steps ends with the weights of an uninterrupted one', async (context) => {
  const all = await pictures(classes, 5);
  const folder = temporaryFolder(context);
  const path = writeClassTar(join(folder, 'train.tar'), all);
  const expected = await trained(context, path);
  using source = await openSource(path, { cache: folder });
  let [stops, network] = [0, tinyNetwork()];
  for (let ended = false; !ended; ) {
    const stop = new AbortController();
    const checkpoints = new Checkpoints(new FolderArtifacts({ training: folder }), 'training/state', {
      identity: 'this',
      seconds: 0,
      whenTrained: true,
    });
    const offer = checkpoints.offer.bind(checkpoints);
    checkpoints.offer = async (...words) => {
      await offer(...words);
      stop.abort(new Error('enough'));
    };
    await using stream = new TrainingStream(source, streamOptions(source.count));
    const running = trainNetwork(network, stream, recipe, { seed: 'a', checkpoints, signal: stop.signal });
    const { signal } = stop;
    ended = await running.then(
      () => true,
      (error) => {
        if (error !== signal.reason) throw error;
        return false;
      },
    );
    if (ended) break;
    stops += 1;
    network = tinyNetwork(100 + stops);
  }
  assert.equal(stops, 10, 'after each of ten steps');
  assert.equal(hashOf(network), expected.weights);
});

test('framed pictures are those of prepared images, whitened, and augmented by the same functions', async (context) => {
  const all = await pictures(classes, 4);
  const folder = temporaryFolder(context);
  using source = await openSource(writeClassTar(join(folder, 'train.tar'), all), { cache: folder });
  const view = { kind: 'framed', framing: datasetFraming } as const;
  const plain = { ...streamOptions(16), view, augmentation: { ...augmentations.none, flip: false, cutout: 0 } };
  await using stream = new TrainingStream(source, plain);
  await stream.wait(0, 1);
  const prepared = await Promise.all(all.map(({ bytes }) => prepareImage(bytes, datasetFraming, [side, side])));
  scope(() => {
    const { images, labels } = stream.batch(0, 1);
    assert.deepEqual([images.shape, images.dtype], [[4, 3, side, side], 'float32']);
    for (let place = 0; place < 4; place++) {
      const shown = images.narrow(0, place, 1).toArray();
      const found = prepared.findIndex((pixels) => {
        const expected = imageBatch([pixels], [side, side], whitening).toArray();
        return expected.every((value, index) => value === shown[index]);
      });
      assert.equal(Math.floor(found / 4), labels.toArray()[place]);
    }
  });
  await using mirrored = new TrainingStream(source, {
    ...plain,
    augmentation: { ...plain.augmentation, flip: 'alternate' },
  });
  const flips: number[][] = [];
  for (const epoch of [0, 1]) {
    const seen: number[] = [];
    for (let step = 0; step < mirrored.count; step++) {
      await mirrored.wait(epoch, step);
      seen.push(...mirrored.integersOf(epoch, step).subarray(4, 8));
    }
    flips.push(seen);
  }
  const total = flips.flat().reduce((sum, each) => sum + each, 0);
  assert.equal(total, 16, 'each picture is mirrored in one of two epochs');
});

test('a step of a device on streamed pictures is that of the host', async (context) => {
  const all = await pictures(classes, 4);
  const folder = temporaryFolder(context);
  using source = await openSource(writeClassTar(join(folder, 'train.tar'), all), { cache: folder });
  const sideAt = (step: number) => (step < 3 ? 4 : undefined);
  const cases = [{}, { mixing: { mixup: 0.4, cutmix: 1 } }, { sideAt }];
  const weightsAfter = async (
    changes: (typeof cases)[number],
    steps: (trainee: Trainee, batches: TrainingStream) => { run(step: number): void },
  ) => {
    await using stream = new TrainingStream(source, { ...streamOptions(16), ...changes });
    const network = tinyNetwork();
    using optimizer = createOptimizer(network, tinyRecipe);
    using sums = new StepSums(cpu);
    const trainee = { network, parameters: network.parameters(), optimizer, recipe: tinyRecipe, sums };
    const running = steps(trainee, stream);
    for (let step = 0; step < 6; step++) {
      await stream.wait(Math.floor(step / 4), step % 4);
      running.run(step);
    }
    return hashOf(network);
  };
  const planOf = (step: number): StepPlan => ({
    epoch: Math.floor(step / 4),
    index: step % 4,
    progress: (step + 1) / 6, // above 0, where the host draws no masks
    learningRate: 2 ** -5, // a power of two, whose products are not rounded
    averageShare: 0,
    seed: step,
  });
  const onHost = (trainee: Trainee, stream: TrainingStream) => new HostSteps(trainee, stream, planOf);
  const onDevice = (trainee: Trainee, stream: TrainingStream) =>
    new DeviceSteps(trainee, stream, { capture: false, planOf, steps: () => 6 });
  const hashes = new Set<string>();
  for (const changes of cases) {
    const hash = await weightsAfter(changes, onHost);
    assert.equal(await weightsAfter(changes, onDevice), hash);
    hashes.add(hash);
  }
  assert.equal(hashes.size, cases.length, 'mixed and smaller pictures train other weights');
});

test('balanced epochs show equally many pictures of each class', async (context) => {
  const all = [...(await pictures(['ant'], 9)), ...(await pictures(['bee'], 3)).map((each) => ({ ...each, label: 1 }))];
  const folder = temporaryFolder(context);
  using source = await openSource(writeClassTar(join(folder, 'train.tar'), all), { cache: folder });
  await using stream = new TrainingStream(source, { ...streamOptions(12), batchSize: 12, balanced: true });
  await stream.wait(0, 0);
  const labels = [...stream.integersOf(0, 0).subarray(0, 12)];
  assert.deepEqual(labels.toSorted(), [0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1]);
});

test('an unreadable picture is reported once, and evaluation omits it', async (context) => {
  const all = await pictures(classes, 3);
  all[4] = { ...all[4]!, bytes: Buffer.from('no picture') };
  const folder = temporaryFolder(context);
  using source = await openSource(writeClassTar(join(folder, 'train.tar'), all), { cache: folder });
  const reported: string[] = [];
  await using stream = new TrainingStream(source, {
    ...streamOptions(12),
    onUnreadable: (sentence) => reported.push(sentence),
  });
  for (const epoch of [0, 1]) for (let step = 0; step < stream.count; step++) await stream.wait(epoch, step);
  assert.equal(reported.length, 1);
  assert.match(reported[0]!, /^bee\/bee_1.JPEG: expected a picture, got /);
  const preprocessing = { ...datasetFraming, ...whitening };
  const places = Int32Array.of(11, 4, 3, 5, 0);
  const options = { places, size: side, preprocessing, batchSize: 2, threads: 1, classOf: [10, 11, 12, 13] };
  const seen: unknown[] = [];
  for await (const { batch, ...rest } of evaluationPictures(source, options, 1)) {
    seen.push({ labels: batch && [...batch.labels.toArray()], ...rest, unreadable: rest.unreadable.length });
  }
  assert.deepEqual(seen, [
    { labels: [11], imageCount: 2, places: [2], unreadable: 1 },
    { labels: [11, 10], imageCount: 2, places: [3, 4], unreadable: 0 },
  ]);
});

test('a source is tested on its validation part, else on held out pictures of each class, always the same ones', async (context) => {
  const all = await pictures(classes, 6);
  const folder = temporaryFolder(context);
  const cache = { cache: join(folder, 'cache') };
  const path = writeClassTar(join(folder, 'train.tar'), all);
  using held = await openTrainingSource(path, cache);
  const { train, test } = held;
  assert.equal(train.source, test.source);
  assert.deepEqual(
    [...train.places, ...test.places].toSorted((one, other) => one - other),
    [...all.keys()],
  );
  assert.deepEqual(
    [...test.places].map((place) => test.source.label(place)),
    [0, 1, 2, 3],
  );
  assert.match(held.remarks[0]!, /4 classes, 20 pictures to train on, 4 to test on, held out of them/);
  using again = await openTrainingSource(path, cache);
  assert.deepEqual([again.test.places, again.content], [test.places, held.content]);

  const shards = writeTfrecords(join(folder, 'records'), all, [20, 4]);
  using alone = await openTrainingSource(shards, cache);
  assert.equal(alone.train.places.length, 20, 'shards of the part train alone');
  const other = writeClassTar(join(folder, 'other.tar'), all.slice(0, 8));
  await assert.rejects(
    openTrainingSource(path, { ...cache, test: other }),
    /expected the pictures to test on to have the 4 classes .* got 2 classes/,
  );
  using named = await openTrainingSource(path, {
    ...cache,
    test: writeClassTar(join(folder, 'val.tar'), all.slice(0, -1)),
  });
  assert.deepEqual([named.train.places.length, named.test.places.length], [24, 23]);
  assert.notEqual(named.content, held.content);
});

test('to evaluate another network only the pictures to test on are listed: the validation part, or all', async (context) => {
  const all = await pictures(classes, 5);
  const folder = temporaryFolder(context);
  const cache = join(folder, 'cache');
  const parts = writeFolders(join(folder, 'parts'), [
    ...all.map((each) => ({ ...each, name: `train/${each.name}` })),
    ...all.filter(({ name }) => name.includes('_0')).map((each) => ({ ...each, name: `val/${each.name}` })),
  ]);
  const listed: number[] = [];
  using source = await openEvaluationSource(parts, { cache, onListed: (count) => listed.push(count) });
  assert.deepEqual([source.count, Math.max(...listed)], [4, 4], 'not the twenty to train on');
  using whole = await openEvaluationSource(writeClassTar(join(folder, 'all.tar'), all), { cache });
  assert.equal(whole.count, 20);
  assert.equal(trainingName(parts), 'parts');
});

test('the parts of a batch for several processes are together the batch of one', async (context) => {
  const path = writeClassTar(join(temporaryFolder(context), 'train.tar'), await pictures(classes, 5));
  using source = await openSource(path, { cache: temporaryFolder(context) });
  const options = {
    ...streamOptions(source.count),
    batchSize: 7,
    augmentation: { ...augmentations.none, flip: 'alternate' as const, cutout: 4 },
  };
  const shown = async (part?: { index: number; count: number }) => {
    await using stream = new TrainingStream(source, { ...options, part });
    const all: number[][] = [];
    for (const [epoch, step] of [
      [0, 0],
      [1, 1],
    ] as const) {
      await stream.wait(epoch, step);
      scope(() => {
        const { images, labels } = stream.batch(epoch, step);
        all.push([...images.toArray()], [...labels.toArray()]);
      });
    }
    return { all, count: stream.count, whole: stream.wholeBatchSize };
  };
  const whole = await shown();
  const [first, second] = [await shown({ index: 0, count: 2 }), await shown({ index: 1, count: 2 })];
  assert.deepEqual([second.count, second.whole], [whole.count, 7]);
  assert.deepEqual(
    first.all.map((values, place) => [...values, ...second.all[place]!]),
    whole.all,
  );
});
