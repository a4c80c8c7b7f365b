// Quick: a cell of this project's own, for trainings of minutes to an hour on processors. Made by hand of dense
// convolutions, which use a processor best, and compared with NASNet-A at equal parameters, equal time and the same
// recipe (docs/experiments/quick.md).

import { type Architecture, added as add } from './architecture.ts';

export const quick: Architecture = {
  normal: {
    blocks: [
      add('conv_3x3', 0, 'identity', 1),
      add('conv_3x3', 2, 'identity', 0),
      add('conv_3x3', 3, 'identity', 2),
      add('avg_pool_3x3', 0, 'identity', 0),
      add('avg_pool_3x3', 1, 'identity', 1),
    ],
  },
  reduction: {
    blocks: [
      add('conv_3x3', 0, 'max_pool_3x3', 0),
      add('conv_3x3', 2, 'identity', 2),
      add('max_pool_3x3', 1, 'avg_pool_3x3', 0),
      add('identity', 2, 'identity', 4),
      add('avg_pool_3x3', 0, 'identity', 2),
    ],
  },
};
