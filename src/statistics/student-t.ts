// Student's t distribution for whole degrees of freedom, from the finite series of Abramowitz and Stegun,
// 26.7.3 and 26.7.4.

/** Returns P(T > t) for t ≥ 0. Its rounding error is about 1e-16, so probabilities of that size are meaningless. */
export function upperTail(t: number, degreesOfFreedom: number): number {
  const angle = Math.atan(t / Math.sqrt(degreesOfFreedom));
  const odd = degreesOfFreedom % 2 === 1;
  const squaredCosine = Math.cos(angle) ** 2;
  let term = odd ? Math.cos(angle) : 1;
  let sum = 0;
  for (let power = odd ? 1 : 0; power <= degreesOfFreedom - 2; power += 2) {
    sum += term;
    term *= ((power + 1) / (power + 2)) * squaredCosine;
  }
  const within = odd ? (2 / Math.PI) * (angle + Math.sin(angle) * sum) : Math.sin(angle) * sum; // P(|T| ≤ t)
  return (1 - within) / 2;
}

/** Returns the t that T exceeds with probability `tail`, which is at most 1/2. */
export function criticalValue(tail: number, degreesOfFreedom: number): number {
  let high = 1;
  while (upperTail(high, degreesOfFreedom) > tail) high *= 2;
  let low = 0;
  while (high - low > 1e-9 * high) {
    const middle = (low + high) / 2;
    if (upperTail(middle, degreesOfFreedom) > tail) low = middle;
    else high = middle;
  }
  return high;
}
