// The layers of a network as plain data with every number explicit: a plan is a tree of these, which model/ builds as
// it is.
// layer-path.ts computes the numbers, layer-cost.ts counts parameters and multiply-adds.

/** Height and width in pixels, channels. A vector is [1, 1, length]. */
export type Shape = readonly [height: number, width: number, channels: number];

/** Rows and columns of zeros around the input (pools ignore them); a negative number cuts rows or columns off. */
export type Padding = readonly [top: number, bottom: number, left: number, right: number];

/** Vertical and horizontal. */
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
  /** The fraction of their old value that the moving statistics keep at each training step. */
  readonly decay: number;
  readonly epsilon: number;
  readonly output: Shape;
}

/**
 * Normalises each image by itself, in training and evaluation alike, to zero mean and unit variance over the whole
 * image (layer-norm) or over each of its channels (instance-norm); then applies a scale and a shift per channel.
 */
export interface ImageNorm {
  readonly kind: 'layer-norm' | 'instance-norm';
  readonly name: string;
  readonly channels: number;
  readonly epsilon: number;
  readonly output: Shape;
}

/** An average divides by the number of pixels under its window; padding does not count. */
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

/** Several paths from the same input, whose results are concatenated in depth. */
export interface Branches {
  readonly kind: 'branches';
  readonly branches: readonly (readonly Layer[])[];
  readonly output: Shape;
}

/** The training recipe, not the plan, sets the probability of `dropout`. */
export interface Plain {
  readonly kind: 'relu' | 'global-average-pool' | 'dropout';
  readonly output: Shape;
}

export type Layer = Convolution | BatchNorm | ImageNorm | Pool | Linear | Branches | Plain;
