// The comparison of answers, with sessions whose logits are written down.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SourceBatch } from '../../../../src/data/source-batch.ts';
import { indexTensor, tensor } from '../../../../src/engine/create.ts';
import { liveTensors } from '../../../../src/engine/memory.ts';
import { compareAnswers } from '../../../../src/export/onnx/int8/accuracy.ts';
import type { OnnxSession } from '../../../../src/export/onnx/session.ts';
import { collect } from '../../../engine/garbage.ts';

/** Answers each batch in turn with logits of three classes. */
function session(...batches: number[][]): OnnxSession {
  const left = batches.map((logits) => Float32Array.from(logits));
  return { run: async () => left.shift()!, runAll: async () => ({}), close: async () => {} };
}

async function* labelled(...batches: (number[] | undefined)[]): AsyncGenerator<SourceBatch> {
  for (const labels of batches) {
    const batch = labels && { images: tensor(labels, [labels.length, 1, 1, 1]), labels: indexTensor(labels) };
    yield { imageCount: 2, batch, places: [], unreadable: [] };
  }
}

test('answers are counted by image: who is right, who alone, and where both say the same', async () => {
  await collect(); // what importing created
  const before = liveTensors();
  const float32 = session([9, 1, 1, /**/ 0, 5, 1], [1, 2, 3]); // classes 0, 1; then 2
  const int8 = session([9, 1, 1, /**/ 5, 0, 1], [3, 2, 1]); // classes 0, 0; then 0
  const progress: number[] = [];
  const options = { labelled: true, onProgress: (done: number) => progress.push(done) };
  const found = await compareAnswers(float32, int8, labelled([0, 1], undefined, [0]), options);
  assert.deepEqual(found, { images: 3, same: 1, right: { float32: 2, int8: 2, onlyFloat32: 1, onlyInt8: 1 } });
  assert.deepEqual(progress, [2, 3]);
  await collect();
  assert.ok(liveTensors() <= before);
});

test('without classes only equal answers are counted', async () => {
  const found = await compareAnswers(session([1, 2, 3]), session([1, 2, 3]), labelled([0]), { labelled: false });
  assert.deepEqual(found, { images: 1, same: 1 });
});
