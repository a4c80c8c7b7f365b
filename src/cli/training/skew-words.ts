// What is said of classes that have very different numbers of images, before a training begins.

import { ClassNames } from '../../data/class-names.ts';
import { classCounts, skewedFrom, skewOf } from '../../train/class-balance.ts';
import type { Balance } from '../../train/recipe-choices.ts';
import { whole } from '../../words.ts';

/** Returns a sentence about a skewed dataset, or about what --balance does; undefined if there is nothing to say. */
export function skewSentence(
  { name, classes, labels }: { name: string; classes: string[]; labels: ArrayLike<number> },
  balance: Balance | undefined,
): string | undefined {
  const images = classCounts(labels, classes.length);
  const skew = skewOf(images);
  if (!skew || (skew.ratio < skewedFrom && !balance)) return undefined;
  const titles = new ClassNames(classes).titles();
  const { largest, smallest, ratio } = skew;
  const each = `each class${images.includes(0) ? ' that has any' : ''}`;
  const extremes = `${titles[largest.label]}, ${whole(smallest.images)} of ${titles[smallest.label]} (${ratio.toFixed(1)} to 1)`;
  const counts = `${name}: ${whole(largest.images)} images of ${ratio === 1 ? each : extremes}`;
  const effects = {
    weights: 'an image counts as much more in the loss as its class is rarer',
    sampling: 'an epoch shows equally many images of each class, those of rare classes repeatedly',
  };
  if (balance) return `${counts}; ${effects[balance]}, and the balanced accuracy chooses the best epoch`;
  return `${counts}: frequent classes dominate the training. --balance weights: ${effects.weights}; --balance sampling: ${effects.sampling}`;
}
