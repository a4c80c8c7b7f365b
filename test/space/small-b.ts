// A small architecture of space B with two blocks per cell, for tests that compute its networks by hand.

import type { Architecture } from '../../src/space/architecture.ts';

export const smallB: Architecture = {
  normal: {
    inputs: 2,
    blocks: [
      { inputs: [0, 1], operations: ['conv_1x1', 'identity'], combine: 'add_layer_norm' },
      { inputs: [2, 0], operations: ['max_pool_3x3', 'identity'], combine: 'concat' },
    ],
    output: 'states',
  },
  reduction: {
    inputs: 2,
    blocks: [
      { inputs: [0, 1], operations: ['identity', 'avg_pool_3x3'], combine: 'add' },
      { inputs: [2, 2], operations: ['identity', 'identity'], combine: 'add_instance_norm' },
    ],
    output: 'states',
  },
};
