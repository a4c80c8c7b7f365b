// What the controller's own figures say to a reader: here, that it has stopped to search.

import { percent, whole } from '../words.ts';

const collapsed = 0.1; // of the uniform policy's entropy

/**
 * A warning when the controller decides nearly the same every time; undefined while it still searches, and for strategies without
 * these figures.
 */
export function collapseWarning(figures: Record<string, number>): string | undefined {
  const { update, inputEntropy, operationEntropy } = figures;
  if (update === undefined || inputEntropy === undefined || operationEntropy === undefined) return undefined;
  if (Math.max(inputEntropy, operationEntropy) > collapsed) return undefined;
  return (
    `After ${whole(update)} updates the controller decides nearly the same every time (${percent(operationEntropy)} of the entropy of chance ` +
    'is left for operations): it has stopped to search. A larger entropy weight or a smaller learning rate keeps it searching.'
  );
}
