// The decay of the norms' moving statistics in a training too short for the recipe's or the layout's: at 0.9997 they
// still have 86% of their initial values after 500 steps, and the evaluation, which uses them, would be of another
// network.

const least = 0.9;
/** A training has so many times the steps after which a value counts 1 / e: its start counts e ^ −20 in the end. */
const spans = 20;

/**
 * Returns the decay for a training of so many steps if the usual one is too slow for it: 1 − 20 / steps, at least 0.9.
 */
export function shortNormDecay(usual: number, steps: number): number | undefined {
  const fitting = Math.max(least, 1 - spans / steps);
  return fitting < usual ? Number(fitting.toFixed(5)) : undefined;
}
