// `nasnet import` on files without weights of NASNet-A: one sentence each, exit code 2, nothing written; and its output
// for one with weights. pth.test.ts tests PyTorch's files.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { before, test } from 'node:test';
import { ones, randn, tensor } from '../../src/engine/create.ts';
import { manualSeed } from '../../src/engine/random.ts';
import type { Tensor } from '../../src/engine/tensor.ts';
import { InputError } from '../../src/failure.ts';
import { importWeights } from '../../src/import/import-weights.ts';
import { correspondences } from '../../src/import/naming.ts';
import { torchNaming } from '../../src/import/namings.ts';
import { readModelDescription } from '../../src/model/model-file.ts';
import { writeSafetensors } from '../../src/nn/safetensors.ts';
import { namedModels } from '../../src/plan/named-models.ts';
import { planNetwork } from '../../src/plan/plan.ts';
import { nasnetA } from '../../src/space/published.ts';
import { temporaryFolder, writeKerasFile } from './peer.ts';

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);

function write(name: string, bytes: string | Uint8Array): string {
  writeFileSync(at(name), bytes);
  return at(name);
}

async function refused(path: string, sentence: string | RegExp): Promise<void> {
  await assert.rejects(importWeights(path), (error: Error) => {
    assert.ok(error instanceof InputError, error.stack);
    if (typeof sentence === 'string') assert.equal(error.message, `${path}: ${sentence}`);
    else assert.match(error.message, sentence);
    return true;
  });
}

const formats = 'a Keras .h5, a PyTorch .pth or .pt, or a .safetensors file';

for (const [name, bytes, got] of [
  ['empty.h5', '', 'an empty file: download it again'],
  ['page.h5', '\n<!DOCTYPE html>\n<html><body>404</body></html>', 'a web page (a failed download): download it again'],
  ['page.pth', '<html>Too many requests</html>', 'a web page (a failed download): download it again'],
  [
    'error.safetensors',
    '{"error": "not found"}',
    'JSON text (an error message instead of the file?): download it again',
  ],
  [
    'pointer.h5',
    'version https://git-lfs.github.com/spec/v1\noid sha256:1',
    'a Git LFS pointer: fetch the file itself with git lfs pull',
  ],
  ['weights.gz', Buffer.from([0x1f, 0x8b, 8, 0]), 'a gzip archive: unpack it first'],
  ['notes.txt', 'some words', 'a file of another kind'],
] as const) {
  test(`${name}: ${got}`, () => refused(write(name, bytes), `expected ${formats}, got ${got}`));
}

test('a missing file and a folder are refused', async () => {
  await refused(at('nowhere.h5'), 'expected a file of weights, got no such file');
  await refused(folder, 'expected a file of weights, got something else than a file');
});

test('truncated and damaged HDF5 files get one sentence, and HDF5 itself prints nothing', async () => {
  const path = await writeKerasFile(at('whole.h5'), { 'stem_conv1/kernel': randn([3, 3, 3, 32]) }, 'save_weights');
  const bytes = readFileSync(path);
  const half = write('half.h5', bytes.subarray(0, bytes.length / 2));
  await refused(
    half,
    `expected at least ${bytes.length} bytes, got ${bytes.length / 2}: the file is truncated; download it again`,
  );
  await refused(
    write('damaged.h5', Buffer.concat([bytes.subarray(0, 100), Buffer.alloc(bytes.length - 100, 0xff)])),
    /expected an HDF5 file of Keras weights, got a damaged one \([^\n]+\)$/,
  );
  const { status, stdout, stderr } = nasnet(half, '-o', at('out.safetensors'));
  assert.deepEqual([status, stdout], [2, '']);
  assert.match(stderr, /^nasnet: [^\n]*truncated[^\n]*\n$/);
});

test("Keras 3's numbered variables and an HDF5 file without layers are refused", async () => {
  const { File } = await import('h5wasm/node');
  const numbered = new File(at('numbered.h5'), 'w');
  numbered
    .create_group('layers')
    .create_group('conv2d')
    .create_group('vars')
    .create_dataset({ name: '0', data: [1] });
  numbered.close();
  await refused(
    at('numbered.h5'),
    "expected variables by name, got Keras 3's numbered ones (.weights.h5): write the file again with model.save('FILE.h5')",
  );
  new File(at('bare.h5'), 'w').close();
  await refused(at('bare.h5'), 'expected Keras layers, got an HDF5 file without any');
});

test('a truncated safetensors file is refused', async () => {
  writeSafetensors(at('whole.safetensors'), { 'conv0.conv.weight': ones([32, 3, 3, 3]) });
  await refused(
    write('half.safetensors', readFileSync(at('whole.safetensors')).subarray(0, 2000)),
    /the file is truncated$/,
  );
});

/** Writes the mobile model's tensors under the ports' names, without the peer; other tests check names and shapes. */
const weights: Record<string, Tensor> = {};
before(() => {
  manualSeed(1);
  const plan = planNetwork(nasnetA, { ...namedModels.mobile, classes: 3 });
  for (const { theirs, storedShape } of correspondences(plan, 4, torchNaming)) {
    weights[theirs] = theirs.endsWith('running_var') ? ones(storedShape) : randn(storedShape).mul(0.1);
  }
});

for (const [name, value, sentence] of [
  [
    'cell_1.conv_1x1.bn.bias',
    () => tensor([Number.NaN, ...new Array(43).fill(0)]),
    'expected finite numbers, got NaN or infinity',
  ],
  ['conv0.bn.running_var', () => ones([32]).neg(), 'expected no negative variance, got -1'],
  ['conv0.bn.weight', () => ones([32], { dtype: 'int64' }), 'expected floats, got int64'],
] as const) {
  test(`${name}: ${sentence}`, async () => {
    const path = at('wrong.safetensors');
    writeSafetensors(path, { ...weights, [name]: value() });
    await refused(path, `${name}: ${sentence}`);
  });
}

function nasnet(...words: string[]) {
  const main = resolve(import.meta.dirname, '../../src/cli/main.ts');
  const script = `process.exitCode = await (await import(${JSON.stringify(main)})).main(process.argv.slice(1))`;
  return spawnSync(process.execPath, ['--input-type=module', '-e', script, 'import', ...words], { encoding: 'utf8' });
}

test('import --json reports what was read, and writes a model file with the same description', () => {
  writeSafetensors(at('ports.safetensors'), weights);
  const { status, stdout, stderr } = nasnet(at('ports.safetensors'), '-o', at('model.safetensors'), '--json');
  assert.deepEqual([status, stderr], [0, '']);
  const { preprocessing, ...report } = JSON.parse(stdout);
  assert.deepEqual(report, {
    input: at('ports.safetensors'),
    output: at('model.safetensors'),
    source: 'cadene',
    model: 'nasnet-a:mobile',
    tensors: 1126,
    totalParameters: 5_326_716 - 997 * 1057, // three classes instead of 1,000
    classes: 3,
    classifier: 'imported',
    notTaken: [],
    besides: [],
    origin: "imported from Cadene's pretrained-models.pytorch, ports.safetensors",
  });
  const description = readModelDescription(at('model.safetensors'));
  assert.deepEqual(description.preprocessing, preprocessing);
  assert.deepEqual(preprocessing, {
    mean: [127.5, 127.5, 127.5],
    deviation: [127.5, 127.5, 127.5],
    centralFraction: 0.875,
    aspect: 'shorter-side',
    interpolation: 'bilinear',
  });
  assert.deepEqual(description.classes, ['class_0', 'class_1', 'class_2']);
});

test('a path that cannot be written is a failure, and the input is never overwritten', () => {
  const nowhere = nasnet(at('ports.safetensors'), '-o', at('ports.safetensors/model.safetensors')); // below a file
  assert.equal(nowhere.status, 1);
  assert.match(nowhere.stderr, /^nasnet: \S+ports\.safetensors: the folder could not be made [^\n]*\n$/);
  const same = nasnet(at('ports.safetensors'), '-o', at('ports.safetensors'));
  assert.equal(same.status, 2);
  assert.ok(existsSync(at('ports.safetensors')));
});
