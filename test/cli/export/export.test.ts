// `nasnet export` as a user runs it: the file and the output of every format, and refusals.

import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import sharp from 'sharp';
import { noGrad } from '../../../src/engine/memory.ts';
import { readModel, writeModel } from '../../../src/model/model-file.ts';
import { planNetwork, planParameters } from '../../../src/plan/plan.ts';
import { nasnetA } from '../../../src/space/published.ts';
import { temporaryFolder } from '../../data/temporary.ts';
import { example } from '../../export/onnx/networks.ts';
import type { Ended } from '../run.ts';
import * as run from '../run.ts';

const folder = temporaryFolder({ after });
const renamed = ({ code, ...said }: Ended) => ({ status: code, ...said });
const nasnet = (...words: string[]) => renamed(run.nasnet(words, {}, folder));
const nasnets = (lines: string[][]) => run.nasnets(lines, {}, folder).map(renamed);

const { network, description } = example(nasnetA, { cells: 1, filters: 4, input: [16, 16], classes: 10 }, 1);
writeModel(join(folder, 'trained.safetensors'), network, description);

mkdirSync(join(folder, 'photos', 'below'), { recursive: true });
for (const [index, name] of ['a.png', 'below/b.png'].entries()) {
  const image = sharp({ create: { width: 30, height: 20, channels: 3, background: { r: 90 * index, g: 60, b: 200 } } });
  writeFileSync(join(folder, 'photos', name), await image.png().toBuffer());
}
writeFileSync(join(folder, 'photos', 'broken.jpg'), 'no image');

test('onnx: by the file’s ending, compared on random images and on those of a folder; unreadable ones are reported', () => {
  const { status, stdout, stderr } = nasnet(
    'export',
    'trained.safetensors',
    '-o',
    'trained.onnx',
    '--images',
    'photos',
  );
  assert.equal(status, 0, stderr);
  assert.match(
    stdout,
    /^trained\.onnx: [\d.]+ kB\n\d+ nodes, opset 17\nonnxruntime's logits differ by at most \d\.\de-\d+, .* on 6 images\n$/,
  );
  assert.match(stderr, /broken\.jpg: expected an image/);
});

test('onnx --json: one document with the sizes and the measured difference', () => {
  const { status, stdout } = nasnet(
    'export',
    'nasnet-a:0',
    '--filters',
    '4',
    '--layout',
    'cifar',
    '-o',
    'x',
    '--format',
    'onnx',
    '--json',
  );
  assert.equal(status, 0);
  const { files, largestDifference, ...rest } = JSON.parse(stdout);
  const plan = planNetwork(nasnetA, { cells: 0, filters: 4 });
  assert.deepEqual(rest, { model: 'nasnet-a:0', format: 'onnx', trainableParameters: plan.trainableParameters });
  assert.deepEqual(files, [{ path: 'x', bytes: readFileSync(join(folder, 'x')).length }]);
  assert.ok(largestDifference >= 0 && largestDifference <= 1e-4);
});

test('safetensors: the same tensors and the same description; initial weights are those of the seed, which is reported', () => {
  assert.equal(nasnet('export', 'trained.safetensors', '-o', 'copy.safetensors').status, 0);
  const copy = readModel(join(folder, 'copy.safetensors'));
  assert.deepEqual(copy.description, description);
  const own = network.stateDict();
  for (const [name, tensor] of Object.entries(copy.network.stateDict())) {
    assert.ok(noGrad(() => tensor.sub(own[name]!).abs().max().item()) === 0, name);
  }
  const words = ['export', 'nasnet-a:0', '--filters', '4', '--layout', 'cifar', '-o'];
  const { stderr } = nasnet(...words, 'first.safetensors', '--seed', '7');
  assert.match(stderr, /^nasnet-a:0: no weights; initial ones of seed 7 are exported\n$/);
  nasnet(...words, 'second.safetensors', '--seed', '7');
  assert.deepEqual(readFileSync(join(folder, 'first.safetensors')), readFileSync(join(folder, 'second.safetensors')));
});

test('json: sizes to the digit, every tensor, every layer', () => {
  assert.equal(nasnet('export', 'nasnet-a:mobile', '-o', 'mobile.json').status, 0);
  const document = JSON.parse(readFileSync(join(folder, 'mobile.json'), 'utf8'));
  assert.equal(document.trainableParameters, 5289978);
  assert.equal(document.totalParameters, 5326716);
  assert.equal(document.multiplyAdds, 563638816);
  assert.deepEqual(document.architecture, JSON.parse(JSON.stringify(nasnetA)));
  assert.deepEqual(document.endpoints.at(-1), { name: 'global_pool', shape: [1, 1, 1056] });
  const plan = planNetwork(nasnetA, { ...document.network, classes: document.classes.length });
  assert.deepEqual(
    Object.keys(document.tensors),
    planParameters(plan).map(({ name }) => name),
  );
  assert.deepEqual(document.layers.cells, JSON.parse(JSON.stringify(plan.cells)));
});

test('pytorch: the file and its weights, and the reason if they were not compared', () => {
  const { status, stdout } = nasnet('export', 'trained.safetensors', '-o', 'oaks.py', '--python', 'no-such-python');
  assert.equal(status, 0);
  assert.match(
    stdout,
    /^oaks\.py: [\d.]+ kB\noaks\.safetensors: [\d.]+ kB\nnot compared: no-such-python is not installed; /,
  );
  assert.match(readFileSync(join(folder, 'oaks.py'), 'utf8'), /from oaks import load, prepare/);
});

test('html: one file with the model, the runtime and a few pictures, compared like onnx', () => {
  const { status, stdout, stderr } = nasnet('export', 'trained.safetensors', '-o', 'page.html', '--images', 'photos');
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^page\.html: [\d.]+ MB\nonnxruntime's logits differ .* on 6 images\n/);
  const page = readFileSync(join(folder, 'page.html'), 'utf8');
  assert.doesNotMatch(page, /(src|href)="(?!data:)/);
  const pictures = JSON.parse(/id="pictures">(.*)<\/script>/.exec(page)![1]!);
  assert.deepEqual(
    pictures.map(({ name }: { name: string }) => name),
    ['a.png', 'b.png'],
  );
});

test('an impossible export is refused in a sentence, with exit code 2, and writes nothing', () => {
  const before = readdirSync(folder);
  const refused: [words: string[], sentence: RegExp][] = [
    [
      ['trained.safetensors', '-o', 'network.txt'],
      /--output: expected a file that ends in \.onnx, \.py, .*, got network\.txt/,
    ],
    [['trained.safetensors', '-o', 'my-network.py'], /my-network\.py: expected a name that Python can import/],
    [
      ['trained.safetensors', '-o', 'a.json', '--no-verify'],
      /--no-verify: expected the format onnx or pytorch or html, got json/,
    ],
    [
      ['trained.safetensors', '-o', 'a.py', '--images', 'photos'],
      /--images: expected the format onnx or html, got pytorch/,
    ],
    [['trained.safetensors', '-o', 'a.onnx', '--seed', '2'], /--seed: expected no such flag with trained\.safetensors/],
    [['trained.safetensors', '-o', 'a.onnx', '--classes', '5'], /--classes: expected no such flag/],
    [['trained.safetensors', '-o', 'a.onnx', '--images', 'none'], /--images: expected a folder, got ENOENT/],
    [
      ['trained.safetensors', '-o', 'photos', '--format', 'onnx'],
      /^nasnet: photos: expected a file to write, got a folder$/m,
    ],
    [['missing.safetensors', '-o', 'a.onnx'], /missing\.safetensors: expected a safetensors file, got no such file/],
  ];
  const results = nasnets(refused.map(([words]) => ['export', ...words]));
  for (const [index, [words, sentence]] of refused.entries()) {
    const { status, stdout, stderr } = results[index]!;
    assert.equal(status, 2, `${words}: ${stderr}`);
    assert.match(stderr, sentence);
    assert.equal(stdout, '');
  }
  assert.deepEqual(readdirSync(folder), before);
});
