// Kendall's rank correlation: whether a cheap measure ranks things as an expensive one does.

export interface RankCorrelation {
  /** τ-b, from −1 (reversed) over 0 (no relation) to 1 (the same order). */
  tau: number;
  /** Its 95% interval. */
  low: number;
  high: number;
}

/** With fewer pairs of measures the interval is meaningless. */
const minimumForCorrelation = 5;

const standardNormal95 = 1.959964;

/**
 * Computes τ-b of two measures of the same things. The interval is from Fieller, Hartley and Pearson (1957): atanh τ
 * has a variance of 0.437 / (n − 4). If all pairs agree, the interval is computed for half a pair less, because atanh 1
 * is infinite. Returns undefined for fewer than five things, and if all are equal in one of the measures.
 */
export function rankCorrelation(first: readonly number[], second: readonly number[]): RankCorrelation | undefined {
  const count = first.length;
  if (count < minimumForCorrelation) return undefined;
  let concordance = 0; // pairs in the same order minus pairs in opposite order
  let untiedFirst = 0;
  let untiedSecond = 0;
  for (let a = 1; a < count; a++) {
    for (let b = 0; b < a; b++) {
      const inFirst = Math.sign(first[a]! - first[b]!);
      const inSecond = Math.sign(second[a]! - second[b]!);
      concordance += inFirst * inSecond;
      untiedFirst += inFirst * inFirst;
      untiedSecond += inSecond * inSecond;
    }
  }
  if (untiedFirst === 0 || untiedSecond === 0) return undefined;
  const tau = concordance / Math.sqrt(untiedFirst * untiedSecond);
  const largest = 1 - 2 / (count * (count - 1)); // reversing one pair changes τ by twice the difference to 1
  const centre = Math.atanh(Math.max(-largest, Math.min(largest, tau)));
  const halfWidth = standardNormal95 * Math.sqrt(0.437 / (count - 4));
  return {
    tau,
    low: Math.min(tau, Math.tanh(centre - halfWidth)),
    high: Math.max(tau, Math.tanh(centre + halfWidth)),
  };
}
