// ONNX files of both heads find what the engine finds.

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Detector } from '../../../src/detect/detector.ts';
import { headNames } from '../../../src/detect/detector-settings.ts';
import { allowed, exportDetector } from '../../../src/detect/onnx/detector-onnx.ts';
import { rand } from '../../../src/engine/create.ts';
import { noGrad } from '../../../src/engine/memory.ts';
import { Failure } from '../../../src/failure.ts';
import { describeLively, lively } from '../lively.ts';

const folder = mkdtempSync(join(tmpdir(), 'nasnet-detector-onnx-'));
after(() => rmSync(folder, { recursive: true }));

for (const head of headNames) {
  for (const input of [
    [64, 64],
    [75, 98],
  ] as const) {
    test(`${head} at ${input.join(' × ')}: onnxruntime finds the engine's objects, to 0.01 pixel and 1e-4`, async () => {
      const detector = lively(head, input);
      const path = join(folder, `${head}-${input[0]}.onnx`);
      using picture = rand([1, 3, ...input]);
      const { comparison } = await exportDetector(path, detector, describeLively(detector), {
        images: [picture],
        leastScore: 0.1,
      });
      assert.ok(existsSync(path));
      assert.equal(comparison!.pictures, 3);
      assert.ok(comparison!.objects > 20, `${comparison!.objects} objects`);
      assert.ok(comparison!.pixels <= allowed.pixels && comparison!.score <= allowed.score, JSON.stringify(comparison));
    });
  }
}

test('a file that finds something else is not written', async () => {
  const detector = lively('fpn', [64, 64]);
  const path = join(folder, 'other.onnx');
  const state = detector.stateDict();
  const altered = Object.assign(Object.create(detector), {
    stateDict: () => ({ ...state, 'proposals.boxes.bias': noGrad(() => state['proposals.boxes.bias']!.add(1)) }),
  }) as Detector;
  Object.defineProperty(altered, 'plan', { value: detector.plan });
  altered.detect = (...inputs) => detector.detect(...inputs);
  await assert.rejects(
    exportDetector(path, altered, describeLively(detector), { leastScore: 0.1 }),
    (error) => error instanceof Failure && /nothing is written/.test(error.message),
  );
  assert.equal(existsSync(path), false);
});
