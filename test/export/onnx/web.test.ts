// The exported file in the browser's runtime, WebAssembly, which also runs in Node.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { env, InferenceSession, Tensor } from 'onnxruntime-web';
import { randn } from '../../../src/engine/create.ts';
import { setThreads } from '../../../src/engine/machine.ts';
import { noGrad } from '../../../src/engine/memory.ts';
import { buildOnnx } from '../../../src/export/onnx/export-onnx.ts';
import { relativeDifference } from '../../../src/export/onnx/verify.ts';
import type { PlanOptions } from '../../../src/plan/plan.ts';
import { nasnetA } from '../../../src/space/published.ts';
import { example } from './networks.ts';

setThreads(1);
env.wasm.numThreads = 1;

test('onnxruntime-web gives the same logits in both layouts', async () => {
  const layouts: PlanOptions[] = [
    { cells: 1, filters: 4, input: 16, classes: 10 },
    { layout: 'imagenet', cells: 1, filters: 4, input: [65, 70], classes: 7 },
  ];
  for (const options of layouts) {
    const { network, description } = example(nasnetA, options, 4);
    const images = randn([2, 3, ...network.plan.input.slice(0, 2)]);
    const logits = noGrad(() => network.forward(images).logits).toArray() as Float32Array;
    const session = await InferenceSession.create(buildOnnx(network, description));
    const results = await session.run({
      images: new Tensor('float32', images.toArray() as Float32Array, images.shape),
    });
    await session.release();
    assert.deepEqual(results.logits!.dims, [2, options.classes]);
    const difference = relativeDifference(logits, results.logits!.data as Float32Array);
    assert.ok(difference <= 1e-4, `${network.plan.layout}: ${difference}`);
  }
});
