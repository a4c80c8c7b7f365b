// Where published NASNet-A weights come from, as a table: how a source names its tensors and how it prepares its images.

import { imagenetPreprocessing, type Preprocessing } from '../model/preprocessing.ts';
import type { Naming } from './naming.ts';
import { kerasNaming, torchNaming } from './namings.ts';

export interface Source {
  /** In a sentence: 'imported from …'. */
  readonly title: string;
  readonly naming: Naming;
  /** All bring bytes to [-1, 1]; they differ in what they show of an image. */
  readonly preprocessing: Preprocessing;
}

export const sources = {
  /** The whole image, stretched to the input, as Keras's own examples load it (load_img with target_size, here bilinear). */
  keras: {
    title: 'Keras applications',
    naming: kerasNaming,
    preprocessing: { ...imagenetPreprocessing, centralFraction: 1 },
  },
  /** nasnetalarge.tf_in1k's own configuration. */
  timm: {
    title: 'timm',
    naming: torchNaming,
    preprocessing: {
      ...imagenetPreprocessing,
      centralFraction: 0.911,
      aspect: 'shorter-side',
      interpolation: 'bicubic',
    },
  },
  /** pretrainedmodels.utils.TransformImage, whose torchvision resizes bilinearly. */
  cadene: {
    title: "Cadene's pretrained-models.pytorch",
    naming: torchNaming,
    preprocessing: { ...imagenetPreprocessing, aspect: 'shorter-side' },
  },
} as const satisfies Record<string, Source>;

export type SourceName = keyof typeof sources;
