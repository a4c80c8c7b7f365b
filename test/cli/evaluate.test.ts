// `nasnet evaluate` as a user runs it on folders of images, with a network that answers the colour of an image.
// CIFAR-10's way through the cache is in test/cli/search/search.test.ts.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { imagenetNames } from '../../src/data/imagenet-classes.ts';
import { readModel, readModelDescription, writeModel } from '../../src/model/model-file.ts';
import { paintAll } from '../data/paint.ts';
import { temporaryFolder } from '../data/temporary.ts';
import { writeColourNetwork } from '../model/colour-network.ts';
import { nasnet, nasnets, nodeArguments } from './run.ts';

const folder = temporaryFolder({ after });
const environment = { NASNET_CACHE: join(folder, 'cache') };
const model = join(folder, 'colours.safetensors');
const images = join(folder, 'images');

before(async () => {
  writeColourNetwork(model, ['blue', 'green', 'red'], [2, 1, 0]);
  await paintAll(images, {
    'val/blue/1.png': 'blue', 'val/blue/2.png': 'red', 'val/green/1.png': 'green', 'val/green/2.png': 'broken', 'val/red/1.jpg': 'red',
    'train/red/1.png': 'green',
  }); // biome-ignore format: a table
});

const evaluate = (...words: string[]) => nasnet(['evaluate', '--threads', '1', ...words], environment);

test('the validation part of a folder of class folders, as a document', () => {
  const { code, stdout, stderr } = evaluate(model, images, '--json');
  assert.equal(code, 0, stderr);
  const { accuracy, classAccuracies, unreadable, ...others } = JSON.parse(stdout);
  assert.deepEqual([accuracy, classAccuracies], [0.75, [0.5, 1, 1]]);
  assert.deepEqual([others.images, others.data, others.classes], [4, join(images, 'val'), ['blue', 'green', 'red']]);
  assert.match(unreadable[0], /green\/2\.png: expected an image/);
  assert.match(stderr, /Evaluating on 5 images of .*val/);
});

test('as text, it states the effect of the unreadable image', () => {
  const { code, stdout } = evaluate(model, join(images, 'val'), '--batch', '1');
  assert.equal(code, 0);
  assert.match(stdout, /^75\.00% of 4 test images right, balanced 83\.33%, loss \d\.\d{4}, /);
  assert.match(stdout, /^ {2}blue {17}50\.0%$/m);
  assert.match(stdout, /1 image could not be read: .*2\.png.*; they are not counted \(as wrong answers: 60\.00%\)/);
});

test('a network at another scale than in its training causes a warning, and --enlarge restores that scale', async () => {
  const shrunk = join(folder, 'other scale.safetensors');
  const description = { ...writeColourNetwork(shrunk, ['blue', 'green', 'red'], [2, 1, 0]), trainedEnlarge: 1.25 };
  writeModel(shrunk, readModel(shrunk).network, description);
  const val = join(images, 'val');
  const warned = evaluate(shrunk, val);
  assert.equal(warned.code, 0);
  assert.match(
    warned.stderr,
    /other scale\.safetensors: trained on images enlarged by 1\.25, tested on images enlarged by 1, which costs accuracy/,
  );
  const rightly = evaluate(shrunk, val, '--enlarge', '1.25');
  assert.equal(rightly.code, 0);
  assert.doesNotMatch(rightly.stderr, /enlarged/);
  const mended = join(folder, 'mended.safetensors');
  assert.equal(nasnet(['export', shrunk, '--enlarge', '1.25', '-o', mended], environment).code, 0);
  assert.equal(readModelDescription(mended).preprocessing.enlarge, 1.25);
  assert.doesNotMatch(evaluate(mended, val).stderr, /enlarged/);
  assert.doesNotMatch(evaluate(model, val).stderr, /enlarged/);
  const { code, stderr } = evaluate(model, val, '--enlarge', '0.5');
  assert.deepEqual([code, stderr], [2, 'nasnet: --enlarge: expected a factor from 1 to 4, such as 1.25, got 0.5\n']);
});

test('of the folder that a network was trained on, the images held out for the test are used, as with --dataset', async () => {
  const photos = join(folder, 'photos');
  const pictures = ['blue', 'green', 'red'].flatMap((name) =>
    Array.from({ length: 12 }, (_, index) => [`${name}/${index}.png`, name as 'red']),
  );
  await paintAll(photos, Object.fromEntries(pictures));
  const trained = join(folder, 'trained.safetensors');
  const description = writeColourNetwork(trained, ['blue', 'green', 'red'], [2, 1, 0]);
  writeModel(trained, readModel(trained).network, { ...description, origin: 'trained by nasnet 0.2.0 on photos' });
  const [folderGiven, dataset, elsewhere] = [
    [trained, photos],
    [trained, '--dataset', photos],
    [model, photos],
  ].map((words) => evaluate(...words, '--json'));
  const { imagesPerSecond: _, ...figures } = JSON.parse(folderGiven!.stdout);
  const { imagesPerSecond: __, ...wanted } = JSON.parse(dataset!.stdout);
  assert.deepEqual(figures, wanted);
  assert.equal(figures.images, 6);
  assert.match(folderGiven!.stderr, /photos: the network was trained on this folder, so its test images are used/);
  assert.equal(JSON.parse(elsewhere!.stdout).images, 36, 'a network that was trained on something else');
});

test("ImageNet's three layouts agree, for 1,000 classes and for 1,001", async () => {
  // The challenge's first two images are a sea snake (65, 490 in the devkit) and an alp (970, 361): here a red and a
  // green one.
  const pictures = { 'ILSVRC2012_val_00000001.JPEG': 'red', 'ILSVRC2012_val_00000002.JPEG': 'blue' } as const;
  const flat = await paintAll(join(folder, 'flat'), pictures);
  const wnids = await paintAll(join(folder, 'val'), {
    'n01751748/ILSVRC2012_val_00000001.JPEG': 'red',
    'n09193705/ILSVRC2012_val_00000002.JPEG': 'blue',
  });
  const truth = join(folder, 'ILSVRC2012_validation_ground_truth.txt');
  writeFileSync(truth, '490\n361\n');
  const numbers = join(folder, 'val.txt');
  writeFileSync(numbers, 'ILSVRC2012_val_00000002.JPEG 970\nILSVRC2012_val_00000001.JPEG 65\n');
  const networks = ([0, 1] as const).map((offset) => {
    const path = join(folder, `imagenet-${offset}.safetensors`);
    writeColourNetwork(path, imagenetNames(offset === 0 ? 1000 : 1001), [65 + offset, 970 + offset, 3]);
    return { path, offset };
  });
  const layouts = [[wnids], [flat, '--labels', truth], [flat, '--labels', numbers]];
  const cases = networks.flatMap(({ path, offset }) => layouts.map((layout) => ({ offset, words: [path, ...layout] })));
  const results = nasnets(
    cases.map(({ words }) => ['evaluate', '--threads', '1', '--json', ...words]),
    environment,
  );
  for (const [index, { offset, words }] of cases.entries()) {
    const { code, stdout, stderr } = results[index]!;
    assert.equal(code, 0, stderr);
    const { accuracy, topFiveAccuracy, images: count, classAccuracies } = JSON.parse(stdout);
    // The blue image is taken for class 3; its own class, 970, has the next logit: logits in proportion to 220, 60 and
    // 60.
    assert.deepEqual([accuracy, topFiveAccuracy, count], [0.5, 1, 2], words.join(' '));
    assert.deepEqual([classAccuracies[65 + offset], classAccuracies[970 + offset], classAccuracies[5]], [1, 0, null]);
  }
});

test('classes that are named by wnid are shown by their names', async () => {
  const few = await paintAll(join(folder, 'few'), { 'n01440764/0.png': 'red', 'n03888257/0.png': 'blue' });
  const network = join(folder, 'wnids.safetensors');
  writeColourNetwork(network, ['n01440764', 'n03888257', 'n09193705'], [0, 1, 2]);
  const { stdout, stderr } = evaluate(network, few);
  assert.match(stdout, /^ {2}tench +\d.*\n {2}parachute +\d/m, stderr);
});

test('Ctrl-C saves the counts, and the next run has the figures of an uninterrupted one', async () => {
  const many = join(folder, 'many');
  const pictures = Object.fromEntries(
    Array.from({ length: 300 }, (_, index) => [`red/${index}.png`, (['red', 'blue', 'green'] as const)[index % 3]!]),
  );
  await paintAll(many, pictures);
  const words = ['evaluate', model, many, '--batch', '1', '--threads', '1', '--json'];
  const child = spawn(process.execPath, nodeArguments(words), { env: { ...process.env, ...environment } });
  let said = '';
  child.stderr.on('data', (chunk) => {
    said += chunk;
    if (/Evaluating on 300 images/.test(said) && !/Stopping/.test(said)) child.kill('SIGINT');
  });
  const { promise, resolve } = Promise.withResolvers<number | null>();
  child.on('close', resolve);
  assert.equal(await promise, 130, said);
  assert.match(said, /stopped after \d+ of 300 images, all saved; run the same command to resume\n$/);
  const { code, stdout, stderr } = nasnet(words, environment);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /Resuming after \d+ of 300 images/);
  const { images: count, accuracy } = JSON.parse(stdout);
  assert.deepEqual([count, accuracy], [300, 1 / 3]);
  assert.deepEqual(readdirSync(join(environment.NASNET_CACHE, 'evaluations')), []);
  const limited = JSON.parse(evaluate(model, many, '--limit', '30', '--json').stdout);
  assert.equal(limited.images, 30);
});

test('inconsistent input is refused in one sentence', () => {
  const refused: [string[], RegExp][] = [
    [[model], /: expected CIFAR-10's classes; for others give a folder of images, got "blue", "green", "red"$/m],
    [[model, folder], /expected folders named as the network's classes \("blue", "green", "red"\), got "/],
    [[model, images, '--dataset', images], /^nasnet: --dataset: expected it or a folder of images, got both/],
    [[model, images, '--label-order', 'devkit'], /^nasnet: --label-order: expected --labels with it, got none\n$/],
    [[model, '--labels', 'x.txt'], /^nasnet: --labels: expected a folder of images with it/],
    [[model, images, '--label-order', 'by name'], /: expected one of sorted, sorted-from-1, devkit, got "by name"/],
  ];
  const results = nasnets(
    refused.map(([words]) => ['evaluate', ...words]),
    environment,
  );
  for (const [index, [words, sentence]] of refused.entries()) {
    const { code, stdout, stderr } = results[index]!;
    assert.deepEqual([code, stdout], [2, ''], words.join(' '));
    assert.match(stderr, sentence);
    assert.equal(stderr.trim().split('\n').length, 1, stderr);
  }
});
