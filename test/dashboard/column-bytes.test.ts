import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeColumns, encodeColumns } from '../../src/dashboard/column-bytes.ts';

const columns = {
  state: Uint8Array.of(0, 1, 2, 255, 4),
  reward: Float32Array.of(0.25, Number.NaN, -1, 0, 1e-20),
  sameAs: Int32Array.of(-1, 2 ** 31 - 1, 0, -5, 7),
  asked: Float64Array.of(1.7e12, Number.NaN, 0, 0.1, -2),
};

test('decoding returns the columns that were encoded', () => {
  assert.deepEqual(decodeColumns(encodeColumns({ first: 7, count: 5, columns })), { first: 7, count: 5, columns });
});

test('columns are read from any place in a buffer', () => {
  const bytes = encodeColumns({ first: 0, count: 5, columns });
  for (const offset of [1, 3, 4, 8]) {
    const moved = new Uint8Array(bytes.length + offset);
    moved.set(bytes, offset);
    assert.deepEqual(decodeColumns(moved.subarray(offset)).columns, columns);
  }
});

test('bytes that were cut short are refused', () => {
  const bytes = encodeColumns({ first: 0, count: 5, columns });
  assert.throws(() => decodeColumns(bytes.slice(0, bytes.length - 16)), RangeError);
});
