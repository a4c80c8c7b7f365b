// Shows the faults of a dataset with boxes.

import type { Faults } from '../../detection-data/faults.ts';
import type { DetectionPart } from '../../detection-data/read-detection-data.ts';
import { whole } from '../../words.ts';
import type { LiveBlock } from '../terminal/live-block.ts';

/** Logs every kind of fault with its first places. @param mended whether conflicts were accepted */
export function logFaults(block: LiveBlock, faults: Faults, mended: boolean): void {
  block.draw([]);
  for (const line of faults.words(mended)) block.log(line);
}

/** Returns "80 pictures with 705 boxes of 80 classes in train2017". */
export function partWords({ name, dataset: { categories, pictures } }: DetectionPart): string {
  const boxes = pictures.reduce((sum, picture) => sum + picture.boxes.length, 0);
  return `${whole(pictures.length)} pictures with ${whole(boxes)} boxes of ${whole(categories.length)} classes in ${name}`;
}
