// Behaviour of studies that older versions started. They continue as they started.

import type { SearchSettings } from './settings.ts';

/**
 * Whether a study validates children in the test view. Studies of versions up to 0.1.0 do not, and continue without it
 * so that their rewards stay comparable.
 */
export const matchesTestView = ({ child }: SearchSettings): boolean => child.recipe.matchTestView;

/** Returns a warning for users of such a study; undefined for other studies. */
export function testViewWarning(settings: SearchSettings): string | undefined {
  if (matchesTestView(settings)) return undefined;
  return `This study was started by nasnet 0.1.0, which validated children on images that look ${settings.child.recipe.enlarge} times smaller than their training images. It continues that way, so that its rewards stay comparable with each other; they are not comparable with those of a new study.`;
}
