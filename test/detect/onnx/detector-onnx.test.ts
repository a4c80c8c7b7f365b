// ONNX files of both heads find what the engine finds.

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { buildDetector, type Detector } from '../../../src/detect/detector.ts';
import { detectorSettings, type HeadName, headNames } from '../../../src/detect/detector-settings.ts';
import { allowed, exportDetector } from '../../../src/detect/onnx/detector-onnx.ts';
import { rand } from '../../../src/engine/create.ts';
import { noGrad } from '../../../src/engine/memory.ts';
import { Failure } from '../../../src/failure.ts';
import { nasnetA } from '../../../src/space/published.ts';

const folder = mkdtempSync(join(tmpdir(), 'nasnet-detector-onnx-'));
after(() => rmSync(folder, { recursive: true }));

/** A detector whose scores differ from each other as those of a trained one do. */
function lively(head: HeadName, input: readonly [number, number]): Detector {
  const settings = detectorSettings({
    head,
    network: { cells: 1, filters: 4, stemChannels: 8 },
    input,
    channels: 16,
    ...(head === 'fpn' && { hidden: 32 }),
    proposals: 40,
  });
  const detector = buildDetector(nasnetA, settings, 5, { seed: 2 }).train(false);
  noGrad(() => {
    for (const [name, weight] of detector.namedParameters()) {
      if (/scores\.weight|outputs\.classes\.weight/.test(name)) weight.mul_(head === 'paper' ? 30 : 3);
      if (/proposals\.boxes\.weight|outputs\.boxes\.weight/.test(name)) weight.mul_(head === 'paper' ? 5 : 2);
    }
  });
  return detector;
}

const describe = (detector: Detector) => ({
  architecture: nasnetA,
  settings: detector.plan.settings,
  categories: Array.from({ length: 5 }, (_, id) => ({ id, name: `class ${id}` })),
  origin: 'made by a test',
});

for (const head of headNames) {
  for (const input of [
    [64, 64],
    [75, 98],
  ] as const) {
    test(`${head} at ${input.join(' × ')}: onnxruntime finds the engine's objects, to 0.01 pixel and 1e-4`, async () => {
      const detector = lively(head, input);
      const path = join(folder, `${head}-${input[0]}.onnx`);
      using picture = rand([1, 3, ...input]);
      const { comparison } = await exportDetector(path, detector, describe(detector), {
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
    exportDetector(path, altered, describe(detector), { leastScore: 0.1 }),
    (error) => error instanceof Failure && /nothing is written/.test(error.message),
  );
  assert.equal(existsSync(path), false);
});
