// Interprets the controller's figures for readers: warns if it has stopped exploring.

import { percent, whole } from '../words.ts';

const collapseThreshold = 0.1; // relative to the uniform policy's entropy

/**
 * Returns a warning if the controller decides nearly the same every time; undefined otherwise, and for strategies
 * without these figures.
 */
export function collapseWarning(figures: Record<string, number>): string | undefined {
  const { update, inputEntropy, operationEntropy } = figures;
  if (update === undefined || inputEntropy === undefined || operationEntropy === undefined) return undefined;
  if (Math.max(inputEntropy, operationEntropy) > collapseThreshold) return undefined;
  return (
    `After ${whole(update)} updates the controller decides nearly the same every time (its decisions on operations ` +
    `have ${percent(operationEntropy)} of the entropy of random ones): it has stopped exploring. A larger entropy weight or a smaller learning rate keeps it exploring.`
  );
}
