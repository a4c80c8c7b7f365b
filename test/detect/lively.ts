// A small detector with initial weights that finds many objects, for what compares outputs of one detector.

import { buildDetector, type Detector } from '../../src/detect/detector.ts';
import type { DetectorDescription } from '../../src/detect/detector-file.ts';
import { detectorSettings, type HeadName } from '../../src/detect/detector-settings.ts';
import { noGrad } from '../../src/engine/memory.ts';
import { nasnetA } from '../../src/space/published.ts';

/** Factors of initial weights with which scores spread from 0.1 to 0.9, and boxes leave their anchors. */
const factors: Record<HeadName, Record<string, number>> = {
  paper: { 'proposals.scores': 30, 'outputs.classes': 0.03, 'proposals.boxes': 5, 'outputs.boxes': 0.05 },
  fpn: { 'proposals.scores': 3, 'outputs.classes': 3, 'proposals.boxes': 2, 'outputs.boxes': 2 },
};

/** A detector whose scores differ from each other as those of a trained one do. */
export function lively(head: HeadName, input: readonly [number, number]): Detector {
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
      const factor = Object.entries(factors[head]).find(([part]) => name.endsWith(`${part}.weight`));
      if (factor) weight.mul_(factor[1]);
    }
  });
  return detector;
}

export const describeLively = (detector: Detector): DetectorDescription => ({
  architecture: nasnetA,
  settings: detector.plan.settings,
  categories: Array.from({ length: 5 }, (_, id) => ({ id, name: `class ${id}` })),
  origin: 'made by a test',
});
