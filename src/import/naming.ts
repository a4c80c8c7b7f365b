// Derives other libraries' names of NASNet-A's tensors from ours, with a small table of layers for each naming. Our
// names are the plan's: `cell_0.block_0.left.separable_1.depthwise.weight`.

import type { Plan } from '../plan/plan.ts';
import { planParameters } from '../plan/plan.ts';

/**
 * A layer's role, independent of its place. `previous.reduced_norm` ends a factorized reduction, `previous.norm` a 1×1.
 */
export type Role =
  | 'stem.convolution'
  | 'stem.norm'
  | 'current.pointwise'
  | 'current.norm'
  | 'previous.pointwise'
  | 'previous.norm'
  | 'previous.even'
  | 'previous.odd'
  | 'previous.reduced_norm'
  | 'separable.depthwise'
  | 'separable.pointwise'
  | 'separable.norm'
  | 'head.linear';

export type Variable = 'weight' | 'bias' | 'scale' | 'shift' | 'moving_mean' | 'moving_variance';

/** A layer's place; fields that do not apply are 0 or 'left'. */
export interface Place {
  readonly cell: { readonly kind: 'stem' | 'normal' | 'reduction'; readonly index: number };
  /** N, which some namings use to number cells. */
  readonly cellsOfStage: number;
  readonly block: number;
  readonly side: 'left' | 'right';
  /** 1 or 2, because a separable convolution is applied twice. */
  readonly turn: number;
}

export interface Naming {
  /** The name of a layer, up to the variable's. */
  readonly layers: Readonly<Record<Role, (place: Place) => string>>;
  readonly variables: Readonly<Record<Variable, string>>;
  /** Order of a kernel's axes: [out, in, height, width], or TensorFlow's [height, width, in, out]. */
  readonly kernels: 'torch' | 'tensorflow';
  /** Matches tensors that a file may contain and that inference does not need. */
  readonly superfluous: RegExp;
}

/** The name of a tensor in our network and in the file. `stored.permute(axes)` has our shape. */
export interface Correspondence {
  readonly ours: string;
  readonly theirs: string;
  readonly shape: readonly number[];
  readonly storedShape: readonly number[];
  readonly axes: readonly number[];
}

/** Returns the names under another naming of every tensor of a plan of NASNet-A. */
export function correspondences(plan: Plan, cellsOfStage: number, naming: Naming): Correspondence[] {
  const parameters = planParameters(plan);
  const names = new Set(parameters.map(({ name }) => name));
  return parameters.map(({ name, shape }) => {
    const { role, variable, place } = parse(name, cellsOfStage, (layer) => names.has(`${layer}.weight`));
    const axes = naming.kernels === 'torch' ? shape.map((_, axis) => axis) : tensorflowAxes(shape.length, role);
    const storedShape = axes.map((_, axis) => shape[axes.indexOf(axis)]!);
    return { ours: name, theirs: naming.layers[role](place) + naming.variables[variable], shape, storedShape, axes };
  });
}

/**
 * Returns the permutation from TensorFlow's axes: kernels [height, width, in, out], depthwise [height, width, channels,
 * 1], matrices [in, out].
 */
function tensorflowAxes(rank: number, role: Role): number[] {
  if (rank === 4) return role === 'separable.depthwise' ? [2, 3, 0, 1] : [3, 2, 0, 1];
  return rank === 2 ? [1, 0] : [0];
}

const cellNames = { cell_stem: 'stem', cell: 'normal', reduction_cell: 'reduction' } as const;
const pattern =
  /^(?:(cell_stem|cell|reduction_cell)_(\d+)\.)?(?:block_(\d+)\.(left|right)\.)?(?:(separable)_(\d)|(\w+))\.(\w+)\.(\w+)$/;

function parse(name: string, cellsOfStage: number, isLayer: (name: string) => boolean) {
  const parts = pattern.exec(name);
  if (!parts) throw new Error(`import: the name ${name} is none of NASNet-A's`);
  const [, cellName, index, block, side, separable, turn, part, layer, variable] = parts;
  const reduced = layer === 'norm' && part === 'previous' && isLayer(name.replace(/norm\.\w+$/, 'even'));
  const place: Place = {
    cell: { kind: cellNames[(cellName ?? 'cell') as keyof typeof cellNames], index: Number(index ?? 0) },
    cellsOfStage,
    block: Number(block ?? 0),
    side: (side ?? 'left') as Place['side'],
    turn: Number(turn ?? 0),
  };
  const role = reduced ? 'previous.reduced_norm' : `${separable ?? part}.${layer}`;
  return { role: role as Role, variable: variable as Variable, place };
}
