// Formats trainings and ranges for the printed settings of a search.

import type { Span } from '../../forecast/estimate.ts';
import type { Training } from '../../study/settings.ts';
import { whole } from '../../words.ts';

/** "N = 2, F = 32, 32 × 32 pixels, 20 epochs of 45,000 images, batch 64, learning rate 0.05" */
export function trainingWords(
  { cells, filters, resolution, trainingImages, recipe }: Training,
  available: number,
): string {
  const { batchSize, learningRate } = recipe;
  const images = whole(trainingImages ?? available);
  const network = networkWords({ cells, filters, resolution, recipe });
  return `${network} of ${images} images, batch ${batchSize}, learning rate ${learningRate}`;
}

/** "N = 2, F = 32, 32 × 32 pixels, 20 epochs" */
export function networkWords({
  cells,
  filters,
  resolution,
  recipe: { epochs },
}: Pick<Training, 'cells' | 'filters' | 'resolution' | 'recipe'>): string {
  return `N = ${cells}, F = ${filters}, ${resolution} × ${resolution} pixels, ${epochs} ${epochs === 1 ? 'epoch' : 'epochs'}`;
}

export const spanOf = ({ least, most }: Span, words: (value: number) => string): string =>
  joined(words(least), words(most));

/** "2 to 6 s", "50 s to 2 min"; one of two equal words. */
export function joined(low: string, high: string): string {
  if (low === high) return high;
  const [one, unit] = low.split(' ');
  return high.endsWith(` ${unit}`) ? `${one} to ${high}` : `${low} to ${high}`;
}
