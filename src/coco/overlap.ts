// How far two boxes overlap.

import type { Box } from './box.ts';

/** Returns the pixels that two boxes share. */
export function intersection(one: Box, other: Box): number {
  const width = Math.min(one.x + one.width, other.x + other.width) - Math.max(one.x, other.x);
  if (width <= 0) return 0;
  const height = Math.min(one.y + one.height, other.y + other.height) - Math.max(one.y, other.y);
  return height <= 0 ? 0 : width * height;
}

/**
 * Returns intersection over union as COCO defines it, real boxes without an extra pixel. With a crowd, the union is the
 * detection: one that lies within a crowd overlaps it fully.
 */
export function overlapWith(detection: Box, truth: Box & { crowd?: boolean }): number {
  const shared = intersection(detection, truth);
  if (shared === 0) return 0;
  const area = detection.width * detection.height;
  return shared / (truth.crowd ? area : area + truth.width * truth.height - shared);
}
