// How well anchors fit objects, against every anchor compared with every object.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { anchorFit, bestOverlap } from '../../src/detect/anchor-fit.ts';
import { anchorsOf } from '../../src/detect/anchors.ts';
import { planDetector } from '../../src/detect/detector-plan.ts';
import { detectorSettings, headNames, headRules } from '../../src/detect/detector-settings.ts';
import { tensor } from '../../src/engine/create.ts';
import { scope } from '../../src/engine/memory.ts';
import { boxIou } from '../../src/engine/regions.ts';
import { RandomStream } from '../../src/random/stream.ts';
import { nasnetA } from '../../src/space/published.ts';

const network = { cells: 1, filters: 4, stemChannels: 8 };
const input = [96, 128] as const;

for (const head of headNames) {
  const plan = planDetector(nasnetA, detectorSettings({ head, network, input }), 3);

  test(`${head}: the best overlap is the greatest IoU with all anchors that learn`, () => {
    const random = new RandomStream(head);
    const { ratios, crossingAnchors } = headRules[head];
    const all = plan.levels.flatMap((level) => [...anchorsOf(level, [level.shape[0], level.shape[1]], ratios)]);
    const anchors = Array.from({ length: all.length / 4 }, (_, anchor) => all.slice(4 * anchor, 4 * anchor + 4));
    for (let turn = 0; turn < 200; turn++) {
      const extent = [40 + random.integer(57), 60 + random.integer(69)] as const;
      const learns = ([x1, y1, x2, y2]: number[]) =>
        crossingAnchors || (x1! >= 0 && y1! >= 0 && x2! <= extent[1] && y2! <= extent[0]);
      const [x, y] = [random.uniform() * extent[1] * 0.8, random.uniform() * extent[0] * 0.8];
      const box = [x, y, x + 1 + random.uniform() * 60, y + 1 + random.uniform() * 60] as const;
      const learning = anchors.filter(learns);
      const expected = scope(() =>
        Math.max(0, ...boxIou(tensor(learning.flat(), [learning.length, 4]), tensor([...box], [1, 4])).toArray()),
      );
      assert.ok(Math.abs(bestOverlap(box, plan, extent) - expected) < 1e-5, `turn ${turn}`);
    }
  });
}

test('an object like an anchor fits, a sliver does not, a crowd does not count, and no objects have no fit', () => {
  const plan = planDetector(nasnetA, detectorSettings({ head: 'fpn', network, input, anchor: 16 }), 3);
  const box = (width: number, height: number, crowd = false) => ({
    ...{ x: 64 - width / 2, y: 48 - height / 2, width, height },
    ...{ category: 0, crowd, area: width * height, id: 1 },
  });
  const picture = { path: 'a.png', name: 'a.png', id: 1, width: 128, height: 96 };
  const fitOf = (...boxes: ReturnType<typeof box>[]) => anchorFit(plan, [{ ...picture, boxes }]);
  assert.deepEqual(fitOf(box(32, 32), box(90, 2), box(50, 50, true)), { objects: 2, good: 0.5, poor: 0.5 });
  assert.equal(fitOf(), undefined);
});
