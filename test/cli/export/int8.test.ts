// `nasnet export --int8` as a user runs it: what it writes and says, and refusals.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import sharp from 'sharp';
import { writeModel } from '../../../src/model/model-file.ts';
import { RandomStream } from '../../../src/random/stream.ts';
import { nasnetA } from '../../../src/space/published.ts';
import { temporaryFolder } from '../../data/temporary.ts';
import { example } from '../../export/onnx/networks.ts';
import { readModel } from '../../export/onnx/wire.ts';
import * as run from '../run.ts';

const folder = temporaryFolder({ after });
const nasnets = (lines: string[][]) => run.nasnets(lines, {}, folder);

const classes = ['cats', 'dogs'];
const { network, description } = example(nasnetA, { cells: 0, filters: 4, input: [16, 16], classes: 2 }, 1);
writeModel(join(folder, 'pets.safetensors'), network, { ...description, classes });

const random = new RandomStream(1);
const noise = async (path: string) => {
  const pixels = Uint8Array.from({ length: 20 * 20 * 3 }, () => random.integer(256));
  await sharp(pixels, { raw: { width: 20, height: 20, channels: 3 } })
    .png()
    .toFile(join(folder, path));
};
for (const name of ['pets/cats', 'pets/dogs', 'birds/owls', 'photos', 'none'])
  mkdirSync(join(folder, name), { recursive: true });
for (let index = 0; index < 5; index++)
  for (const name of ['pets/cats', 'pets/dogs', 'photos']) await noise(`${name}/${index}.png`);
await noise('birds/owls/0.png');
writeFileSync(join(folder, 'pets', 'cats', 'broken.jpg'), 'no image');

const int8 = (output: string, ...words: string[]) => ['export', 'pets.safetensors', '-o', output, '--int8', ...words];

test('class folders: half of the images for the ranges, the others for the accuracy; the file and the answer say the same', () => {
  const [text, document, again] = nasnets([
    int8('one.onnx', '--calibrate', 'pets'),
    int8('other.onnx', '--calibrate', 'pets', '--json', '--ranges', 'percentile', '--weight-bits', '7', '--seed', '3'),
    int8('again.onnx', '--calibrate', 'pets'),
  ]) as [run.Ended, run.Ended, run.Ended];
  assert.equal(text.code, 0, text.stderr);
  assert.match(
    text.stdout,
    new RegExp(
      [
        '^one.onnx: [\\d.]+ kB',
        '\\d+ nodes, opset 17',
        "onnxruntime's float32 logits differ by at most \\S+, relative to the largest, on 4 images",
        '8 bits \\(weights 8\\): \\d+% of the [\\d.]+ kB in float32; ranges by min-max on [56] images of pets',
        'accuracy on 5 other images of pets: float32 \\S+%, int8 \\S+% \\(.* points\\); the same answer for \\S+%',
        'onnxruntime, one image, .*: float32 \\S+ ms, int8 \\S+ ms \\(\\S+×\\)',
        'onnxruntime, 32 images, .*',
        '$',
      ].join('\n'),
    ),
  );
  assert.match(text.stderr, /broken\.jpg: expected an image/);
  assert.deepEqual(readFileSync(join(folder, 'one.onnx')), readFileSync(join(folder, 'again.onnx')), again.stderr);

  assert.equal(document.code, 0, document.stderr);
  const { int8: own, files } = JSON.parse(document.stdout);
  const bytes = readFileSync(join(folder, 'other.onnx'));
  assert.equal(files[0].bytes, bytes.length);
  const { metadata } = readModel(bytes);
  assert.deepEqual(JSON.parse(metadata.quantisation!), own.record);
  const { weightBits, ranges, calibration, accuracy } = own.record;
  assert.deepEqual([weightBits, ranges, calibration.seed, calibration.of], [7, 'percentile', 3, 'pets']);
  assert.equal(calibration.images + accuracy.images, 10); // the broken one is among either
  assert.equal(accuracy.right.int8 - accuracy.right.float32, accuracy.right.onlyInt8 - accuracy.right.onlyFloat32);
});

test('images without classes: equal answers are counted; a page takes 8 bits as well', () => {
  const [page] = nasnets([
    int8('page.html', '--calibrate', 'photos', '--calibration-images', '2', '--test-images', '2'),
  ]);
  assert.equal(page!.code, 0, page!.stderr);
  assert.match(page!.stderr, /photos: no class folders, so the answers are compared and no accuracy is measured/);
  assert.match(page!.stdout, /on 2 images of photos\nthe same answer for \S+% of 2 other images of photos\n/);
});

test('refusals are one sentence each', () => {
  const cases: [string[], RegExp][] = [
    [int8('x.onnx'), /^nasnet: --int8: expected --calibrate with images such as the network will see .*, got none\n$/],
    [
      int8('x.onnx', '--calibrate', 'nowhere'),
      /^nasnet: --calibrate: expected cifar10, a folder .*, got nowhere, .*\n$/,
    ],
    [int8('x.onnx', '--calibrate', 'none'), /^(.*\n)?nasnet: --calibrate: expected images in none, got none\n$/],
    [
      int8('x.onnx', '--calibrate', 'birds'),
      /^nasnet: birds: expected folders named .* \("cats", "dogs"\), got "owls"\n$/,
    ],
    [int8('x.onnx', '--calibrate', 'cifar10'), /^nasnet: pets\.safetensors: expected CIFAR-10's classes.*\n$/],
    [int8('x.json'), /^nasnet: --int8: expected the format onnx or html, got json\n$/],
    [int8('x.onnx', '--weight-bits', '4'), /^nasnet: .*--weight-bits.* 8 or 7, got "4"\n$/],
    [
      ['export', 'pets.safetensors', '-o', 'x.onnx', '--ranges', 'percentile'],
      /^nasnet: --ranges: expected --int8 with it\n$/,
    ],
  ];
  for (const [index, { code, stderr }] of nasnets(cases.map(([words]) => words)).entries()) {
    assert.equal(code, 2, stderr);
    assert.match(stderr, cases[index]![1]);
  }
});
