// The two networks that the paper puts around its cells, as a table: CIFAR's and ImageNet's (Figure 2; numbers as released
// in tensorflow/models, research/slim/nets/nasnet/nasnet.py). plan.ts lays out what stands here.

import type { BatchNormSettings, LayerPath } from './layer-path.ts';

export interface LayoutRules {
  /** The name under which cells read the stem convolution's result. */
  readonly stemName: string;
  /** Reduction cells after the stem convolution; the last has F/2 filters, the one before F/4. */
  readonly stemCells: 0 | 2;
  readonly stemChannels: (filters: number) => number;
  readonly layStem: (path: LayerPath, channels: number) => LayerPath;
  readonly norm: BatchNormSettings;
  /** Side of the image in pixels and number of classes where nothing else is asked for. */
  readonly input: number;
  readonly classes: number;
  /** The smallest side of an image, without and with the auxiliary head, whose pool needs 5 pixels. */
  readonly leastInput: number;
  readonly leastAuxiliaryInput: number;
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
    leastInput: 1,
    leastAuxiliaryInput: 9,
  },
  /** 3×3 with stride 2 and no padding, two reduction cells, then as CIFAR's: an eighth of the size before the first cell. */
  imagenet: {
    stemName: 'Stem_Convolution',
    stemCells: 2,
    stemChannels: () => 32,
    layStem: (path, channels) =>
      path.convolution('convolution', { channels, kernel: 3, stride: 2, padding: [0, 0, 0, 0] }).batchNorm(),
    norm: { decay: 0.9997, epsilon: 1e-3 },
    input: 224,
    classes: 1000,
    leastInput: 3,
    leastAuxiliaryInput: 67,
  },
} as const satisfies Record<string, LayoutRules>;

export type Layout = keyof typeof layouts;
export const layoutNames = Object.keys(layouts) as Layout[];
