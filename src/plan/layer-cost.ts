// The cost of layers: their parameters by name, and multiply-adds.
// The switches list every kind, also those without cost, so a new kind that is missing here does not compile.

import type { Layer } from './layer.ts';

/** A named tensor of a layer. `statistic`: a moving mean or variance of batch norm, which gradients do not train. */
export interface Parameter {
  readonly name: string;
  readonly shape: readonly number[];
  readonly statistic: boolean;
}

/** Returns the tensors of one layer, named as in nn/; a convolution's weight is [out, in / groups, height, width]. */
export function layerParameters(layer: Layer): Parameter[] {
  const tensor = (name: string, shape: number[], statistic = false) => ({ name, shape, statistic });
  switch (layer.kind) {
    case 'convolution': {
      const shape = [layer.outputChannels, layer.inputChannels / layer.groups, ...layer.kernel];
      return [tensor(`${layer.name}.weight`, shape)];
    }
    case 'batch-norm':
      return [
        tensor(`${layer.name}.scale`, [layer.channels]),
        tensor(`${layer.name}.shift`, [layer.channels]),
        tensor(`${layer.name}.moving_mean`, [layer.channels], true),
        tensor(`${layer.name}.moving_variance`, [layer.channels], true),
      ];
    case 'layer-norm':
    case 'instance-norm':
      return [tensor(`${layer.name}.scale`, [layer.channels]), tensor(`${layer.name}.shift`, [layer.channels])];
    case 'linear':
      return [
        tensor(`${layer.name}.weight`, [layer.outputs, layer.inputs]),
        tensor(`${layer.name}.bias`, [layer.outputs]),
      ];
    case 'branches':
      return layer.branches.flat().flatMap(layerParameters);
    case 'relu':
    case 'max-pool':
    case 'average-pool':
    case 'global-average-pool':
    case 'dropout':
      return [];
  }
}

/** Returns the multiply-adds of one image through one layer. Convolutions and linear layers count, as in the paper. */
export function layerMultiplyAdds(layer: Layer): number {
  switch (layer.kind) {
    case 'convolution': {
      const [height, width] = layer.output;
      const perPixel = layer.kernel[0] * layer.kernel[1] * (layer.inputChannels / layer.groups) * layer.outputChannels;
      return height * width * perPixel;
    }
    case 'linear':
      return layer.inputs * layer.outputs;
    case 'branches':
      return layer.branches.flat().reduce((sum, inner) => sum + layerMultiplyAdds(inner), 0);
    case 'relu':
    case 'batch-norm':
    case 'layer-norm':
    case 'instance-norm':
    case 'max-pool':
    case 'average-pool':
    case 'global-average-pool':
    case 'dropout':
      return 0;
  }
}

/** Returns the number of elements of all tensors, with or without the moving statistics. */
export function countElements(parameters: readonly Parameter[], options: { statistics: boolean }): number {
  return parameters
    .filter(({ statistic }) => options.statistics || !statistic)
    .reduce((sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1), 0);
}
