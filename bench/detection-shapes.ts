// Writes made pictures of coloured shapes with COCO annotations, on which detectors are compared (docs/detection.md).
//
// node bench/detection-shapes.ts DIR [--training 2000] [--test 200] [--side 96] [--seed 1]

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { makeShapes, writeCoco } from '../test/detect/shapes.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    training: { type: 'string', default: '2000' },
    test: { type: 'string', default: '200' },
    side: { type: 'string', default: '96' },
    seed: { type: 'string', default: '1' },
  },
});
const [folder] = positionals;
if (folder === undefined) throw new Error('expected the folder to write');
const [side, seed] = [Number(values.side), Number(values.seed)];
mkdirSync(join(folder, 'annotations'), { recursive: true });
for (const [part, count, offset] of [
  ['train', Number(values.training), 0],
  ['val', Number(values.test), 1_000_000],
] as const) {
  const dataset = await makeShapes(join(folder, part), { count, seed: seed + offset, side });
  writeCoco(join(folder, 'annotations', `instances_${part}.json`), dataset);
}
