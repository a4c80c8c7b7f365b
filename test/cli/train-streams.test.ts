// `nasnet train` on streamed pictures: what is stated and stored, the figure that evaluate repeats, and a training that
// is killed ten times.

import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { waitingShareOf } from '../../src/cli/training/training-summary.ts';
import { pictureDecoder } from '../../src/data/picture-decoder.ts';
import { readModelDescription } from '../../src/model/model-file.ts';
import { temporaryFolder } from '../data/temporary.ts';
import { jpeg, type Labelled, writeClassTar, writeFolders, writeTfrecords } from '../streams/written.ts';
import { killedAfter } from './killed.ts';
import { nasnet, nasnets } from './run.ts';

const folder = temporaryFolder({ after });
const environment = { NASNET_CACHE: join(folder, 'cache') };
const classes = ['ant', 'bee', 'cat'];
let all: Labelled[];
let archive: string;

before(async () => {
  all = [];
  for (const [label, name] of classes.entries())
    for (let number = 0; number < 12; number++)
      all.push({ name: `${name}/${name}_${number}.JPEG`, label, bytes: await jpeg(30 * label + number) });
  archive = writeClassTar(join(folder, 'pictures.tar'), all);
});

const shared = ['--size', '32', '--filters', '4', '--batch-size', '6', '--threads', '1'];
const training = (dataset: string, output: string, ...words: string[]) => [
  ...['train', 'nasnet-a:0', '--dataset', dataset, ...shared, '-o', join(folder, output), ...words],
];

test('an archive is streamed; the model file says how pictures are shown, and evaluate repeats the figure', () => {
  const { code, stdout, stderr } = nasnet(
    training(archive, 'a.safetensors', '--recipe', 'imagenet-fast', '--epochs', '2', '--json'),
    environment,
  );
  assert.equal(code, 0, stderr);
  assert.match(stderr, /3 classes, 30 pictures to train on, 6 to test on, held out of them/);
  assert.match(stderr, /Pictures are streamed from there \(an archive or shards\)/);
  assert.match(stderr, /statistics have a decay of 0.9 instead of 0.99, which takes more than these 8 steps/);
  assert.match(stderr, /epoch 2: .*% of the time waiting for pictures/);
  const { test: tested, epochs } = JSON.parse(stdout);
  assert.equal(tested.images, 6);
  assert.ok(waitingShareOf(epochs)! >= 0);
  for (const { details } of epochs) assert.ok(details.waitingShare >= 0 && details.waitingShare <= 1);
  const { preprocessing, classes: stored } = readModelDescription(join(folder, 'a.safetensors'));
  assert.deepEqual(stored, classes);
  assert.deepEqual(preprocessing, {
    mean: [127.5, 127.5, 127.5],
    deviation: [127.5, 127.5, 127.5],
    centralFraction: 0.875,
    aspect: 'stretch',
    interpolation: 'bilinear',
    decoder: pictureDecoder(),
  });
  const again = nasnet(['evaluate', join(folder, 'a.safetensors'), archive, '--json'], environment);
  assert.equal(again.code, 0, again.stderr);
  const { accuracy, images, loss } = JSON.parse(again.stdout);
  assert.deepEqual([accuracy, images], [tested.accuracy, tested.images]);
  assert.ok(Math.abs(loss - tested.loss) < 1e-5);
});

test('weights of another training are fine-tuned on streamed pictures, mixed and changed, with two seeds', () => {
  const from = join(folder, 'first.safetensors');
  const [first, tuned] = [
    training(archive, 'first.safetensors', '--recipe', 'imagenet-fast', '--epochs', '1'),
    training(
      ...([writeTfrecords(join(folder, 'others'), all, [36]), 'tuned.safetensors', '--from', from] as const),
      ...['--recipe', 'fine-tune', '--epochs', '2', '--freeze-epochs', '1', '--seeds', '2', '--json'],
      ...['--mixup', '0.2', '--cutmix', '1', '--rand-augment', '2:9', '--erasing', '0.5'],
    ),
  ].map((words) => nasnet(words, environment));
  assert.equal(first!.code, 0, first!.stderr);
  assert.equal(tuned!.code, 0, tuned!.stderr);
  assert.match(tuned!.stderr, /Beginning with the weights of .*first.safetensors .* with a new head for 3 classes/);
  assert.doesNotMatch(tuned!.stderr, /this training shows/, 'pictures are shown as before');
  const { seeds, recipe } = JSON.parse(tuned!.stdout);
  assert.equal(seeds.runs.length, 2);
  assert.deepEqual(
    [recipe.mixup, recipe.cutmix, recipe.randAugment, recipe.erasing],
    [0.2, 1, { operations: 2, magnitude: 9 }, 0.5],
  );
});

test('random parts of pictures are not enlarged, whatever the weights they begin with saw', () => {
  const [from, output] = [join(folder, 'enlarged.safetensors'), join(folder, 'parts.safetensors')];
  const [first, tuned, evaluated] = [
    training(archive, 'enlarged.safetensors', '--augment', 'enlarge', '--epochs', '1'),
    training(archive, 'parts.safetensors', '--from', from, '--recipe', 'fine-tune', '--epochs', '1', '--json'),
    ['evaluate', output, archive],
  ].map((words) => nasnet(words, environment));
  assert.equal(first!.code, 0, first!.stderr);
  assert.equal(tuned!.code, 0, tuned!.stderr);
  assert.match(tuned!.stderr, /These weights saw images enlarged by 1.25, this training shows them enlarged by 1\n/);
  assert.equal(JSON.parse(tuned!.stdout).recipe.enlarge, 1);
  assert.equal(readModelDescription(output).trainedEnlarge, 1);
  assert.equal(evaluated!.code, 0, evaluated!.stderr);
  assert.doesNotMatch(evaluated!.stderr + evaluated!.stdout, /enlarge/);
});

test('the streamed pictures of a folder give the accuracies of its prepared ones where both show the same', () => {
  const folders = writeFolders(join(folder, 'photos'), all);
  const words = ['--recipe', 'small', '--epochs', '1', '--augment', 'none', '--flip', 'none', '--json'];
  const [prepared, streamed] = [[], ['--stream']].map((more, place) => {
    const { code, stdout, stderr } = nasnet(training(folders, `b${place}.safetensors`, ...words, ...more), environment);
    assert.equal(code, 0, stderr);
    return { document: JSON.parse(stdout), stderr };
  });
  assert.doesNotMatch(prepared!.stderr, /streamed/);
  assert.match(streamed!.stderr, /--stream\)/);
  assert.equal(streamed!.document.test.images, prepared!.document.test.images);
  assert.deepEqual(streamed!.document.test.classImages, prepared!.document.test.classImages);
  const { centralFraction, aspect } = readModelDescription(join(folder, 'b1.safetensors')).preprocessing;
  assert.deepEqual([centralFraction, aspect], [1, 'shorter-side']);
});

test('a training that is killed ten times, also while it validates, ends with the same bits', async () => {
  const records = writeTfrecords(join(folder, 'records'), all, [20, 16]);
  const words = (output: string) => {
    mkdirSync(join(folder, output), { recursive: true });
    const recipe = [
      '--recipe',
      'imagenet-paper',
      '--auxiliary-weight',
      '0',
      '--epochs',
      '8',
      '--checkpoint-every',
      '0s',
    ];
    return training(records, join(output, 'network.safetensors'), ...recipe);
  };
  const through = nasnet(words('through'), environment);
  assert.equal(through.code, 0, through.stderr);
  const file = join(folder, 'killed', 'network.safetensors.checkpoint');
  for (let kills = 0; kills < 10; kills++) {
    const writes = 1 + (kills % 3);
    assert.ok(await killedAfter(words('killed'), { file, writes, environment }), `it ended after ${kills} kills`);
  }
  const last = nasnet(words('killed'), environment);
  assert.equal(last.code, 0, last.stderr);
  assert.match(last.stderr, /Resuming from .*network.safetensors.checkpoint/);
  const bytes = (output: string) => readFileSync(join(folder, output, 'network.safetensors'));
  assert.ok(bytes('killed').equals(bytes('through')));
  const figures = (stderr: string) =>
    [...stderr.matchAll(/^(epoch \d+: loss [\d.]+, validation accuracy [\d.]+%)/gm)].map(([, line]) => line);
  assert.equal(figures(last.stderr).length, 8);
  assert.deepEqual(figures(last.stderr), figures(through.stderr));
  const left = readdirSync(join(folder, 'killed')).filter((name) => name.includes('checkpoint'));
  assert.deepEqual(left, [], 'its checkpoints are removed');
});

test('the share of waiting is that of the time, not of the epochs, and prepared images have none', () => {
  const epoch = (imagesPerSecond: number, waitingShare: number) => ({
    epoch: 1,
    imagesPerSecond,
    details: { waitingShare },
  });
  // 100 images: 10 s with 5 s of waiting, then 2 s without
  assert.ok(Math.abs(waitingShareOf([epoch(10, 0.5), epoch(50, 0)])! - 5 / 12) < 1e-12);
  assert.equal(waitingShareOf([{ epoch: 1, imagesPerSecond: 10, details: {} }]), undefined);
});

test('what cannot be streamed or prepared is refused in a sentence', () => {
  const refused: [string[], RegExp][] = [
    [['--dataset', 'cifar10', '--stream'], /^--stream: expected a folder or an archive of pictures, got cifar10/],
    [['--dataset', archive, '--no-stream'], /^--no-stream: expected a folder with a sub-folder for each class, got /],
    [['--dataset', 'cifar10', '--test', archive], /^--test: expected streamed pictures with it/],
    [['--dataset', archive, '--recipe', 'fine-tune'], /^--recipe fine-tune: expected --from with it/],
    [['--dataset', 'cifar10', '--mixup', '0.2'], /^--mixup: expected streamed pictures with it/],
    [['--dataset', archive, '--erasing', '0.2'], /^--erasing: expected a recipe that shows random parts of pictures/],
    [
      ['--dataset', archive, '--recipe', 'imagenet-fast', '--augment', 'enlarge'],
      /^--augment: expected none with imagenet-fast, which shows random parts of streamed pictures, got enlarge/,
    ],
    [['--dataset', archive, '--rand-augment', '2:11'], /^--rand-augment: expected N:M with M from 0 to 10/],
    [['--dataset', archive, '--checkpoint-every', 'often'], /^--checkpoint-every: expected a time such as 90s/],
  ];
  const ended = nasnets(
    refused.map(([words]) => ['train', 'nasnet-a:0', '--filters', '4', ...words, '-o', join(folder, 'c.safetensors')]),
    environment,
  );
  for (const [place, { code, stderr }] of ended.entries()) {
    assert.equal(code, 2, stderr);
    assert.match(stderr.replace(/^(error|nasnet): /i, ''), refused[place]![1]);
  }
});
