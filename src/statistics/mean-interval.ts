// The mean of a sample and the interval in which the mean of all lies, by Student's t.

import { mean } from './order.ts';
import { criticalValue } from './student-t.ts';

export interface MeanInterval {
  mean: number;
  /** Standard deviation of the sample; 0 of one value. */
  deviation: number;
  /** Half the width of the 95% interval; undefined of one value. */
  halfWidth: number | undefined;
}

/** Values from which an interval is worth showing: half of that of two is 12.7 standard errors. */
export const fewestForInterval = 3;

/** @param values at least one */
export function meanInterval(values: readonly number[]): MeanInterval {
  const centre = mean([...values]);
  const degrees = values.length - 1;
  if (degrees < 1) return { mean: centre, deviation: 0, halfWidth: undefined };
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / degrees);
  return { mean: centre, deviation, halfWidth: (criticalValue(0.025, degrees) * deviation) / Math.sqrt(values.length) };
}
