// Random cells for measurements and estimates, and the cell that a search is likely to build larger.

import { RandomStream } from '../random/stream.ts';
import { sampleDecisions } from '../space/sample.ts';
import { Candidate } from '../study/candidate.ts';
import type { SearchSettings } from '../study/settings.ts';

const cellCount = 60;

const maxSamples = 2000;

/** Returns fixed random cells within the limits of a search; only few if most cells exceed the limits. */
export function randomCells({ space, blocks }: SearchSettings, accepts = (_: Candidate): boolean => true): Candidate[] {
  const random = new RandomStream('estimate');
  const cells: Candidate[] = [];
  let first: Candidate | undefined;
  for (let sample = 0; cells.length < cellCount && sample < maxSamples; sample++) {
    const candidate = new Candidate(sampleDecisions(random.split(`cell ${sample}`), blocks, space), space);
    first ??= candidate;
    if (accepts(candidate)) cells.push(candidate);
  }
  return cells.length > 0 ? cells : [first!];
}

/**
 * Returns the cells whose mean cost is that of the final network: the first known one where known cells are preferred
 * and the limits accept it, else `random`.
 */
export function finalCells(
  { finalists, known: [first], space }: SearchSettings,
  random: readonly Candidate[],
  accepts = (_: Candidate): boolean => true,
): readonly Candidate[] {
  const preferred = finalists?.prefersKnown && first && new Candidate(first, space);
  return preferred && accepts(preferred) ? [preferred] : random;
}
