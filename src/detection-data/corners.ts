// Boxes by their corners.

import type { Box } from '../coco/box.ts';

/** Puts the corners of a box of negative size in order. */
export function inOrder(box: Box): void {
  if (box.width < 0) [box.x, box.width] = [box.x + box.width, -box.width];
  if (box.height < 0) [box.y, box.height] = [box.y + box.height, -box.height];
}

/** Removes the last bits that adding and subtracting left: 275.99 + 1 - 1 is 275.99. */
export const rounded = (value: number): number => Number(value.toFixed(9));
