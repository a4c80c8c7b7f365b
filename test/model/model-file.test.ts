import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { randn, tensor } from '../../src/engine/create.ts';
import { noGrad } from '../../src/engine/memory.ts';
import { manualSeed } from '../../src/engine/random.ts';
import { parseDescription, printDescription } from '../../src/model/model-description.ts';
import {
  checksumOf,
  type ModelDescription,
  readModel,
  readModelDescription,
  writeModel,
} from '../../src/model/model-file.ts';
import { buildNetwork } from '../../src/model/network.ts';
import { imagenetPreprocessing, trainedPreprocessing } from '../../src/model/preprocessing.ts';
import { writeSafetensors } from '../../src/nn/safetensors.ts';
import { planNetwork } from '../../src/plan/plan.ts';
import { nasnetA } from '../../src/space/published.ts';
import { temporaryFolder } from '../data/temporary.ts';

const folder = temporaryFolder({ after });
const description: ModelDescription = {
  architecture: nasnetA,
  network: { layout: 'cifar', cells: 1, filters: 4, input: [16, 16] },
  classes: ['cat', 'dog', 'Äffchen'],
  preprocessing: { ...imagenetPreprocessing, mean: [1, 2, 3] },
  origin: 'made by a test',
};

/** A description as the first versions wrote it: one side, the whitening, no origin. */
const first = {
  format: 1,
  architecture: nasnetA,
  cells: 1,
  filters: 4,
  resolution: 16,
  classes: ['cat', 'dog', 'Äffchen'],
  whitening: { mean: [1, 2, 3], deviation: [4, 5, 6] },
};

/** Returns a description in the newest format, with these changes. */
const written = (changes: object) => JSON.stringify({ format: 3, ...description, ...changes });

const path = join(folder, 'network.safetensors');

test('a network read back from its file gives the same logits, without its auxiliary head', () => {
  const options = { cells: 1, filters: 4, input: 16, classes: 3, auxiliary: true };
  const network = buildNetwork(planNetwork(nasnetA, options), { seed: 3 });
  manualSeed(4);
  const images = randn([5, 3, 16, 16]);
  noGrad(() => network.forward(images)); // updates the statistics of batch norm
  writeModel(path, network, description);
  const read = readModel(path);
  assert.deepEqual(read.description, description);
  assert.deepEqual([read.checksum, checksumOf(path)], ['verified', 'verified']);
  assert.ok(![...read.network.namedParameters().keys()].some((name) => name.startsWith('auxiliary')));
  network.train(false);
  noGrad(() =>
    assert.deepEqual(read.network.forward(images).logits.toArray(), network.forward(images).logits.toArray()),
  );
});

test('a flipped bit in the weights is refused, and a file from another program is read unverified', () => {
  writeModel(path, buildNetwork(planNetwork(nasnetA, { cells: 1, filters: 4, input: 16, classes: 3 })), description);
  const bytes = readFileSync(path);
  const foreign = Buffer.from(
    bytes.toString('latin1').replace(/"nasnet-checksum":"nasnet-sha256:[0-9a-f]{64}"/, '"writer":"another"'.padEnd(98)),
    'latin1',
  );
  bytes[bytes.length - 10]! ^= 1;
  writeFileSync(path, bytes);
  for (const read of [readModel, checksumOf])
    assert.throws(() => read(path), /network\.safetensors: expected bytes that match its checksum, got others: /);
  writeFileSync(path, foreign);
  assert.deepEqual([readModel(path).checksum, checksumOf(path)], ['unverified', 'unverified']);
});

test('a file of format 1 gives its network, and its whitening as preprocessing', () => {
  const network = buildNetwork(planNetwork(nasnetA, { cells: 1, filters: 4, input: 16, classes: 3 }), { seed: 3 });
  writeSafetensors(path, network.stateDict(), { nasnet: JSON.stringify(first) });
  const read = readModel(path);
  assert.deepEqual(read.description, {
    ...description,
    preprocessing: trainedPreprocessing({ mean: [1, 2, 3], deviation: [4, 5, 6] }),
    trainedEnlarge: 1.25,
    origin: 'trained by nasnet 0.1.0',
  });
  assert.deepEqual(read.network.parameters()[0]!.toArray(), network.parameters()[0]!.toArray());
});

test('a file keeps its test view; an older file gets the one that nasnet used at the time', () => {
  const enlarged = {
    ...description,
    preprocessing: { ...description.preprocessing, enlarge: 1.25 },
    trainedEnlarge: 1.25,
  };
  const parse = (text: string) => parseDescription(text, 'file');
  assert.deepEqual(parse(printDescription(enlarged)), enlarged);
  assert.deepEqual(parse(printDescription(description)), description);
  const old = { ...description, origin: 'trained by nasnet 0.1.0 on cifar10' };
  assert.deepEqual(parse(written({ ...old, format: 2 })), { ...old, trainedEnlarge: 1.25 });
  assert.deepEqual(parse(written({ ...old, format: 3 })), old);
  assert.deepEqual(parse(written({ format: 2 })), description, 'one that nasnet did not train');
});

test('files of other kinds and invalid descriptions are refused in one sentence that names the place', () => {
  const refused = (metadata: Record<string, string>, sentence: RegExp) => {
    writeSafetensors(path, { x: tensor([1, 2]) }, metadata);
    assert.throws(() => readModel(path), { name: 'InputError', message: sentence });
  };
  const edited = (changes: object) => ({ nasnet: written(changes) });
  const { network } = description;
  refused({}, /network\.safetensors: expected a network that nasnet trained or imported, got a safetensors file of an/);
  refused(edited({ format: 99 }), /expected a network of format 3 or older, got 99: update nasnet$/);
  refused(edited({ format: 'two' }), /: description\.format: .*expected number, received string$/);
  refused({ nasnet: '{"format": 2' }, /network\.safetensors: expected a description in JSON, got /);
  refused({ nasnet: '[]' }, /network\.safetensors: description: /);
  refused(edited({ network: { ...network, cells: -1 } }), /: description\.network\.cells: /);
  refused(edited({ network: { ...network, input: 16 } }), /: description\.network\.input: .*expected tuple/);
  refused(edited({ network: { ...network, depth: 3 } }), /: description\.network: unrecognized key: "depth"$/);
  refused(edited({ classes: [] }), /: description\.classes: /);
  refused(
    edited({ preprocessing: { ...imagenetPreprocessing, deviation: [1, 0, 1] } }),
    /\.preprocessing\.deviation\.1: /,
  );
  refused(edited({ preprocessing: { ...imagenetPreprocessing, aspect: 'free' } }), /\.preprocessing\.aspect: /);
  refused(edited({ preprocessing: { ...imagenetPreprocessing, enlarge: 0.5 } }), /\.preprocessing\.enlarge: /);
  refused(edited({ trainedEnlarge: 9 }), /: description\.trainedEnlarge: /);
  refused(edited({ architecture: { normal: {} } }), /network\.safetensors: normal\.blocks: expected a list of blocks/);
  refused({ nasnet: JSON.stringify({ ...first, whitening: undefined }) }, /: description\.whitening: /);
  refused(edited({}), /network\.safetensors: weights: expected a tensor/);
  writeFileSync(path, 'no tensors');
  assert.throws(() => readModelDescription(path), /network\.safetensors: expected/);
});
