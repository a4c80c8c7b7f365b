// The 13 operations of the search space (paper, section 3.1) and the combiners, as tables.
// An operation's index in this table is the number that the controller decides; adding one of a kind that
// exists is one line here; CONTRIBUTING.md says what a new kind needs. A space of one's own has a table of its own
// (search-space.ts), and an architecture brings along what is not in this one.

/** What an operation is made of: plan/plan-operation.ts turns this into layers. */
export type Operation =
  | { readonly kind: 'identity' }
  | { readonly kind: 'convolution'; readonly kernel: number }
  | { readonly kind: 'factorised'; readonly kernel: number } // 1×k, then k×1
  | { readonly kind: 'dilated'; readonly kernel: number; readonly dilation: number }
  | { readonly kind: 'separable'; readonly kernel: number }
  | { readonly kind: 'average-pool'; readonly kernel: number }
  | { readonly kind: 'max-pool'; readonly kernel: number }
  | OwnLayers;

/** An operation of one's own, layer by layer, without and with a stride of 2 (own-operation.ts). */
export interface OwnLayers {
  readonly kind: 'layers';
  /** In drawings. */
  readonly label: string;
  readonly normal: readonly OwnLayer[];
  readonly strided: readonly OwnLayer[];
}

type Sides = number | readonly [vertical: number, horizontal: number];

/** A layer of an own operation; channels as a share of the cell's filters, or a number. */
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

/** The table's own, or the name of an operation that an architecture brings along. */
export type OperationName = keyof typeof operations | (string & {});
export const operationNames: readonly string[] = Object.keys(operations);

/** Operations by name, in the order in which a space decides among them. */
export type OperationTable = Readonly<Record<string, Operation>>;

/** What an operation is, by its name; `own` are those that the architecture brings along. */
export function operationOf(name: OperationName, own: OperationTable = {}): Operation {
  const found = Object.hasOwn(operations, name) ? operations[name as keyof typeof operations] : own[name];
  if (found) return found;
  throw new Error(`no operation "${name}": neither in the table nor of the architecture's own`);
}

/** An order of all operations, the table's first: what canonical forms compare. */
export function operationRank(name: OperationName, own: OperationTable = {}): number {
  const place = operationNames.indexOf(name);
  return place >= 0 ? place : operationNames.length + Object.keys(own).sort().indexOf(name);
}

/**
 * How a block joins its two results: element-wise addition (f channels), concatenation in depth (2f), or an addition with a
 * normalisation after it. A combiner's index is what a study stores: new ones come at the end.
 */
export const combiners = ['add', 'concat', 'add_layer_norm', 'add_instance_norm'] as const;
export type Combiner = (typeof combiners)[number];
