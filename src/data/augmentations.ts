// The parameters of augmentation; augmentation.ts applies them. This file does not load the engine.

export interface Augmentation {
  /** Factor by which the image is enlarged before a random crop to its size; 1: none. */
  enlarge: number;
  /** Maximum translation in both directions as a share of the image's side, with reflected borders. Default: 0. */
  translate?: number;
  /**
   * Horizontal flips of half of the images: true: at random; 'alternate': each image in every other epoch, starting at
   * random (Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", 2024), so that two epochs contain both versions.
   */
  flip: boolean | 'alternate';
  /** Cutout: side in pixels of the square that is blanked around a random pixel (DeVries and Taylor, 2017); 0: none. */
  cutout: number;
}

/** The augmentation of a recipe, which depends on the length of the training. */
export interface AugmentationByLength extends Augmentation {
  epochs: number;
  /** Images are translated if the training has at least so many epochs. Default: 0. */
  translateFrom?: number;
  /** In a shorter training of at least so many epochs they are translated by half as much. Default: never. */
  halfTranslateFrom?: number;
}

/** Returns the augmentation of a training of the recipe's length. */
export function augmentationOf<Recipe extends AugmentationByLength>(recipe: Recipe): Recipe {
  const { epochs, translate = 0, translateFrom = 0, halfTranslateFrom = translateFrom } = recipe;
  if (epochs >= translateFrom) return recipe;
  return { ...recipe, translate: epochs >= halfTranslateFrom ? translate / 2 : 0 };
}

/** The two ways to vary positions in an image. */
export const augmentations = {
  /**
   * The paper's augmentation (appendix A.1): a random crop of the image enlarged from 32 to 40 pixels. Objects are a
   * quarter larger than stored.
   */
  enlarge: { enlarge: 40 / 32, translate: 0 },
  /**
   * The usual augmentation for CIFAR-10 (4 of 32 pixels, as in DARTS and most residual networks). Objects keep their
   * size.
   */
  translate: { enlarge: 1, translate: 4 / 32 },
  none: { enlarge: 1, translate: 0 },
} as const satisfies Record<string, Pick<Augmentation, 'enlarge' | 'translate'>>;

export type AugmentationName = keyof typeof augmentations;
export const augmentationNames = Object.keys(augmentations) as AugmentationName[];

/** Returns the side in pixels of an enlarged image of `size` pixels. */
export const enlargedSide = (factor: number, size: number) => Math.round(factor * size);
