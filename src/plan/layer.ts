// The layers that a network consists of, as plain data with every number spelled out: a plan is a tree of these, and
// model/ builds it without a decision of its own. layer-path.ts computes the numbers, layer-cost.ts counts them.

/** Height and width in pixels, channels. A vector is [1, 1, length]. */
export type Shape = readonly [height: number, width: number, channels: number];

/** Rows and columns of zeros (in pools: of nothing) added outside; a negative number cuts rows or columns off. */
export type Padding = readonly [top: number, bottom: number, left: number, right: number];

/** Down and across. */
export type Pair = readonly [vertical: number, horizontal: number];

export interface Convolution {
  readonly kind: 'convolution';
  readonly name: string;
  readonly inputChannels: number;
  readonly outputChannels: number;
  readonly groups: number;
  readonly kernel: Pair;
  readonly stride: Pair;
  readonly dilation: Pair;
  readonly padding: Padding;
  readonly output: Shape;
}

export interface BatchNorm {
  readonly kind: 'batch-norm';
  readonly name: string;
  readonly channels: number;
  /** The moving statistics keep this share of their old value at each training step. */
  readonly decay: number;
  readonly epsilon: number;
  readonly output: Shape;
}

/**
 * One image at a time, in training and evaluation alike: to zero mean and unit deviation over all of the image
 * (layer-norm), or over each channel of it (instance-norm); then a scale and a shift for each channel.
 */
export interface ImageNorm {
  readonly kind: 'layer-norm' | 'instance-norm';
  readonly name: string;
  readonly channels: number;
  readonly epsilon: number;
  readonly output: Shape;
}

/** An average divides by the number of real cells under its window: padding never counts. */
export interface Pool {
  readonly kind: 'max-pool' | 'average-pool';
  readonly kernel: Pair;
  readonly stride: Pair;
  readonly padding: Padding;
  readonly output: Shape;
}

export interface Linear {
  readonly kind: 'linear';
  readonly name: string;
  readonly inputs: number;
  readonly outputs: number;
  readonly output: Shape;
}

/** Several paths from the same input, their results concatenated in depth. */
export interface Branches {
  readonly kind: 'branches';
  readonly branches: readonly (readonly Layer[])[];
  readonly output: Shape;
}

/** `dropout`'s probability is the training recipe's affair, not the plan's. */
export interface Plain {
  readonly kind: 'relu' | 'global-average-pool' | 'dropout';
  readonly output: Shape;
}

export type Layer = Convolution | BatchNorm | ImageNorm | Pool | Linear | Branches | Plain;
