// The sources of published NASNet-A weights as a table: how each names its tensors and preprocesses images.

import { imagenetPreprocessing, type Preprocessing } from '../model/preprocessing.ts';
import type { Naming } from './naming.ts';
import { kerasNaming, torchNaming } from './namings.ts';

export interface Source {
  /** Completes the sentence 'imported from …'. */
  readonly title: string;
  readonly naming: Naming;
  /** All scale bytes to [-1, 1]; they differ in resizing and cropping. */
  readonly preprocessing: Preprocessing;
}

export const sources = {
  /** The whole image, stretched to the input, as in Keras's examples (load_img with target_size, here bilinear). */
  keras: {
    title: 'Keras applications',
    naming: kerasNaming,
    preprocessing: { ...imagenetPreprocessing, centralFraction: 1 },
  },
  /** The configuration of nasnetalarge.tf_in1k. */
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
