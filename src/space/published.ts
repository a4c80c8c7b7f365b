// NASNet-A, whose cells were published as data. NASNet-B's and -C's were published only as pictures and are not here.

import { type Architecture, added as add } from './architecture.ts';

/**
 * NASNet-A as released (tensorflow/models, research/slim/nets/nasnet/nasnet_utils.py). Its output lists contradict the
 * paper's rule (state 1 is concatenated, the reduction cell's used state 3 too); only they give the published sizes.
 */
export const nasnetA: Architecture = {
  normal: {
    blocks: [
      add('sep_conv_5x5', 0, 'sep_conv_3x3', 1),
      add('sep_conv_5x5', 1, 'sep_conv_3x3', 1),
      add('avg_pool_3x3', 0, 'identity', 1),
      add('avg_pool_3x3', 1, 'avg_pool_3x3', 1),
      add('sep_conv_3x3', 0, 'identity', 0),
    ],
    output: [1, 2, 3, 4, 5, 6],
  },
  reduction: {
    blocks: [
      add('sep_conv_5x5', 0, 'sep_conv_7x7', 1),
      add('max_pool_3x3', 0, 'sep_conv_7x7', 1),
      add('avg_pool_3x3', 0, 'sep_conv_5x5', 1),
      add('identity', 3, 'avg_pool_3x3', 2),
      add('sep_conv_3x3', 2, 'max_pool_3x3', 0),
    ],
    output: [3, 4, 5, 6],
  },
};
