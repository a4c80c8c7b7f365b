// Random cells for measurements and estimates, and the cell that a search is likely to build larger.

import { RandomStream } from '../random/stream.ts';
import { sampleDecisions } from '../space/sample.ts';
import { Candidate } from '../study/candidate.ts';
import type { SearchSettings } from '../study/settings.ts';

const cellCount = 60;

const maxSamples = 2000;

/** The fixed random cells of each space and number of blocks so far, which keep the plans that were made of them. */
const sampled = new Map<string, Candidate[]>();

/** Returns fixed random cells within the limits of a search; only few if most cells exceed the limits. */
export function randomCells({ space, blocks }: SearchSettings, accepts = (_: Candidate): boolean => true): Candidate[] {
  const random = new RandomStream('estimate');
  const key = JSON.stringify([space, blocks]);
  const samples = sampled.get(key) ?? [];
  sampled.set(key, samples);
  const sampleOf = (place: number) =>
    new Candidate(sampleDecisions(random.split(`cell ${place}`), blocks, space), space);
  const cells: Candidate[] = [];
  for (let place = 0; cells.length < cellCount && place < maxSamples; place++) {
    samples[place] ??= sampleOf(place);
    const candidate = samples[place] as Candidate;
    if (accepts(candidate)) cells.push(candidate);
  }
  return cells.length > 0 ? cells : [samples[0]!];
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
