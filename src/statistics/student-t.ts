// Student's t distribution for whole degrees of freedom, from the finite series of Abramowitz and Stegun, 26.7.3 and 26.7.4.

/** P(T > t) for t of 0 or more. Its rounding error is about 1e-16, so it says nothing of probabilities near that. */
export function upperTail(t: number, freedom: number): number {
  const angle = Math.atan(t / Math.sqrt(freedom));
  const odd = freedom % 2 === 1;
  const squaredCosine = Math.cos(angle) ** 2;
  let term = odd ? Math.cos(angle) : 1;
  let sum = 0;
  for (let power = odd ? 1 : 0; power <= freedom - 2; power += 2) {
    sum += term;
    term *= ((power + 1) / (power + 2)) * squaredCosine;
  }
  const within = odd ? (2 / Math.PI) * (angle + Math.sin(angle) * sum) : Math.sin(angle) * sum; // P(|T| ≤ t)
  return (1 - within) / 2;
}

/** The t that is exceeded with this probability, of at most 1/2. */
export function criticalValue(tail: number, freedom: number): number {
  let high = 1;
  while (upperTail(high, freedom) > tail) high *= 2;
  let low = 0;
  while (high - low > 1e-9 * high) {
    const middle = (low + high) / 2;
    if (upperTail(middle, freedom) > tail) low = middle;
    else high = middle;
  }
  return high;
}
