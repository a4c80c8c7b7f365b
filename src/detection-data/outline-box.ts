// The box around an object's outline, in the two forms that COCO files have: polygons, and masks in run lengths.

import type { Box } from '../coco/box.ts';

/** Returns the box around polygons [x1, y1, x2, y2, …]; undefined without at least one point. */
export function boxOfPolygons(polygons: readonly (readonly number[])[]): Box | undefined {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const points of polygons) {
    for (let place = 0; place + 1 < points.length; place += 2) {
      const [x, y] = [points[place]!, points[place + 1]!];
      if (!Number.isFinite(x) || !Number.isFinite(y)) return undefined;
      [left, right] = [Math.min(left, x), Math.max(right, x)];
      [top, bottom] = [Math.min(top, y), Math.max(bottom, y)];
    }
  }
  return left === Infinity ? undefined : { x: left, y: top, width: right - left, height: bottom - top };
}

/** Returns the box around an outline as a COCO file has it; undefined if it has none. */
export function boxOfSegmentation(segmentation: unknown): Box | undefined {
  if (Array.isArray(segmentation)) {
    const polygons = segmentation.every(Array.isArray) ? segmentation : [segmentation];
    return boxOfPolygons(polygons as number[][]);
  }
  const { counts, size } = (segmentation ?? {}) as { counts?: unknown; size?: unknown };
  const height = Array.isArray(size) ? Number(size[0]) : 0;
  if (!(height > 0)) return undefined;
  if (typeof counts === 'string') return boxOfRuns(runsOf(counts), height);
  return Array.isArray(counts) ? boxOfRuns(counts.map(Number), height) : undefined;
}

/** Run lengths alternate between background and object, down the columns of a picture. */
function boxOfRuns(runs: readonly number[], height: number): Box | undefined {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  let start = 0;
  for (const [place, length] of runs.entries()) {
    const end = start + length;
    if (place % 2 === 1 && length > 0) {
      const [first, last] = [Math.floor(start / height), Math.floor((end - 1) / height)]; // columns
      [left, right] = [Math.min(left, first), Math.max(right, last)];
      const severalColumns = last > first;
      top = Math.min(top, severalColumns ? 0 : start % height);
      bottom = Math.max(bottom, severalColumns ? height - 1 : (end - 1) % height);
    }
    start = end;
  }
  return left === Infinity ? undefined : { x: left, y: top, width: right - left + 1, height: bottom - top + 1 };
}

/** Decodes COCO's compressed runs: five bits a character from '0' on, low bits first, differences from the third on. */
function runsOf(text: string): number[] {
  const runs: number[] = [];
  for (let at = 0; at < text.length; ) {
    let [value, shift, code] = [0, 0, 0];
    do {
      code = text.charCodeAt(at++) - 48;
      value |= (code & 0x1f) << shift;
      shift += 5;
    } while (code & 0x20 && at < text.length);
    if (code & 0x10) value |= -1 << shift;
    runs.push(runs.length > 2 ? value + runs[runs.length - 2]! : value);
  }
  return runs;
}
