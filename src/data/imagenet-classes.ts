// ImageNet's 1,000 classes (ILSVRC 2012 and later) in the order of published networks' logits, that is of sorted
// WordNet identifiers. imagenet-classes.json has wnid, number in the challenge's devkit, and name.

import table from './imagenet-classes.json' with { type: 'json' };

export interface ImagenetClass {
  /** WordNet identifier, which is the name of the class's folder. */
  readonly wnid: string;
  /** ILSVRC2012_ID of the devkit's meta.mat, 1 to 1,000; a different order. */
  readonly devkitNumber: number;
  /** The synset's first word, made unique. */
  readonly name: string;
}

/** The classes in the order of the logits. */
export const imagenetClasses: readonly ImagenetClass[] = (table as [string, number, string][]).map(
  ([wnid, devkitNumber, name]) => ({ wnid, devkitNumber, name }),
);

/** TensorFlow's networks have this class before the 1,000. */
const background = 'background';

/** Returns the class names of a network: the 1,000, or 1,001 with 'background' first. */
export function imagenetNames(count: 1000 | 1001 = 1000): string[] {
  const names = imagenetClasses.map(({ name }) => name);
  return count === 1001 ? [background, ...names] : names;
}

/**
 * Returns the index of ImageNet's first class among a network's classes; undefined if they are not ImageNet's 1,000 or
 * 1,001.
 */
export function imagenetOffset(classes: readonly string[]): 0 | 1 | undefined {
  for (const offset of [0, 1] as const) {
    if (
      classes.length === 1000 + offset &&
      imagenetClasses.every(({ name }, index) => classes[index + offset] === name)
    ) {
      return offset;
    }
  }
  return undefined;
}
