// ImageNet's 1,000 classes (ILSVRC 2012 and since) in the order of every published network's logits: that of the sorted WordNet
// identifiers. The table itself is imagenet-classes.json: wnid, number in the challenge's devkit, name.

import table from './imagenet-classes.json' with { type: 'json' };

export interface ImagenetClass {
  /** WordNet identifier: the name of the class's folder. */
  readonly wnid: string;
  /** ILSVRC2012_ID of the devkit's meta.mat, 1 to 1,000: an order of its own. */
  readonly devkitNumber: number;
  /** The synset's first word, told apart where two share it; no two are equal. */
  readonly name: string;
}

/** In the order of the logits. */
export const imagenetClasses: readonly ImagenetClass[] = (table as [string, number, string][]).map(
  ([wnid, devkitNumber, name]) => ({ wnid, devkitNumber, name }),
);

/** TensorFlow's networks have a class before the 1,000. */
const background = 'background';

/** The names of a network's logits: the 1,000, or 1,001 with 'background' first. */
export function imagenetNames(count: 1000 | 1001 = 1000): string[] {
  const names = imagenetClasses.map(({ name }) => name);
  return count === 1001 ? [background, ...names] : names;
}

/** The place of each class among a network's classes, or undefined where these are not ImageNet's 1,000 or 1,001. */
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
