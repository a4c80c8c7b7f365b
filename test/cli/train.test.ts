// `nasnet train` on a folder of images, in all layouts.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { readModelDescription } from '../../src/model/model-file.ts';
import { paintDarkAndLight } from '../data/paint.ts';
import { temporaryFolder } from '../data/temporary.ts';
import { nasnets } from './run.ts';

const folder = temporaryFolder({ after });
const photos = join(folder, 'photos');
const environment = { NASNET_CACHE: join(folder, 'cache') };

before(() => paintDarkAndLight(photos, { count: 15, side: 48 }));

test("a named network is trained in its own layout, others in CIFAR's unless --layout names another", () => {
  const shared = [
    '--dataset',
    photos,
    '--size',
    '48',
    '--epochs',
    '1',
    '--batch-size',
    '8',
    '--filters',
    '4',
    '--json',
  ];
  const train = (model: string, ...flags: string[]) => {
    const weights = join(folder, `${[model.replace(':', '-'), ...flags].join('')}.safetensors`);
    return { weights, words: ['train', model, ...shared, ...flags, '-o', weights] };
  };
  const trainings = [
    train('nasnet-a:mobile', '--optimizer', 'rmsprop', '--schedule', 'exponential'),
    train('nasnet-a:0'),
    train('nasnet-a:0', '--layout', 'imagenet'),
    train('nasnet-a:mobile', '--layout', 'cifar'),
  ];
  const ended = nasnets(
    trainings.map(({ words }) => words),
    environment,
  );
  for (const { code, stderr } of ended) assert.equal(code, 0, stderr);
  const networks = trainings.map(({ weights }) => readModelDescription(weights).network);
  const imagenet = { layout: 'imagenet', filters: 4, input: [48, 48], stemChannels: 32, skipReductionInput: false };
  const cifar = { layout: 'cifar', filters: 4, input: [48, 48] };
  assert.deepEqual(networks, [
    { ...imagenet, cells: 4 },
    { ...cifar, cells: 0 },
    { ...imagenet, cells: 0 },
    { ...cifar, cells: 4 },
  ]);
});

test('a recipe with every technique trains, prints the accuracy of averaged and last weights, and saves the averaged ones', () => {
  const weights = join(folder, 'recipe.safetensors');
  const sizes = ['--dataset', photos, '--size', '16', '--filters', '4', '--epochs', '2'];
  const shorter = ['--recipe', 'darts', '--auxiliary-weight', '0', '--batch-size', '8', '--drop-path-keep', '0.9'];
  const techniques = ['--average-weights', '1', '--label-smoothing', '0.1', '--accumulate', '2', '--flip', 'alternate'];
  const more = ['--warmup', '0.2', '--bias-rate', '4', '--grow', '0.5:0.5', '-o', weights];
  const [ended] = nasnets([['train', 'nasnet-a:0', ...sizes, ...shorter, ...techniques, ...more]], environment);
  assert.equal(ended!.code, 0, ended!.stderr);
  assert.match(ended!.stderr, /epoch 1: .* validation accuracy \d+\.\d\d% at 8 × 8 pixels, /);
  assert.match(ended!.stderr, /epoch 2: .* validation accuracy \d+\.\d\d% \(of the last weights \d+\.\d\d%\)/);
  const page = readFileSync(join(folder, 'recipe.training.html'), 'utf8');
  assert.match(page, /Up to epoch 1 images are smaller, those held out too: there 8 × 8 pixels\./);
  const again = nasnets([['evaluate', weights, photos, '--json']], environment)[0]!;
  assert.equal(again.code, 0, again.stderr);
});

test('a network that does not fit in memory is refused before it is trained', () => {
  const [ended] = nasnets(
    [
      [
        'train',
        'nasnet-a:200',
        '--filters',
        '10000',
        '--dataset',
        photos,
        '--size',
        '48',
        '-o',
        join(folder, 'huge.safetensors'),
      ],
    ],
    environment,
  );
  assert.equal(ended!.code, 2);
  assert.match(
    ended!.stderr,
    /nasnet: training: expected at most \S+ [GM]B of memory, .* a smaller --batch-size, a larger --accumulate, a smaller --size, --filters or N takes less; --ignore-memory starts anyway\n$/,
  );
});

test('a name of weights that other commands would not recognise is refused before the training', () => {
  const words = ['train', 'nasnet-a:0', '--filters', '4', '--dataset', photos, '-o', join(folder, 'mine')];
  const [ended] = nasnets([words], environment);
  assert.equal(ended!.code, 2);
  assert.match(ended!.stderr, /^nasnet: --output: expected a file name that ends with \.safetensors, got ".*mine"\n$/);
});
