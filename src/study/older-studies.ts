// What studies of older versions did otherwise. They go on as they began.

import type { SearchSettings } from './settings.ts';

/**
 * Whether a study measures its children as it trains them. Those of versions up to 0.1.0 do not, and go on as they began: their rewards would
 * not be comparable otherwise.
 */
export const matchesTestView = ({ child }: SearchSettings): boolean => child.recipe.matchTestView;

/** What that costs, for people; undefined for a study of today. */
export function testViewWarning(settings: SearchSettings): string | undefined {
  if (matchesTestView(settings)) return undefined;
  return `This study was begun by nasnet 0.1.0, which measured children on images that look ${settings.child.recipe.enlarge} times smaller than their training images. It continues that way, so that its rewards stay comparable with each other; those of a new study are not comparable with them.`;
}
