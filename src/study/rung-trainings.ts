// What a child goes through from rung to rung: which training each one is, and whether it goes on from the weights of the one before.

import type { SearchSettings, Training } from './settings.ts';

/** The trainings of all rungs, from the lowest up: the child's alone where there is no ladder. */
export function rungTrainings({ child, ladder }: SearchSettings): Training[] {
  return [child, ...(ladder?.rungs ?? [])];
}

/** Whether a network of one training has the shapes of the other's, so that it can go on from its weights and momentum. */
export function goesOn(from: Training, to: Training): boolean {
  const auxiliary = from.recipe.auxiliaryWeight > 0 || to.recipe.auxiliaryWeight > 0; // its shapes depend on the resolution
  const same = (['cells', 'filters', 'layout', 'stemChannels', 'skipReductionInput'] as const).every(
    (size) => from[size] === to[size],
  );
  return same && (!auxiliary || from.resolution === to.resolution);
}

/** Why a child of one training cannot go on to the other, in words: "F 8 → 16". */
export function whyAnew(from: Training, to: Training): string {
  const changes = [
    from.cells === to.cells ? '' : `N ${from.cells} → ${to.cells}`,
    from.filters === to.filters ? '' : `F ${from.filters} → ${to.filters}`,
  ].filter(Boolean);
  return changes.join(', ') || `${from.resolution} → ${to.resolution} pixels before the auxiliary head`;
}
