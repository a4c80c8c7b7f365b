// Safetensors files: an independent reader reads ours, and each way in which a file can be wrong is reported in one
// sentence.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ones, tensor } from '../../src/engine/create.ts';
import { liveTensors } from '../../src/engine/memory.ts';
import type { DType } from '../../src/engine/tensor.ts';
import { Failure, InputError } from '../../src/failure.ts';
import {
  isVerified,
  openSafetensors,
  readSafetensors,
  readSafetensorsMetadata,
  writeSafetensors,
} from '../../src/nn/safetensors.ts';
import { temporaryFolder } from '../data/temporary.ts';

const folder = temporaryFolder({ after });
const path = join(folder, 'file.safetensors');

/** Returns a file with this header and these bytes, according to the format's description. */
function file(header: string | object, bytes: number[] = [], length?: bigint): string {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const start = Buffer.alloc(8);
  start.writeBigUInt64LE(length ?? BigInt(text.length));
  writeFileSync(path, Buffer.concat([start, text, Buffer.from(bytes)]));
  return path;
}

const refused = (sentence: string | RegExp) => {
  const before = liveTensors();
  assert.throws(
    () => readSafetensors(path),
    (error: Error) => {
      assert.ok(error instanceof InputError, String(error.stack));
      if (typeof sentence === 'string') assert.equal(error.message, `${path}: ${sentence}`);
      else assert.match(error.message, sentence);
      return true;
    },
  );
  assert.equal(liveTensors(), before, 'a refused file leaves no tensor');
};

test('an independent reader reads our tensors: little-endian, row-major, without gaps, aligned to 8 bytes', () => {
  const tensors = {
    'stem.weight': tensor([1, 2, 3, 4, 5, 6], [1, 3, 2, 1]).contiguous('channels_last'),
    scalar: tensor([-2], [], { dtype: 'int64' }),
    flags: tensor([1, 0, 1], [3], { dtype: 'bool' }),
    half: tensor([1.5], [1], { dtype: 'bfloat16' }),
    none: ones([0, 4]),
    last: tensor([Math.PI], [1], { dtype: 'float64' }),
  };
  writeSafetensors(path, tensors, { note: 'ä 漢字 🙂 "quoted"\n' });
  const bytes = readFileSync(path);
  const length = Number(bytes.readBigUInt64LE());
  assert.equal((8 + length) % 8, 0);
  const { __metadata__, ...entries } = JSON.parse(bytes.toString('utf8', 8, 8 + length));
  const { 'nasnet-checksum': checksum, ...texts } = __metadata__;
  assert.deepEqual(texts, { note: 'ä 漢字 🙂 "quoted"\n' });
  const [beginning, digits] = checksum.split(':');
  const withoutDigits = bytes.toString('latin1').replace(digits, '0'.repeat(64));
  assert.equal(beginning, 'nasnet-sha256');
  assert.equal(digits, createHash('sha256').update(withoutDigits, 'latin1').digest('hex'));
  assert.deepEqual(entries, {
    'stem.weight': { dtype: 'F32', shape: [1, 3, 2, 1], data_offsets: [0, 24] },
    scalar: { dtype: 'I64', shape: [], data_offsets: [24, 32] },
    flags: { dtype: 'BOOL', shape: [3], data_offsets: [32, 35] },
    half: { dtype: 'BF16', shape: [1], data_offsets: [35, 37] },
    none: { dtype: 'F32', shape: [0, 4], data_offsets: [37, 37] },
    last: { dtype: 'F64', shape: [1], data_offsets: [37, 45] },
  });
  const data = bytes.subarray(8 + length);
  assert.deepEqual(
    [0, 4, 8, 12, 16, 20].map((offset) => data.readFloatLE(offset)),
    [1, 2, 3, 4, 5, 6],
  );
  assert.equal(data.readBigInt64LE(24), -2n);
  assert.deepEqual([...data.subarray(32, 35)], [1, 0, 1]);
  assert.equal(data.readUInt16LE(35), 0x3fc0);
  assert.equal(data.readDoubleLE(37), Math.PI);
  assert.equal(data.length, 45);
});

const dtypes: DType[] = [
  'float64',
  'float32',
  'float16',
  'bfloat16',
  'int64',
  'int32',
  'int16',
  'int8',
  'uint8',
  'bool',
];

test('every dtype is read back bit by bit, as are names and metadata in any script', () => {
  const tensors = Object.fromEntries(
    dtypes.map((dtype) => [`größe.${dtype}.名`, tensor([0, 1, 1, 0], [2, 2], { dtype })]),
  );
  const metadata = { 'clé é': 'ß\u2028', empty: '' };
  writeSafetensors(path, tensors, metadata);
  const read = readSafetensors(path);
  assert.deepEqual(read.metadata, metadata);
  assert.deepEqual(readSafetensorsMetadata(path), metadata);
  assert.deepEqual(Object.keys(read.tensors), Object.keys(tensors));
  for (const [name, each] of Object.entries(tensors)) {
    assert.equal(read.tensors[name]!.dtype, each.dtype);
    assert.deepEqual(read.tensors[name]!.shape, each.shape);
    assert.deepEqual(read.tensors[name]!.toBytes(), each.toBytes());
  }
});

test('a file of another program is read: unaligned, padded with spaces, in another order, without metadata', () => {
  file(
    `{"b":{"dtype":"I16","shape":[1],"data_offsets":[1,3]},"a":{"shape":[1],"data_offsets":[0,1],"dtype":"U8"}}   `,
    [7, 1, 1],
  );
  const { tensors, metadata } = readSafetensors(path);
  assert.deepEqual([tensors.a!.item(), tensors.b!.item(), metadata], [7, 257, {}]);
  file({});
  assert.deepEqual(readSafetensors(path), { tensors: {}, metadata: {} });
});

test('writing and reading leave only the returned tensors', () => {
  const weight = ones([2, 3, 2, 2], { requiresGrad: true }).contiguous('channels_last');
  const before = liveTensors();
  writeSafetensors(path, { weight });
  assert.equal(liveTensors(), before);
  readSafetensors(path);
  assert.equal(liveTensors(), before + 1);
});

test('a file truncated anywhere is refused, and so is one with extra bytes', () => {
  writeSafetensors(path, { a: ones([3]), b: ones([2], { dtype: 'uint8' }) }, { note: 'x' });
  const whole = readFileSync(path);
  const header = 8 + Number(whole.readBigUInt64LE());
  for (const size of [0, 1, 7]) {
    writeFileSync(path, whole.subarray(0, size));
    refused(`expected a safetensors file, got ${size} bytes`);
  }
  for (const size of [8, 9, header - 1]) {
    writeFileSync(path, whole.subarray(0, size));
    refused(`expected at least ${header} bytes, got ${size}: the file is truncated`);
  }
  for (const [size, name, end] of [
    [header, 'a', 12],
    [header + 11, 'a', 12],
    [header + 12, 'b', 14],
    [header + 13, 'b', 14],
  ] as const) {
    writeFileSync(path, whole.subarray(0, size));
    refused(`${name}: expected ${end} bytes of tensors, got ${size - header}: the file is truncated`);
  }
  writeFileSync(path, Buffer.concat([whole, Buffer.from('more')]));
  refused('expected 14 bytes of tensors, got 18: the file has more');
});

test('a foreign file is refused, whatever its first bytes are', () => {
  const foreign = 'expected a safetensors file, got a file without its header';
  writeFileSync(path, Buffer.from('\x89PNG\r\n\x1a\n and more of it', 'latin1'));
  refused(foreign);
  file('{}', [], 2n ** 63n);
  refused(foreign);
  file('{}', [], 100_000_001n);
  refused(foreign);
  file('{}', [], 90_000_000n);
  refused('expected at least 90000008 bytes, got 10: the file is truncated');
  for (const header of ['not JSON', '[]', 'null', '3', '{"a":', '']) {
    file(header);
    refused(foreign);
  }
});

test('the error names a tensor with a wrong description', () => {
  const parts = [
    { dtype: 'F99' },
    { dtype: 7 },
    { dtype: 'toString' },
    { shape: [1.5] },
    { shape: [-1] },
    { shape: '4' },
    { data_offsets: [0] },
    { data_offsets: [0, 4, 8] },
    { data_offsets: [-4, 0] },
  ];
  for (const part of parts) {
    const entry = { dtype: 'F32', shape: [1], data_offsets: [0, 4], ...part };
    file({ 'cell.weight': entry }, [0, 0, 0, 0]);
    refused(/: cell\.weight: expected a dtype \(F64, F32, .*\), a shape and two offsets, got \{/);
  }
  file({ a: null });
  refused(/: a: expected a dtype .* got null$/);
  file({ a: { dtype: 'F32', shape: [2], data_offsets: [0, 4] } }, [0, 0, 0, 0]);
  refused('a: expected 8 bytes, got 4');
  file({ a: { dtype: 'F32', shape: [1], data_offsets: [4, 0] } }, [0, 0, 0, 0]);
  refused('a: expected 4 bytes, got -4');
  file({ a: { dtype: 'U8', shape: [2 ** 52, 2 ** 52], data_offsets: [0, 4] } }, [0, 0, 0, 0]);
  refused(/^.*: a: expected 2\.\d+e\+31 bytes, got 4$/);
  for (const metadata of [null, [], 'text', { epoch: 3 }]) {
    file({ __metadata__: metadata });
    refused(`__metadata__: expected strings by name, got ${JSON.stringify(metadata)}`);
  }
});

test('a missing file, and a folder', () => {
  rmSync(path);
  refused('expected a safetensors file, got no such file');
  const other = new InputError(`${folder}: expected a safetensors file, got something other than a file`);
  assert.throws(() => readSafetensors(folder), other);
  assert.throws(() => readSafetensorsMetadata(path), InputError);
});

test('a failed write leaves the older file unchanged, and no other file', () => {
  writeSafetensors(path, { a: ones([1]) });
  const before = readFileSync(path);
  const failing = ones([1]);
  failing.toBytes = () => {
    throw new Error('the tensor was disposed');
  };
  const broken = { first: ones([1000]), failing };
  assert.throws(() => writeSafetensors(path, broken), new Error('the tensor was disposed'));
  assert.deepEqual(readFileSync(path), before);
  assert.deepEqual(readdirSync(folder), ['file.safetensors']);
  const lost = join(folder, 'no', 'such', 'folder');
  assert.throws(() => writeSafetensors(lost, {}), Failure);
});

test('a flipped bit in the header or in the elements of our file is detected; the unchanged file is verified', () => {
  writeSafetensors(path, { a: ones([3]), b: tensor([1, 2], [2], { dtype: 'uint8' }) }, { step: '12', 7: 'in front' });
  const good = readFileSync(path);
  assert.deepEqual([readSafetensors(path).verified, isVerified(path)], [true, true]);
  for (let bit = 0; bit < 8 * good.length; bit++) {
    const flipped = Buffer.from(good);
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    writeFileSync(path, flipped);
    for (const read of [readSafetensors, isVerified, (file: string) => openSafetensors(file).close()])
      assert.throws(() => read(path), InputError, `bit ${bit}`);
  }
  refused(/: the file is damaged, or another program changed it$/);
});

test('a file without a checksum is read and reported as unverified', () => {
  file({ a: { dtype: 'U8', shape: [1], data_offsets: [0, 1] } }, [7]);
  assert.deepEqual([readSafetensors(path).verified, isVerified(path)], [undefined, false]);
});

test('overlaps, gaps and duplicate names, which readers would accept silently, are refused', () => {
  const at = (begin: number, end: number) => ({ dtype: 'U8', shape: [end - begin], data_offsets: [begin, end] });
  const four = [1, 2, 3, 4];
  file({ a: at(0, 4), b: at(0, 4) }, four);
  refused('b: expected its bytes to start at 4, got 0: an overlap');
  file({ a: at(0, 3), b: at(2, 4) }, four);
  refused('b: expected its bytes to start at 3, got 2: an overlap');
  file({ b: at(3, 4), a: at(0, 2) }, four);
  refused('b: expected its bytes to start at 2, got 3: a gap');
  file({ a: at(1, 4) }, four);
  refused('a: expected its bytes to start at 0, got 1: a gap');
  const entry = JSON.stringify(at(0, 4));
  const twice = (name: string) => `expected a header of tensors, each name once, got the name ${name} twice`;
  file(`{"a":${entry},"a":${entry}}`, four);
  refused(twice('"a"'));
  file(`{"a" :${entry},"\\u0061"\n:${entry}}`, four);
  refused(twice('"a"'));
  file('{"a":{"dtype":"U8","dtype":"I8","shape":[4],"data_offsets":[0,4]}}', four);
  refused(twice('"dtype"'));
  file('{"__metadata__":{"x":"1","x":"2"}}');
  refused(twice('"x"'));
  file({ 'a":"a': at(0, 2), '{"a"': at(2, 4) }, four);
  assert.deepEqual(Object.keys(readSafetensors(path).tensors), ['a":"a', '{"a"']);
});

test('deep nesting, thousands of dimensions and enormous sizes are refused in one sentence', () => {
  const deep = '['.repeat(300_000) + ']'.repeat(300_000);
  for (const header of [`{"a":${deep}}`, `{"__metadata__":{"a":${deep}}}`, '{"a":'.repeat(300_000), '['.repeat(9)]) {
    file(header);
    refused('expected a header of tensors, each name once, got a header nested more than 8 deep');
  }
  file({ a: { dtype: 'U8', shape: [1, ...Array(5000).fill(1)], data_offsets: [0, 1] } }, [1]);
  refused('a: expected at most 64 dimensions, got 5001');
  file({ a: { dtype: 'U8', shape: [0, 9e15, 9e15], data_offsets: [0, 0] } });
  refused('a: expected a possible shape, got [0,9000000000000000,9000000000000000]');
  file({ a: { dtype: 'x'.repeat(100_000) } });
  refused(/^.{1,400}$/);
  file('{"__proto__":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', [5]);
  assert.deepEqual(Object.keys(readSafetensors(path).tensors), ['__proto__']);
});
