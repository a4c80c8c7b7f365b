// Lays out one operation of a block. Every operation ends with the cell's f filters; combiners rely on this.
// Order and biases follow the released code (docs/paper.md); each convolution is ReLU, convolution, batch norm.

import { type OperationName, type OperationTable, type OwnLayer, operationOf } from '../space/operations.ts';
import type { LayerPath } from './layer-path.ts';

/**
 * Adds the operation's layers to a path that starts at the state it reads. Stride 2 halves height and width.
 * @param own the architecture's custom operations
 */
export function layOperation(
  path: LayerPath,
  name: OperationName,
  filters: number,
  stride: 1 | 2,
  own?: OperationTable,
): LayerPath {
  const operation = operationOf(name, own);
  const channels = path.shape[2];
  switch (operation.kind) {
    case 'identity':
      if (stride === 1 && channels === filters) return path;
      return path.relu().convolution('pointwise', { channels: filters, stride }).batchNorm();

    case 'convolution':
      return path
        .relu()
        .convolution('convolution', { channels: filters, kernel: operation.kernel, stride })
        .batchNorm();

    // The paper leaves this open; here it is one unit: ReLU, 1×k, k×1, batch norm, where each convolution strides along
    // its axis.
    case 'factorised':
      return path
        .relu()
        .convolution('across', { channels: filters, kernel: [1, operation.kernel], stride: [1, stride] })
        .convolution('down', { channels: filters, kernel: [operation.kernel, 1], stride: [stride, 1] })
        .batchNorm();

    // The paper leaves this open; here it is depthwise 3×3 with dilation 2 and pointwise 1×1, once, as in DARTS.
    case 'dilated':
      return path
        .relu()
        .depthwise('depthwise', { kernel: operation.kernel, stride, dilation: operation.dilation })
        .convolution('pointwise', { channels: filters })
        .batchNorm();

    // Twice, with nothing between depthwise and pointwise (paper, appendix A.4).
    case 'separable':
      for (const turn of [1, 2]) {
        path
          .relu()
          .depthwise(`separable_${turn}.depthwise`, { kernel: operation.kernel, stride: turn === 1 ? stride : 1 })
          .convolution(`separable_${turn}.pointwise`, { channels: filters })
          .batchNorm(`separable_${turn}.norm`);
      }
      return path;

    case 'average-pool':
    case 'max-pool':
      path.pool(operation.kind, operation.kernel, stride);
      if (channels === filters) return path;
      return path.convolution('pointwise', { channels: filters }).batchNorm();

    case 'layers':
      return layOwn(path, stride === 1 ? operation.normal : operation.strided, filters);
  }
}

/** Adds the layers of a custom operation (space/own-operation.ts). */
function layOwn(path: LayerPath, layers: readonly OwnLayer[], filters: number): LayerPath {
  for (const layer of layers) {
    switch (layer.layer) {
      case 'relu':
        path.relu();
        break;
      case 'convolution': {
        const { name, channels, layer: _, ...sizes } = layer;
        const count = typeof channels === 'number' ? channels : Math.max(1, Math.round(channels.ofFilters * filters));
        path.convolution(name, { ...sizes, channels: count });
        break;
      }
      case 'depthwise': {
        const { name, layer: _, ...sizes } = layer;
        path.depthwise(name, sizes);
        break;
      }
      case 'batch-norm':
        path.batchNorm(layer.name);
        break;
      case 'max-pool':
      case 'average-pool':
        path.pool(layer.layer, layer.kernel, layer.stride);
        break;
    }
  }
  return path;
}
