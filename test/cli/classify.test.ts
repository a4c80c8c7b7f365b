// `nasnet classify` as a user runs it, with a network that answers the colour of an image.

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { imagenetNames } from '../../src/data/imagenet-classes.ts';
import { colours, paintAll } from '../data/paint.ts';
import { temporaryFolder } from '../data/temporary.ts';
import { fullLogit, writeColourNetwork } from '../model/colour-network.ts';
import { nasnet, nasnets } from './run.ts';

const folder = temporaryFolder({ after });
const model = join(folder, 'colours.safetensors');
const images = join(folder, 'images');

before(async () => {
  writeColourNetwork(model, ['sea', 'lawn', 'brick', 'night'], [2, 1, 0]);
  await paintAll(images, {
    'one.png': 'red',
    'deep/two.jpg': 'green',
    'deep/er/three.webp': 'blue',
    'deep/four.png': 'broken',
  });
});

test('images and folders are classified in their order, with the softmax of known logits', () => {
  const { code, stdout, stderr } = nasnet([
    'classify',
    '--threads',
    '1',
    model,
    join(images, 'deep'),
    join(images, 'one.png'),
    '--json',
    '--batch',
    '2',
    '--top',
    '3',
  ]);
  assert.equal(code, 0, stderr);
  const { images: found, unreadable } = JSON.parse(stdout);
  assert.deepEqual(
    found.map(({ file, classes }: { file: string; classes: { name: string }[] }) => [file, classes[0]!.name]),
    [
      [join(images, 'deep/er/three.webp'), 'sea'],
      [join(images, 'deep/two.jpg'), 'lawn'],
      [join(images, 'one.png'), 'brick'],
    ],
  );
  const logits = [...colours.red].map((byte) => (fullLogit * byte) / 255); // brick, lawn, sea; night has 0
  const total = logits.reduce((sum, logit) => sum + Math.exp(logit), 1);
  const probabilities = found[2].classes.map(({ probability }: { probability: number }) => probability);
  for (const [place, logit] of logits.entries()) {
    assert.ok(Math.abs(probabilities[place] - Math.exp(logit) / total) < 0.001);
  }
  assert.equal(unreadable.length, 1);
  assert.match(unreadable[0], /deep\/four\.png: expected an image, got /);
  assert.match(stderr, /four\.png.*\n1 of 4 images could not be read\n$/);
});

test('as text, the best class is next to the file and the others below', () => {
  const { code, stdout, stderr } = nasnet(['classify', '--threads', '1', model, join(images, 'one.png'), '--top', '9']);
  assert.deepEqual([code, stderr], [0, '']);
  const [first, ...others] = stdout.trimEnd().split('\n');
  assert.match(first!, /one\.png: brick 98\.\d%$/);
  assert.equal(others.length, 3, 'as many as there are classes');
  assert.match(others[2]!, /^ +0\.\d% {2}night$/);
});

test("ImageNet's classes come with their wnids, whether the network has 1,000 or 1,001", () => {
  const networks = ([1000, 1001] as const).map((count) => {
    const path = join(folder, `imagenet-${count}.safetensors`);
    const names = imagenetNames(count);
    writeColourNetwork(path, names, [names.indexOf('banana'), 3, 4]);
    return path;
  });
  const words = [join(images, 'one.png'), '--json', '--top', '1'];
  for (const { code, stdout, stderr } of nasnets(networks.map((path) => ['classify', path, ...words]))) {
    assert.equal(code, 0, stderr);
    const [{ name, wnid }] = JSON.parse(stdout).images[0].classes;
    assert.deepEqual([name, wnid], ['banana', 'n07753592']);
  }
});

test("a class that is called by its wnid, as ImageNet's folders are, gets its name", () => {
  const network = join(folder, 'wnids.safetensors');
  writeColourNetwork(network, ['n01440764', 'n07753592', 'other'], [1, 0, 2]);
  const [document, text] = nasnets([
    ['classify', network, join(images, 'one.png'), '--json', '--top', '1'],
    ['classify', network, join(images, 'one.png'), '--top', '1'],
  ]);
  const [{ name, wnid }] = JSON.parse(document!.stdout).images[0].classes;
  assert.deepEqual([name, wnid], ['banana', 'n07753592']);
  assert.match(text!.stdout, /one\.png: banana \d/);
});

test('unreadable images are exit code 1, invalid arguments 2, each in one sentence', () => {
  const cases: [string[], number, RegExp][] = [
    [[model, join(images, 'deep/four.png')], 1, /^nasnet: .*four\.png: expected an image, got [^\n]+\n$/m],
    [[model, join(images, 'none.png')], 2, /none\.png: expected an image or a folder of images, got no such file\n$/],
    [[join(images, 'one.png'), model], 2, /^nasnet: .*one\.png: expected a safetensors file[^\n]+\n$/],
    [[model, images, '--top', 'many'], 2, /^nasnet: --top: expected a whole number of at least 1, got "many"\n$/],
  ];
  const results = nasnets(cases.map(([words]) => ['classify', ...words]));
  for (const [index, [words, wanted, sentence]] of cases.entries()) {
    const { code, stdout, stderr } = results[index]!;
    assert.deepEqual([code, stdout], [wanted, ''], `${words}: ${stderr}`);
    assert.match(stderr, sentence);
  }
});

test('a folder without images is refused with a count of its other files', () => {
  const empty = join(folder, 'notes');
  mkdirSync(empty);
  writeFileSync(join(empty, 'a.txt'), 'no image');
  const { code, stderr } = nasnet(['classify', model, empty]);
  assert.equal(code, 2);
  assert.equal(stderr, `nasnet: ${empty}: expected images in this folder, found none (omitted: 1 .txt)\n`);
});

test('names of images and classes cannot control the terminal', async () => {
  const steering = 'x\x1b]0;owned\x07\x1b[2J\nnasnet: all fine \u202e';
  const network = join(folder, 'steering.safetensors');
  writeColourNetwork(network, [steering, 'lawn', 'brick'], [0, 1, 2]);
  const odd = join(folder, 'odd');
  await paintAll(odd, { [`a${steering}.png`]: 'red', [`b${steering}.png`]: 'broken' });
  const ended = nasnets([
    ['classify', network, odd, '--top', '3'],
    ['classify', network, odd, '--json'],
    ['evaluate', network, odd],
  ]);
  for (const { stdout, stderr } of ended) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what must not be printed
    assert.doesNotMatch(stdout + stderr, /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/);
    assert.doesNotMatch(stdout + stderr, /^nasnet: all fine/m);
  }
  assert.match(ended[0]!.stdout, /ax\\x1b\]0;owned\\x07\\x1b\[2J\\nnasnet: all fine \\u202e\.png: x\\x1b/);
  assert.equal(JSON.parse(ended[1]!.stdout).images[0].classes[0].name, steering);
});
