// The range that 8 bits of a value cover, from a histogram of what the value was on the calibration images. A wide
// range cuts nothing off and has large steps; a narrow one cuts off rare values and has small steps.

export interface Range {
  low: number;
  high: number;
}

/** How often a value lay in each of equal intervals from low to high. */
export interface Histogram extends Range {
  readonly counts: Float64Array;
}

export const rangeMethods = ['min-max', 'percentile'] as const;
export type RangeMethod = (typeof rangeMethods)[number];

/** The share of the numbers that `percentile` cuts off at each end of the range. */
const cutOff = 0.00005;

/** Returns the range of a method; it holds 0, which ReLUs and paddings need exactly. */
export function rangeOf(method: RangeMethod, histogram: Histogram): Range {
  const { low, high } = method === 'percentile' ? percentile(histogram) : histogram;
  return { low: Math.min(low, 0), high: Math.max(high, 0) };
}

/** Where the histogram's ends are after `cutOff` of all numbers is cut off at each. */
function percentile({ low, high, counts }: Histogram): Range {
  const width = (high - low) / counts.length;
  const cut = cutOff * counts.reduce((sum, count) => sum + count, 0);
  return { low: low + width * binsWithin(counts, cut), high: high - width * binsWithin(counts.toReversed(), cut) };
}

/** Returns how many bins, from the first on, hold no more than `most` in all; never all of them. */
function binsWithin(counts: Float64Array, most: number): number {
  let [bins, held] = [0, counts[0]!];
  while (held <= most && bins < counts.length - 1) {
    bins += 1;
    held += counts[bins]!;
  }
  return bins;
}

/** A uint8 number q stands for scale · (q − zeroPoint). */
export interface Scale {
  readonly scale: number; // a float32
  readonly zeroPoint: number;
}

/** Returns the scale whose 256 steps cover a range that holds 0. */
export function scaleOf({ low, high }: Range): Scale {
  const scale = Math.fround((high - low) / 255) || 1; // all zeros: any scale
  return { scale, zeroPoint: Math.max(0, Math.min(255, Math.round(-low / scale))) };
}
