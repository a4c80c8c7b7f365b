// Kendall's rank correlation: whether one way of measuring (a cheap proxy) puts things into the order of another (a dear one).

export interface RankCorrelation {
  /** τ-b, from −1 (reversed) over 0 (no relation) to 1 (the same order). */
  tau: number;
  /** Its 95% interval. */
  low: number;
  high: number;
}

/** Pairs of measures below which an interval says nothing. */
export const fewestForCorrelation = 5;

const standardNormal95 = 1.959964;

/**
 * τ-b of two measures of the same things. The interval is Fieller's, Hartley's and Pearson's (1957): atanh τ has a variance of
 * 0.437 / (n − 4). Where all pairs agree, it is taken from half a pair less than that, for atanh 1 is infinite. Undefined for fewer
 * than five things, and where all are equal in one of the measures.
 */
export function rankCorrelation(first: readonly number[], second: readonly number[]): RankCorrelation | undefined {
  const count = first.length;
  if (count < fewestForCorrelation) return undefined;
  let agreeing = 0; // pairs in the same order, less those in opposite order
  let untiedFirst = 0;
  let untiedSecond = 0;
  for (let a = 1; a < count; a++) {
    for (let b = 0; b < a; b++) {
      const inFirst = Math.sign(first[a]! - first[b]!);
      const inSecond = Math.sign(second[a]! - second[b]!);
      agreeing += inFirst * inSecond;
      untiedFirst += inFirst * inFirst;
      untiedSecond += inSecond * inSecond;
    }
  }
  if (untiedFirst === 0 || untiedSecond === 0) return undefined;
  const tau = agreeing / Math.sqrt(untiedFirst * untiedSecond);
  const most = 1 - 2 / (count * (count - 1)); // when a pair turns round, τ moves by twice that
  const middle = Math.atanh(Math.max(-most, Math.min(most, tau)));
  const reach = standardNormal95 * Math.sqrt(0.437 / (count - 4));
  return {
    tau,
    low: Math.min(tau, Math.tanh(middle - reach)),
    high: Math.max(tau, Math.tanh(middle + reach)),
  };
}
