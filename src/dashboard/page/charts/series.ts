// What a chart shows.

import type { Shape } from './axis.ts';

export interface Series {
  name: string;
  kind: 'points' | 'line' | 'steps';
  x: ArrayLike<number>;
  /** NaN: there is none. */
  y: ArrayLike<number>;
  /** The lower and the upper end of an interval. */
  low?: ArrayLike<number>;
  high?: ArrayLike<number>;
  /** The identifier of each point, such as the number of its trial. Absent: points cannot be chosen. */
  ids?: ArrayLike<number>;
  /** Whether x never falls, so that a part is found quickly. */
  sorted?: boolean;
  /** A custom property of the theme: `--s1`. */
  colour: string;
  shape?: Shape;
  /** Radius of points in pixels. */
  size?: number;
  width?: number;
  dash?: number[];
  faint?: boolean;
  /** Where the last step ends. */
  until?: number;
  /** The indices that are shown; set while painting. */
  range?: readonly [number, number];
  /** Not in the legend. */
  quiet?: boolean;
}

/** The first index whose x is at least `value`. */
export function lowerBound(xs: ArrayLike<number>, value: number): number {
  let [low, high] = [0, xs.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (xs[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
