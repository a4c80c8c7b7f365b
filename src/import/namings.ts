// The two namings of published NASNet-A weights: Keras's, and the one that timm and Cadene share.
// The names are from keras/applications/nasnet.py, timm/models/nasnet.py and pretrainedmodels/models/nasnet.py,
// nasnet_mobile.py.

import type { Naming, Place } from './naming.ts';

/** Numbers cells 0 … N−1, reduce_N, N+1 … 2N, reduce_2N, 2N+1 … 3N: only the first reduction uses up a number. */
function kerasCell({ cell: { kind, index }, cellsOfStage }: Place): string {
  if (kind === 'stem') return `stem_${index + 1}`;
  if (kind === 'reduction') return `reduce_${(index + 1) * cellsOfStage}`;
  return `${index < cellsOfStage ? index : index + 1}`;
}

const kerasKind = ({ cell }: Place) => (cell.kind === 'normal' ? 'normal' : 'reduction');

/** Keras calls the fifth block of the reduction cell the fourth. */
function kerasOperation(place: Place): string {
  const number = kerasKind(place) === 'reduction' && place.block === 4 ? 4 : place.block + 1;
  return `${kerasKind(place)}_${place.side}${number}_${kerasCell(place)}`;
}

export const kerasNaming: Naming = {
  layers: {
    'stem.convolution': () => 'stem_conv1/',
    'stem.norm': () => 'stem_bn1/',
    'current.pointwise': (place) => `${kerasKind(place)}_conv_1_${kerasCell(place)}/`,
    'current.norm': (place) => `${kerasKind(place)}_bn_1_${kerasCell(place)}/`,
    'previous.pointwise': (place) => `adjust_conv_projection_${kerasCell(place)}/`,
    'previous.norm': (place) => `adjust_bn_${kerasCell(place)}/`,
    'previous.even': (place) => `adjust_conv_1_${kerasCell(place)}/`,
    'previous.odd': (place) => `adjust_conv_2_${kerasCell(place)}/`,
    'previous.reduced_norm': (place) => `adjust_bn_${kerasCell(place)}/`,
    'separable.depthwise': (place) => `separable_conv_${place.turn}_${kerasOperation(place)}/depthwise_`,
    'separable.pointwise': (place) => `separable_conv_${place.turn}_${kerasOperation(place)}/pointwise_`,
    'separable.norm': (place) => `separable_conv_${place.turn}_bn_${kerasOperation(place)}/`,
    'head.linear': () => 'predictions/',
  },
  variables: {
    weight: 'kernel',
    bias: 'bias',
    scale: 'gamma',
    shift: 'beta',
    moving_mean: 'moving_mean',
    moving_variance: 'moving_variance',
  },
  kernels: 'tensorflow',
  superfluous: /^aux_/, // the auxiliary head of some ports
};

/** Numbers cells as in three stages of six, also for the mobile model's four: 0 … 3, 6 … 9, 12 … 15. */
function torchCell({ cell: { kind, index }, cellsOfStage }: Place): string {
  if (kind === 'stem') return `cell_stem_${index}`;
  if (kind === 'reduction') return `reduction_cell_${index}`;
  return `cell_${6 * Math.floor(index / cellsOfStage) + (index % cellsOfStage)}`;
}

const torchOperation = (place: Place) => `${torchCell(place)}.comb_iter_${place.block}_${place.side}`;

export const torchNaming: Naming = {
  layers: {
    'stem.convolution': () => 'conv0.conv.',
    'stem.norm': () => 'conv0.bn.',
    'current.pointwise': (place) => `${torchCell(place)}.conv_1x1.conv.`,
    'current.norm': (place) => `${torchCell(place)}.conv_1x1.bn.`,
    'previous.pointwise': (place) => `${torchCell(place)}.conv_prev_1x1.conv.`,
    'previous.norm': (place) => `${torchCell(place)}.conv_prev_1x1.bn.`,
    'previous.even': (place) => `${torchCell(place)}.path_1.conv.`,
    'previous.odd': (place) => `${torchCell(place)}.path_2.conv.`,
    'previous.reduced_norm': (place) => `${torchCell(place)}.final_path_bn.`,
    'separable.depthwise': (place) => `${torchOperation(place)}.separable_${place.turn}.depthwise_conv2d.`,
    'separable.pointwise': (place) => `${torchOperation(place)}.separable_${place.turn}.pointwise_conv2d.`,
    'separable.norm': (place) => `${torchOperation(place)}.bn_sep_${place.turn}.`,
    'head.linear': () => 'last_linear.',
  },
  variables: {
    weight: 'weight',
    bias: 'bias',
    scale: 'weight',
    shift: 'bias',
    moving_mean: 'running_mean',
    moving_variance: 'running_var',
  },
  kernels: 'torch',
  superfluous: /\.num_batches_tracked$|^aux/i, // batch norm's counter; an auxiliary head
};
