// Mutations of every file that a stranger may hand us, with fixed seeds: flipped bits, other bytes, cuts, fills, doubled and missing
// pieces. Each is read as before, or refused in one sentence: no stack, no crash, no hang, and, where the format carries a sum of its
// content, no other value.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import sharp from 'sharp';
import { prepareImage } from '../src/data/prepare-image.ts';
import { randn, tensor } from '../src/engine/create.ts';
import { scope } from '../src/engine/memory.ts';
import { manualSeed } from '../src/engine/random.ts';
import { Failure, InputError } from '../src/failure.ts';
import { openWeightFile } from '../src/import/weight-file.ts';
import { readModel } from '../src/model/model-file.ts';
import { writeSafetensors } from '../src/nn/safetensors.ts';
import { planNetwork } from '../src/plan/plan.ts';
import { RandomStream } from '../src/random/stream.ts';
import type { Architecture } from '../src/space/architecture.ts';
import { parseArchitectureText } from '../src/space/parse.ts';
import { printArchitecture } from '../src/space/print.ts';
import { nasnetA } from '../src/space/published.ts';
import { temporaryFolder } from './data/temporary.ts';
import { writeKerasFile } from './import/peer.ts';
import { legacyFile, zipFile } from './import/torch-saved.ts';
import { writeColourNetwork } from './model/colour-network.ts';

const folder = temporaryFolder({ after });
const longest = 5000; // milliseconds for one file: a guard against hangs, not a measure

/** One to three mutations of one kind; half of them at the beginning, where headers stand. */
function mutated(good: Buffer, kind: number, random: RandomStream): Buffer {
  let bytes = Buffer.from(good);
  for (let left = 1 + random.integer(3); left > 0 && bytes.length > 0; left--) {
    const at = random.integer(random.integer(2) === 0 ? bytes.length : Math.min(bytes.length, 2048));
    const few = 1 + random.integer(16);
    const mutations: (() => Buffer)[] = [
      () => Buffer.from(bytes.fill(bytes[at]! ^ (1 << random.integer(8)), at, at + 1)),
      () => Buffer.from(bytes.fill(random.integer(256), at, at + 1)),
      () => bytes.subarray(0, at),
      () => Buffer.from(bytes.fill(random.integer(2) === 0 ? 0 : 255, at, Math.min(bytes.length, at + few))),
      () => Buffer.concat([bytes.subarray(0, at), bytes.subarray(at, at + 4 * few), bytes.subarray(at)]),
      () => Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + few)]),
    ];
    bytes = Buffer.from(mutations[kind % mutations.length]!());
  }
  return bytes;
}

/** @param kept what an accepted mutation is held against the original with */
async function survives<Value>(
  name: string,
  good: Buffer,
  count: number,
  read: (path: string) => Value | Promise<Value>,
  kept: (value: Value, original: Value, what: string) => void,
): Promise<void> {
  const path = join(folder, name);
  writeFileSync(path, good);
  const original = await read(path);
  const random = new RandomStream(`mutations of ${name}`);
  let accepted = 0;
  for (let index = 0; index < count; index++) {
    const bytes = mutated(good, index, random);
    writeFileSync(path, bytes);
    const startedAt = performance.now();
    const what = `${name}, mutation ${index}`;
    try {
      kept(await read(path), original, what);
      accepted++;
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error;
      assert.ok(error instanceof InputError || error instanceof Failure, `${what}: ${(error as Error).stack}`);
      assert.ok(error.message.length < 2000 && !error.message.includes('\n'), `${what}: ${error.message}`);
    }
    assert.ok(performance.now() - startedAt < longest, `${what} took too long`);
  }
  assert.ok(accepted < count, `${name}: some mutation is refused`);
  writeFileSync(path, good);
  assert.deepEqual(await read(path), original, `${name}: the reader is as it was`);
}

const weights = async (path: string): Promise<Map<string, string>> => {
  const { tensors, close } = await openWeightFile(path);
  try {
    return scope(
      () =>
        new Map(
          [...tensors].map(([name, each]) => {
            const read = each.read();
            return [name, `${read.shape}=${Buffer.from(read.toBytes()).toString('hex')}`];
          }),
        ),
    );
  } finally {
    close();
  }
};

const same = <Value>(value: Value, original: Value, what: string) => assert.deepEqual(value, original, what);

/** Formats without a sum: what changed cannot be known, and a changed name or shape is refused where the network is matched. */
const anything = () => {};

before(() => manualSeed(1));

test('safetensors of ours', async () => {
  const path = join(folder, 'seed.safetensors');
  writeSafetensors(path, { 'conv0.weight': randn([4, 3]), 'conv0.bias': randn([4]) }, { note: 'x' });
  await survives('fuzzed.safetensors', readFileSync(path), 1200, weights, same);
});

test("PyTorch's archives", () => survives('fuzzed.pth', zipFile, 900, weights, same));

test("PyTorch's legacy files", () => survives('legacy.pth', legacyFile, 900, weights, anything));

test('HDF5', async () => {
  const tensors = { 'stem/kernel': tensor([1, 2, 3, 4, 5, 6], [2, 3]), 'norm/gamma': tensor([1, 2, 3]) };
  const path = await writeKerasFile(join(folder, 'seed.h5'), tensors, 'save');
  await survives('fuzzed.h5', readFileSync(path), 600, weights, anything);
});

test('model files', async () => {
  const path = join(folder, 'seed-model.safetensors');
  writeColourNetwork(path, ['red', 'green', 'blue'], [0, 1, 2]);
  const read = (file: string) => {
    const { network, description } = readModel(file);
    const state = Object.entries(network.stateDict()).map(([name, each]) => [name, Buffer.from(each.toBytes())]);
    network.dispose();
    return { description, state };
  };
  await survives('model.safetensors', readFileSync(path), 500, read, same);
});

test('architecture files: what is accepted is an architecture that prints and reads back as itself', () => {
  const read = (path: string) => parseArchitectureText(readFileSync(path, 'utf8'), path);
  const lawful = (value: Architecture, _: Architecture, what: string) => {
    assert.deepEqual(parseArchitectureText(printArchitecture(value)), value, what);
    assert.ok(planNetwork(value, { cells: 1, filters: 4, input: 16, classes: 3 }).multiplyAdds > 0, what);
  };
  return survives('cells.json', Buffer.from(printArchitecture(nasnetA)), 1200, read, lawful);
});

for (const format of ['png', 'jpeg', 'webp', 'gif', 'tiff'] as const) {
  test(`images: ${format}`, async () => {
    const noise = Uint8Array.from({ length: 3 * 40 * 30 }, (_, index) => (index * index * 37) % 251);
    const good = await sharp(noise, { raw: { width: 40, height: 30, channels: 3 } })
      .toFormat(format)
      .toBuffer();
    const framing = { centralFraction: 1, aspect: 'shorter-side', interpolation: 'area' } as const;
    const read = (path: string) => prepareImage(path, framing, [8, 8]);
    const whole = (pixels: Uint8Array, _: Uint8Array, what: string) => assert.equal(pixels.length, 3 * 8 * 8, what);
    await survives(`picture.${format}`, good, 250, read, whole);
  });
}

test('documents nested 300,000 deep are refused in a sentence, wherever the nest stands', async () => {
  const deep = (before: string, after: string) => `${before}${'['.repeat(300_000)}${']'.repeat(300_000)}${after}`;
  const refused = (work: () => unknown) =>
    assert.throws(work, (error) => error instanceof InputError && error.message.length < 500);
  for (const text of [
    deep('', ''),
    deep('{"normal":', ',"reduction":[]}'),
    deep('{"normal":{"blocks":', '},"reduction":[]}'),
    deep('{"normal":{"blocks":[{"inputs":[0,', '],"operations":[],"combine":"add"}]},"reduction":[]}'),
    '['.repeat(300_000),
  ])
    refused(() => parseArchitectureText(text, 'cells.json'));
  for (const [index, text] of [deep('{"a":', '}'), deep('{"__metadata__":{"a":', '}}')].entries()) {
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(text.length));
    const path = join(folder, `deep-${index}.safetensors`);
    writeFileSync(path, Buffer.concat([length, Buffer.from(text), Buffer.alloc(24)]));
    await assert.rejects(weights(path), (error) => error instanceof InputError && error.message.length < 500);
    refused(() => readModel(path));
  }
});
