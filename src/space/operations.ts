// The 13 operations of the search space (paper, section 3.1) and the combiners, as tables.
// An operation's index in this table is the value of a decision. A new operation of an existing kind is one line here;
// CONTRIBUTING.md lists what a new kind needs. A custom space has its own table (search-space.ts), and an architecture
// carries the operations that are not in this one.

/** The description of an operation, which plan/plan-operation.ts turns into layers. */
export type Operation =
  | { readonly kind: 'identity' }
  | { readonly kind: 'convolution'; readonly kernel: number }
  | { readonly kind: 'factorised'; readonly kernel: number } // 1×k, then k×1
  | { readonly kind: 'dilated'; readonly kernel: number; readonly dilation: number }
  | { readonly kind: 'separable'; readonly kernel: number }
  | { readonly kind: 'average-pool'; readonly kernel: number }
  | { readonly kind: 'max-pool'; readonly kernel: number }
  | OwnLayers;

/** A custom operation, layer by layer, without and with a stride of 2 (own-operation.ts). */
export interface OwnLayers {
  readonly kind: 'layers';
  /** The label in drawings. */
  readonly label: string;
  readonly normal: readonly OwnLayer[];
  readonly strided: readonly OwnLayer[];
}

type Sides = number | readonly [vertical: number, horizontal: number];

/** A layer of a custom operation. Its channels are a multiple of the cell's filters, or a fixed number. */
export type OwnLayer =
  | { readonly layer: 'relu' }
  | {
      readonly layer: 'convolution';
      readonly name: string;
      readonly channels: number | { readonly ofFilters: number };
      readonly kernel?: Sides;
      readonly stride?: Sides;
      readonly dilation?: number;
    }
  | {
      readonly layer: 'depthwise';
      readonly name: string;
      readonly kernel?: Sides;
      readonly stride?: Sides;
      readonly dilation?: number;
    }
  | { readonly layer: 'batch-norm'; readonly name: string }
  | { readonly layer: 'max-pool' | 'average-pool'; readonly kernel: number; readonly stride: number };

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

/** The name of an operation in the table, or of an architecture's custom operation. */
export type OperationName = keyof typeof operations | (string & {});
export const operationNames: readonly string[] = Object.keys(operations);

/** Operations by name, in the order of the decision's values. */
export type OperationTable = Readonly<Record<string, Operation>>;

/**
 * Returns the operation of this name.
 * @param own the architecture's custom operations
 * @throws Error if there is none
 */
export function operationOf(name: OperationName, own: OperationTable = {}): Operation {
  const operation = Object.hasOwn(operations, name) ? operations[name as keyof typeof operations] : own[name];
  if (operation) return operation;
  throw new Error(`no operation "${name}": neither in the table nor among the architecture's custom operations`);
}

/**
 * Returns the operation's rank in the order that canonical forms use: the table's operations first, then `own` by name.
 */
export function operationRank(name: OperationName, own: OperationTable = {}): number {
  const place = operationNames.indexOf(name);
  return place >= 0 ? place : operationNames.length + Object.keys(own).sort().indexOf(name);
}

/**
 * How a block combines its two results: element-wise addition (f channels), concatenation in depth (2f), or addition
 * followed by a normalisation. Studies store a combiner's index, so new ones come at the end.
 */
export const combiners = ['add', 'concat', 'add_layer_norm', 'add_instance_norm'] as const;
export type Combiner = (typeof combiners)[number];
