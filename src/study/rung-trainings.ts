// The trainings of a child at the rungs of a ladder, and whether one continues from the weights of the one before.

import type { SearchSettings, Training } from './settings.ts';

/** Returns the trainings of all rungs, the lowest first; only the child's if there is no ladder. */
export function rungTrainings({ child, ladder }: SearchSettings): Training[] {
  return [child, ...(ladder?.rungs ?? [])];
}

/**
 * Whether the networks of two trainings have the same shapes, so that the second can continue from the weights and
 * momentum of the first.
 */
export function canContinue(from: Training, to: Training): boolean {
  // the shapes of an auxiliary head depend on the resolution
  const auxiliary = from.recipe.auxiliaryWeight > 0 || to.recipe.auxiliaryWeight > 0;
  const same = (['cells', 'filters', 'layout', 'stemChannels', 'skipReductionInput'] as const).every(
    (size) => from[size] === to[size],
  );
  return same && (!auxiliary || from.resolution === to.resolution);
}

/** Returns why a child of one training cannot continue in the other: "F 8 → 16". */
export function reasonForRestart(from: Training, to: Training): string {
  const changes = [
    from.cells === to.cells ? '' : `N ${from.cells} → ${to.cells}`,
    from.filters === to.filters ? '' : `F ${from.filters} → ${to.filters}`,
  ].filter(Boolean);
  return changes.join(', ') || `${from.resolution} → ${to.resolution} pixels before the auxiliary head`;
}
