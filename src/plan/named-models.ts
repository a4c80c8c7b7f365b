// The plan options of the three released networks, by name, as in `nasnet-a:mobile`. They work with any cell
// (`FILE.json:mobile`).
// Numbers as released (tensorflow/models, research/slim/nets/nasnet/nasnet.py).

import type { PlanOptions } from './plan.ts';

export const namedModels = {
  /** NASNet-A (6 @ 768). */
  cifar: { layout: 'cifar', cells: 6, filters: 32, input: 32, classes: 10 },
  /** NASNet-A (4 @ 1056). */
  mobile: {
    layout: 'imagenet',
    cells: 4,
    filters: 44,
    input: 224,
    classes: 1000,
    stemChannels: 32,
    skipReductionInput: false,
  },
  /** NASNet-A (6 @ 4032). */
  large: {
    layout: 'imagenet',
    cells: 6,
    filters: 168,
    input: 331,
    classes: 1000,
    stemChannels: 96,
    skipReductionInput: true,
  },
} as const satisfies Record<string, PlanOptions>;

export type NamedModel = keyof typeof namedModels;
