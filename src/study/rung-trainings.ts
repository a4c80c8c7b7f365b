// What a child goes through from rung to rung: which training each one is, and whether it goes on from the weights of the one before.

import { RandomStream } from '../random/stream.ts';
import { armOf } from '../search/arms-strategy.ts';
import { armNames } from '../search/strategy.ts';
import { decode } from '../space/decisions.ts';
import type { TrialToEvaluate } from './evaluation.ts';
import type { PausedChildren } from './paused-children.ts';
import type { SearchSettings, Training } from './preset.ts';
import type { LadderOptions } from './promotions.ts';
import type { SeededTraining, TrainingJob } from './training-job.ts';

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

/** A child's training at a rung as a worker is told of it. Every rung has random numbers of its own. */
export function childJob(
  settings: SearchSettings,
  { number, decisions, rung = 0 }: TrialToEvaluate,
  paused: PausedChildren,
): TrainingJob {
  const trainings = rungTrainings(settings);
  const seeded = (place: number): SeededTraining => ({
    training: trainings[place]!,
    seed: `${settings.seed}, trial ${number}${place === 0 ? '' : `, rung ${place}`}`,
  });
  let first = rung;
  while (first > 0 && goesOn(trainings[first - 1]!, trainings[first]!)) first--;
  const earlier = Array.from({ length: rung - first }, (_, index) => seeded(first + index));
  const above = trainings[rung + 1];
  const waits = above !== undefined && goesOn(trainings[rung]!, above);
  return {
    architecture: decode(decisions, settings.space),
    ...seeded(rung),
    ...(earlier.length > 0 && { earlier }),
    ...((earlier.length > 0 || waits) && {
      paused: {
        from: earlier.length > 0 ? paused.path(number, rung - 1) : undefined,
        to: waits ? paused.path(number, rung) : undefined,
      },
    }),
  };
}

/** The rule of a search's ladder: one for each arm, and where there are several, one for the given cells, which are no arm's. */
export function ladderOptions({ ladder, seed, strategy, known }: SearchSettings): LadderOptions | undefined {
  if (!ladder) return undefined;
  const arms = armNames(strategy).length;
  const { reduction, randomShare } = ladder;
  const lot = (member: number, rung: number) => new RandomStream(`${seed}, trial ${member}, lot at rung ${rung}`);
  return {
    rungs: 1 + ladder.rungs.length,
    reduction,
    ...(randomShare > 0 && { drawn: (member, rung) => lot(member, rung).uniform() < randomShare }),
    ladders: arms > 1 && known.length > 0 ? arms + 1 : arms,
    ladderOf: (trial) => (arms > 1 && trial < known.length ? arms : armOf(trial, arms)),
  };
}
