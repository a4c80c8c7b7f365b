// Anchors: boxes of some sides and ratios around each place of a level, as in the released detector: the centre of
// place (row, column) is (stride · row, stride · column).

import type { Level } from './detector-plan.ts';

/**
 * Returns the anchors of a level as x1, y1, x2, y2 in the order of rows, columns, ratios, sides: float32
 * [height · width · anchors, 4].
 * @param ratios height : width is 1 : ratio
 */
export function anchorsOf(
  { stride, sides }: Pick<Level, 'stride' | 'sides'>,
  [height, width]: readonly [height: number, width: number],
  ratios: readonly number[],
): Float32Array {
  const shapes = anchorShapes(sides, ratios);
  const anchors = new Float32Array(height * width * shapes.length * 4);
  let place = 0;
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      for (const [high, wide] of shapes) {
        const [x, y] = [stride * column, stride * row];
        anchors.set([x - wide / 2, y - high / 2, x + wide / 2, y + high / 2], place);
        place += 4;
      }
    }
  }
  return anchors;
}

/** Returns height and width of the anchors of a place. */
export function anchorShapes(
  sides: readonly number[],
  ratios: readonly number[],
): (readonly [height: number, width: number])[] {
  return ratios.flatMap((ratio) => sides.map((side) => [side / Math.sqrt(ratio), side * Math.sqrt(ratio)] as const));
}
