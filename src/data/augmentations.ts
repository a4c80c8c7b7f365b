// What may be done to training images, as numbers: augmentation.ts does it to pixels. Nothing here loads the engine.

export interface Augmentation {
  /** The image is enlarged by this factor, then cropped back to its size at a random place; 1 leaves it. */
  enlarge: number;
  /** The image is moved by up to this share of its side, up or down and left or right; what comes in at the border is reflected. Default: 0. */
  translate?: number;
  /**
   * Mirrors half of the images, left to right: true, each time by chance; 'alternate', each image in every other epoch, by a first choice
   * of its own (Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", 2024), so that two epochs show it both ways.
   */
  flip: boolean | 'alternate';
  /** Side in pixels of the square that is blanked around a random pixel (DeVries and Taylor, 2017); 0 for none. */
  cutout: number;
}

/** How the place of things varies from one look at an image to the next. */
export const augmentations = {
  /** The paper's (appendix A.1): a random part of the image enlarged from 32 to 40 pixels. Things look a quarter larger than they are stored. */
  enlarge: { enlarge: 40 / 32, translate: 0 },
  /** The usual one for CIFAR-10 (4 pixels of 32, as DARTS and most residual networks): things keep their size. */
  translate: { enlarge: 1, translate: 4 / 32 },
  none: { enlarge: 1, translate: 0 },
} as const satisfies Record<string, Pick<Augmentation, 'enlarge' | 'translate'>>;

export type AugmentationName = keyof typeof augmentations;
export const augmentationNames = Object.keys(augmentations) as AugmentationName[];

/** Side in pixels of an image of `size` pixels that is enlarged by a factor. */
export const enlargedSide = (factor: number, size: number) => Math.round(factor * size);
