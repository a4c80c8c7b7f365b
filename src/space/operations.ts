// The 13 operations of the search space (paper, section 3.1) and the combiners, as tables.
// An operation's index in this table is the number that the controller decides; adding one of a kind that
// exists is one line here; CONTRIBUTING.md says what a new kind needs.

/** What an operation is made of: plan/plan-operation.ts turns this into layers. */
export type Operation =
  | { readonly kind: 'identity' }
  | { readonly kind: 'convolution'; readonly kernel: number }
  | { readonly kind: 'factorised'; readonly kernel: number } // 1×k, then k×1
  | { readonly kind: 'dilated'; readonly kernel: number; readonly dilation: number }
  | { readonly kind: 'separable'; readonly kernel: number }
  | { readonly kind: 'average-pool'; readonly kernel: number }
  | { readonly kind: 'max-pool'; readonly kernel: number };

export const operations = {
  identity: { kind: 'identity' },
  conv_1x3_3x1: { kind: 'factorised', kernel: 3 },
  conv_1x7_7x1: { kind: 'factorised', kernel: 7 },
  dil_conv_3x3: { kind: 'dilated', kernel: 3, dilation: 2 },
  avg_pool_3x3: { kind: 'average-pool', kernel: 3 },
  max_pool_3x3: { kind: 'max-pool', kernel: 3 },
  max_pool_5x5: { kind: 'max-pool', kernel: 5 },
  max_pool_7x7: { kind: 'max-pool', kernel: 7 },
  conv_1x1: { kind: 'convolution', kernel: 1 },
  conv_3x3: { kind: 'convolution', kernel: 3 },
  sep_conv_3x3: { kind: 'separable', kernel: 3 },
  sep_conv_5x5: { kind: 'separable', kernel: 5 },
  sep_conv_7x7: { kind: 'separable', kernel: 7 },
} as const satisfies Record<string, Operation>;

export type OperationName = keyof typeof operations;
export const operationNames = Object.keys(operations) as OperationName[];

/**
 * How a block joins its two results: element-wise addition (f channels), concatenation in depth (2f), or an addition with a
 * normalisation after it. A combiner's index is what a study stores: new ones come at the end.
 */
export const combiners = ['add', 'concat', 'add_layer_norm', 'add_instance_norm'] as const;
export type Combiner = (typeof combiners)[number];
