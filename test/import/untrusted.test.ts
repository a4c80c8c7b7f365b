// Malicious and damaged files of weights: links to other files, endless groups, damaged members. And the wrappers of
// honest files, in every format.

import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { Dataset, File, type Group, ready } from 'h5wasm/node';
import { tensor } from '../../src/engine/create.ts';
import { InputError } from '../../src/failure.ts';
import { PickleError } from '../../src/import/pickle.ts';
import { findStateDict, Storage, stateDictTable } from '../../src/import/state-dict.ts';
import { openWeightFile } from '../../src/import/weight-file.ts';
import { plainNames } from '../../src/import/wrappers.ts';
import { writeSafetensors } from '../../src/nn/safetensors.ts';
import { temporaryFolder } from './peer.ts';
import { zipFile } from './torch-saved.ts';

const folder = temporaryFolder();

/** Members of the h5wasm module besides its documented classes. */
interface Links {
  create_hard_link(file: bigint, target: string, name: string): number;
}

async function hdf5(name: string, fill: (file: File, links: Links) => void): Promise<string> {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  const links = (await ready) as unknown as Links;
  const file = new File(path, 'w');
  fill(file, links);
  file.close();
  return path;
}

const kernel = (group: Group, value: number) =>
  group.create_dataset({ name: 'kernel:0', data: new Float32Array([value]) });

async function read(path: string): Promise<{ values: Record<string, number[]>; others: readonly string[] }> {
  const { tensors, others, close } = await openWeightFile(path);
  const values = Object.fromEntries([...tensors].map(([name, each]) => [name, [...each.read().toArray()]]));
  close();
  return { values, others };
}

const refused = async (path: string, sentence: RegExp) =>
  assert.rejects(read(path), (error: Error) => {
    assert.ok(error instanceof InputError, error.stack);
    assert.match(error.message, sentence);
    return true;
  });

test('HDF5: no link is followed, neither to another file nor within this one', async () => {
  const secret = await hdf5('secret.h5', (file) => void kernel(file.create_group('layer'), 42));
  const outside = await hdf5('outside.h5', (file) => file.create_external_link(secret, '/layer', 'layer'));
  await refused(
    outside,
    /outside\.h5: \/layer: expected weights, got a link to another file \(.*secret\.h5\), which is not/,
  );
  const root = await hdf5('root.h5', (file) => file.create_external_link(secret, '/', 'model_weights'));
  await refused(root, /\/model_weights: expected weights, got a link to another file/);
  const detour = await hdf5('detour.h5', (file) => {
    file.create_soft_link('/z/layer', 'a');
    file.create_external_link(secret, '/', 'z');
  });
  await refused(detour, /\/a: expected weights, got a link to \/z\/layer, which is not followed/);
  const missing = await hdf5('missing.h5', (file) => file.create_external_link('/no/such/file.h5', '/', 'layer'));
  await refused(missing, /got a link to another file \(\/no\/such\/file\.h5\)/);
  // The library follows such a link; our reader does not.
  const file = new File(outside, 'r');
  assert.ok(file.get('layer/kernel:0') instanceof Dataset);
  file.close();
});

test('HDF5: groups that contain themselves or each other many times are refused', async () => {
  const cycle = await hdf5('cycle.h5', (file, links) => {
    file.create_group('a');
    links.create_hard_link(file.file_id, '/a', '/a/self');
  });
  await refused(
    cycle,
    /a\/self\/self …: expected groups at most 16 deep, got deeper ones: a group that contains itself\?$/,
  );
  const chain = (count: number, width: number) => (file: File, links: Links) => {
    for (let index = 0; index < count; index++) file.create_group(`n${index}`);
    for (let index = 1; index < count; index++)
      for (let link = 0; link < width; link++)
        links.create_hard_link(file.file_id, `/n${index}`, `/n${index - 1}/l${link}`);
  };
  await refused(await hdf5('deep.h5', chain(40, 2)), /expected groups at most 16 deep/); // 2^40 paths
  await refused(await hdf5('wide.h5', chain(9, 12)), /expected at most 10000 groups and variables, got more$/); // 12^8
});

test('HDF5: tensors other than 32- or 64-bit floats and absurd sizes are refused', async () => {
  const path = await hdf5('kinds.h5', (file) => {
    file.create_group('words').create_dataset({ name: 'kernel:0', data: ['a', 'b'] });
  });
  await refused(path, /words\/kernel:0: expected 32- or 64-bit floats, got /);
  const huge = await hdf5('huge.h5', (file) => {
    const group = file.create_group('layer');
    group.create_dataset({ name: 'kernel:0', data: new Float32Array(4), shape: [4], maxshape: [2 ** 40], chunks: [4] });
    (group.get('kernel:0') as Dataset).resize([2 ** 40]);
  });
  await refused(huge, /layer\/kernel:0: expected at most 1073741824 bytes, got 4398046511104$/);
});

test('HDF5: damaged files leave nothing open', async () => {
  const path = await hdf5('half.h5', (file) => void kernel(file.create_group('layer'), 1));
  writeFileSync(path, readFileSync(path).subarray(0, 1000));
  await refused(path, /the file is truncated/);
  const before = readdirSync('/proc/self/fd').length;
  for (let time = 0; time < 10; time++) await refused(path, /the file is truncated/);
  assert.equal(readdirSync('/proc/self/fd').length, before);
});

const wrapped: [written: string[], plain: string[], others?: string[]][] = [
  [
    ['conv0.weight', 'model.weight'],
    ['conv0.weight', 'model.weight'],
  ],
  [
    ['module.a', 'module.b.c'],
    ['a', 'b.c'],
  ],
  [['_orig_mod.a'], ['a']],
  [
    ['module._orig_mod.a', 'module._orig_mod.b'],
    ['a', 'b'],
  ],
  [['_orig_mod.module.model.a'], ['a']],
  [['state_dict.model.a', 'state_dict_ema.a'], ['a'], ['state_dict_ema']],
  [['model.a', 'model_ema.a', 'ema.a'], ['a'], ['model_ema', 'ema']],
  [['ema.module.a'], ['a']],
  [['n_averaged', 'module.a'], ['a']],
  [['ema.n_averaged', 'ema.a'], ['a']],
  [
    ['step', 'a'],
    ['step', 'a'],
  ],
  [
    ['cell._orig_mod.a', 'b'],
    ['cell.a', 'b'],
  ],
  [
    ['a', 'cell._orig_mod.a', 'cell.a'],
    ['a', 'cell._orig_mod.a', 'cell.a'],
  ], // removing it would lose a tensor
];

test('wrappers before every name are removed, and the trained weights are preferred', () => {
  for (const [written, plain, others = []] of wrapped) {
    const result = plainNames(written);
    assert.deepEqual([[...result.names.keys()], result.others], [plain, others], written.join());
  }
});

test('the same wrappers in a safetensors file and an HDF5 file', async () => {
  const path = join(folder, 'wrapped.safetensors');
  const a = (value: number) => tensor([value]);
  writeSafetensors(path, { 'model_ema.module.a': a(2), 'model._orig_mod.a': a(1), 'model._orig_mod.b': a(3) });
  assert.deepEqual(await read(path), { values: { a: [1], b: [3] }, others: ['model_ema'] });
  const keras = await hdf5('ema.h5', (file) => {
    for (const [name, value] of [['ema', 5], ['model', 4]] as const) {
      const model = file.create_group(name);
      for (const layer of ['one', 'two']) kernel(model.create_group(layer), value);
    }
  }); // biome-ignore format: pairs
  assert.deepEqual(await read(keras), { values: { 'one/kernel': [4], 'two/kernel': [4] }, others: ['ema'] });
});

test('PyTorch: a flipped bit in an archive is refused by its checksum', async () => {
  const path = join(folder, 'flipped.pth');
  writeFileSync(path, zipFile);
  const { values } = await read(path);
  for (let place = 0; place < zipFile.length; place += 7) {
    const flipped = Buffer.from(zipFile);
    flipped[place]! ^= 1 << (place % 8);
    writeFileSync(path, flipped);
    const got = await read(path).then(
      (result) => result.values,
      (error) => {
        assert.ok(error instanceof InputError, error.stack);
        return 'refused';
      },
    );
    if (got !== 'refused') assert.deepEqual(got, values, `byte ${place}`); // padding, dates, attributes
  }
});

test('PyTorch: strides of 0 cannot inflate a few elements, and a dictionary may contain itself', () => {
  const { construct } = stateDictTable(() => {}).global('torch._utils._rebuild_tensor_v2');
  const storage = new Storage('float32', '0', 4);
  assert.ok(construct!([storage, 0, [8], [0]]));
  for (const [shape, strides] of [
    [[2 ** 40], [0]],
    [
      [2 ** 20, 2 ** 20],
      [0, 0],
    ],
    [Array(65).fill(1), Array(65).fill(1)],
  ]) {
    assert.throws(() => construct!([storage, 0, shape, strides]), PickleError);
  }
  const circle = new Map<unknown, unknown>([['epoch', 3]]);
  circle.set('model', circle).set('state_dict', new Map([['net', circle]]));
  assert.equal(findStateDict(circle), undefined);
  const view = construct!([storage, 0, [4], [1]]);
  circle.set('ema', new Map([['module', new Map([['a', view]])]]));
  assert.deepEqual([...findStateDict(circle)!.tensors], [['a', view]]);
});
