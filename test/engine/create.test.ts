// Tensors from numbers, bytes and files, and back: dtypes, memory formats, mappings.

import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import {
  arange,
  empty,
  fromBytes,
  indexTensor,
  mapFile,
  ones,
  onesLike,
  randn,
  tensor,
  zeros,
} from '../../src/engine/create.ts';
import { conv2d } from '../../src/engine/operators.ts';
import type { DType, Tensor } from '../../src/engine/tensor.ts';
import { temporaryFolder } from '../data/temporary.ts';

const folder = temporaryFolder({ after });
const samples: Record<DType, number[]> = {
  float32: [1.5, -0, 3.4028234663852886e38, 1e-45, Infinity],
  float64: [Math.PI, -0, Number.MAX_VALUE, 5e-324, -Infinity],
  int64: [0, -1, 2 ** 53, -(2 ** 53), 7],
  int32: [0, -1, 2 ** 31 - 1, -(2 ** 31), 7],
  int16: [0, -1, 32767, -32768, 7],
  int8: [0, -1, 127, -128, 7],
  uint8: [0, 1, 255, 128, 7],
  bool: [0, 1, 1, 0, 1],
  bfloat16: [1.5, -0, 2 ** 100, 0.0078125, Infinity], // 8 bits of mantissa
  float16: [1.5, -0, 65504, 2 ** -24, Infinity], // 11 bits
};

for (const [dtype, numbers] of Object.entries(samples) as [DType, number[]][]) {
  test(`${dtype} values are unchanged when they are read back, as numbers and as bytes`, () => {
    const made = tensor(numbers, [5, 1], { dtype });
    assert.equal(made.dtype, dtype);
    const expected = dtype.includes('int') ? numbers.map((each) => each + 0) : numbers;
    assert.deepEqual(
      [...made.toArray()],
      expected.map((each) => (each === 1e-45 ? 2 ** -149 : each)),
    );
    const bytes = made.toBytes();
    assert.equal(bytes.length, made.bytes);
    assert.deepEqual(fromBytes(bytes, dtype, [5, 1]).toArray(), made.toArray());
  });
}

test('bytes have the standard format of the dtype: IEEE 754 and two’s complement, little-endian', () => {
  const bytes = (number: number, dtype: DType) =>
    Buffer.from(tensor([number], [1], { dtype }).toBytes()).toString('hex');
  assert.equal(bytes(1, 'float32'), '0000803f');
  assert.equal(bytes(1, 'float64'), '000000000000f03f');
  assert.equal(bytes(1, 'bfloat16'), '803f');
  assert.equal(bytes(1, 'float16'), '003c');
  assert.equal(bytes(-2, 'int64'), 'feffffffffffffff');
  assert.equal(bytes(-2, 'int16'), 'feff');
});

test('typed arrays keep their dtype, plain numbers become float32', () => {
  const dtypes = [
    new Float64Array(1),
    new Float32Array(1),
    new BigInt64Array(1),
    new Int32Array(1),
    new Int16Array(1),
    new Int8Array(1),
    new Uint8Array(1),
    new Uint8ClampedArray(1),
    [0],
  ].map((each) => tensor(each).dtype);
  assert.deepEqual(dtypes, ['float64', 'float32', 'int64', 'int32', 'int16', 'int8', 'uint8', 'uint8', 'float32']);
});

test('a tensor has a copy of the numbers, not their memory', () => {
  const numbers = Float32Array.of(1, 2);
  const made = tensor(numbers);
  numbers[0] = 9;
  assert.deepEqual([...made.toArray()], [1, 2]);
});

test('a part of a larger buffer is read from its start', () => {
  const part = new Int16Array(Int16Array.of(1, 2, 3, 4).buffer, 2, 2);
  assert.deepEqual([...tensor(part).toArray()], [2, 3]);
});

test('empty shapes and axes of length 0', () => {
  assert.equal(tensor([7], []).item(), 7);
  assert.deepEqual([...zeros([0, 3]).toArray()], []);
  assert.deepEqual(zeros([0, 3]).sum(0).toArray(), new Float32Array(3));
  assert.deepEqual(fromBytes(new Uint8Array(0), 'float32', [2, 0]).shape, [2, 0]);
});

test('integer tensors stay integers with an integer operand, and float tensors stay floats', () => {
  assert.equal(arange(0, 3).add(2).dtype, 'int64');
  assert.equal(arange(0, 3).mul(0.5).dtype, 'float32');
  assert.equal(ones([1]).add(2).dtype, 'float32');
  assert.equal(ones([1], { dtype: 'uint8' }).add(300).item(), 45); // modulo 256
});

test('a negative zero stays negative', () => {
  assert.ok(Object.is(ones([1]).mul(-0).item(), -0));
});

test('channels_last is a memory format that convolutions and copies keep, and does not affect the numbers', () => {
  const plain = randn([2, 3, 4, 5]);
  const last = plain.contiguous('channels_last');
  assert.deepEqual(plain.strides, [60, 20, 5, 1]);
  assert.deepEqual(last.strides, [60, 1, 15, 3]); // element (n, c, y, x) at 60 n + c + 15 y + 3 x
  assert.deepEqual(last.toArray(), plain.toArray());
  const kernel = randn([6, 3, 3, 3]).contiguous('channels_last');
  const channelsLast = ([, channels, height, width]: readonly number[]) => [
    channels! * height! * width!,
    1,
    channels! * width!,
    channels!,
  ];
  const channelsLastTensors = [
    last.clone(),
    last.add(1),
    last.relu(),
    onesLike(last),
    conv2d(last, kernel, { padding: 1 }),
    last.to('float64'),
  ];
  for (const each of channelsLastTensors) assert.deepEqual(each.strides, channelsLast(each.shape));
  assert.deepEqual(last.contiguous().strides, plain.strides);
  assert.deepEqual(empty([2, 3, 4, 5], { memoryFormat: 'channels_last' }).strides, last.strides);
});

const file = (name: string, bytes: Uint8Array) => {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
};

test('a mapped tensor has the file’s bytes from an offset on, with any alignment to pages', () => {
  const numbers = Float32Array.from({ length: 3000 }, (_, index) => index / 7);
  const path = file('numbers', Buffer.from(numbers.buffer));
  for (const first of [0, 1, 1023, 1024, 1025, 2994]) {
    const mapped = mapFile(path, 'float32', [2, 3], 4 * first);
    assert.deepEqual([...mapped.toArray()], [...numbers.subarray(first, first + 6)]);
  }
  assert.deepEqual(mapFile(path, 'float32', [0]).shape, [0]);
});

test('writes to a mapping stay in this process, and the mapping outlives the file’s name', () => {
  const path = file('kept', Uint8Array.of(1, 2, 3, 4));
  const mapped = mapFile(path, 'uint8', [4]);
  const view: Tensor = mapped.narrow(0, 2, 2);
  mapped.add_(10);
  assert.deepEqual([...readFileSync(path)], [1, 2, 3, 4]);
  rmSync(path);
  mapped.dispose();
  assert.deepEqual([...view.toArray()], [13, 14]);
});

test('a file that is missing, too short or misaligned is refused in one sentence', () => {
  const path = file('short', new Uint8Array(10));
  assert.throws(
    () => mapFile(join(folder, 'none'), 'uint8', [1]),
    /^Error: mapFile: cannot open .*none: No such file or directory$/,
  );
  assert.throws(
    () => mapFile(path, 'uint8', [11]),
    /^Error: mapFile: .*short: expected at least 11 bytes, the file has 10$/,
  );
  assert.throws(() => mapFile(path, 'int16', [5], 2), /expected at least 12 bytes, the file has 10$/);
  assert.throws(
    () => mapFile(path, 'int16', [1], 3),
    /^Error: mapFile: byteOffset: expected a multiple of the element size$/,
  );
  assert.throws(() => mapFile(path, 'uint8', [1], -1), /byteOffset/);
  assert.throws(() => mapFile(path, 'uint8', [2 ** 40, 2 ** 40]), /a shape of impossible size$/);
  assert.throws(() => mapFile(folder, 'uint8', [1]), /^Error: mapFile: /);
});

test('indices become int64 from any list of numbers', () => {
  for (const numbers of [[3, 0, 2 ** 40], Float64Array.of(3, 0, 2 ** 40)]) {
    const made = indexTensor(numbers);
    assert.equal(made.dtype, 'int64');
    assert.deepEqual([...made.toArray()], [3, 0, 2 ** 40]);
  }
  assert.deepEqual(indexTensor(Int32Array.of()).shape, [0]);
});
