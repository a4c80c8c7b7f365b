import assert from 'node:assert/strict';
import { test } from 'node:test';
import { boxOfSegmentation } from '../../src/detection-data/outline-box.ts';

const size = [80, 100];

test('a compressed mask has the box that pycocotools gives it', () => {
  // Encoded by pycocotools 2.0.11: rows 5 to 7 of columns 10 to 12; two whole columns and a far pixel
  assert.deepEqual(boxOfSegmentation({ size, counts: 'Ui03]2000[i6' }), { x: 10, y: 5, width: 3, height: 3 });
  assert.deepEqual(boxOfSegmentation({ size, counts: 'b7d4R[4]KegN' }), { x: 3, y: 0, width: 58, height: 80 });
});

test('polygons, one without its list, and runs have the box around them', () => {
  const polygons = [
    [1, 2, 5, 2, 3, 9],
    [10, 1, 12, 1, 11, 4],
  ];
  assert.deepEqual(boxOfSegmentation(polygons), { x: 1, y: 1, width: 11, height: 8 });
  assert.deepEqual(boxOfSegmentation(polygons[0]), { x: 1, y: 2, width: 4, height: 7 });
  assert.deepEqual(boxOfSegmentation({ size, counts: [805, 3, 7192] }), { x: 10, y: 5, width: 1, height: 3 });
});

test('what is no outline has no box', () => {
  for (const none of [null, undefined, [], [[]], {}, { size, counts: [8000] }, { counts: 'Ui03' }, [[1, 'a']]])
    assert.equal(boxOfSegmentation(none), undefined);
});
