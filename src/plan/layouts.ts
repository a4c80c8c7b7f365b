// The paper's two layouts of cells, for CIFAR and ImageNet, as a table (Figure 2; numbers as released in
// tensorflow/models, research/slim/nets/nasnet/nasnet.py). plan.ts lays out networks by these rules.

import type { BatchNormSettings, LayerPath } from './layer-path.ts';

export interface LayoutRules {
  /** The name of the stem convolution's result in the cells' sources. */
  readonly stemName: string;
  /** Reduction cells after the stem convolution; the last has F/2 filters, the one before F/4. */
  readonly stemCells: 0 | 2;
  readonly stemChannels: (filters: number) => number;
  readonly layStem: (path: LayerPath, channels: number) => LayerPath;
  readonly norm: BatchNormSettings;
  /** The default side of the image in pixels, and the default number of classes. */
  readonly input: number;
  readonly classes: number;
  /** The smallest side of an image, without and with the auxiliary head, whose pool needs 5 pixels. */
  readonly minInput: number;
  readonly minAuxiliaryInput: number;
}

export const layouts = {
  /** 3×3 to 3F channels, then N normal, reduction, N normal, reduction, N normal. */
  cifar: {
    stemName: 'Stem',
    stemCells: 0,
    stemChannels: (filters) => 3 * filters,
    layStem: (path, channels) => path.convolution('convolution', { channels, kernel: 3 }).batchNorm(),
    norm: { decay: 0.9, epsilon: 1e-5 },
    input: 32,
    classes: 10,
    minInput: 1,
    minAuxiliaryInput: 9,
  },
  /**
   * 3×3 with stride 2 and no padding, two reduction cells, then as for CIFAR. The first normal cell reads an eighth of
   * the image's size.
   */
  imagenet: {
    stemName: 'Stem_Convolution',
    stemCells: 2,
    stemChannels: () => 32,
    layStem: (path, channels) =>
      path.convolution('convolution', { channels, kernel: 3, stride: 2, padding: [0, 0, 0, 0] }).batchNorm(),
    norm: { decay: 0.9997, epsilon: 1e-3 },
    input: 224,
    classes: 1000,
    minInput: 3,
    minAuxiliaryInput: 67,
  },
} as const satisfies Record<string, LayoutRules>;

export type Layout = keyof typeof layouts;
export const layoutNames = Object.keys(layouts) as Layout[];
