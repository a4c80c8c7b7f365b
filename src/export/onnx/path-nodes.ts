// Adds a path of layers as ONNX nodes for inference: batch norms are folded into the convolutions before them, dropout
// is omitted, and a value has at most one ReLU and one pool of a kind.

import type { Branches, Convolution, ImageNorm, Layer, Linear, Padding, Pool, Shape } from '../../plan/layer.ts';
import { foldWeight, type NormPart, normFactor, normShift, plainBytes, type State } from './fold.ts';
import type { GraphBuilder, Node, Value, ValueShape } from './graph.ts';

export class PathNodes {
  readonly #graph: GraphBuilder;
  readonly #state: State;
  /** The results of pools by what they compute: two blocks may read the same pool of a state. */
  readonly #pools = new Map<string, Value>();

  constructor(graph: GraphBuilder, state: State) {
    this.#graph = graph;
    this.#state = state;
  }

  /**
   * Adds the nodes of some layers. Returns the last result.
   * @param name the prefix of the names of layers that have none in the plan
   * @param norm a norm to fold into the last layer, a convolution
   */
  add(layers: readonly Layer[], name: string, input: Value, norm?: NormPart): Value {
    let value = input;
    for (let index = 0; index < layers.length; index++) {
      const [layer, next] = [layers[index]!, layers[index + 1]];
      const folds = next?.kind === 'batch-norm' && canAbsorbNorm(layer);
      if (folds) index++; // skip the norm
      const own = folds ? { norm: next, first: 0, count: next.channels } : undefined;
      value = this.#layer(layer, name, value, own ?? (index === layers.length - 1 ? norm : undefined));
    }
    return value;
  }

  #layer(layer: Layer, name: string, input: Value, norm: NormPart | undefined): Value {
    switch (layer.kind) {
      case 'relu':
        return (
          this.#graph.value(`${input.name}.relu`) ??
          this.#graph.node('Relu', `${input.name}.relu`, [input], input.shape)
        );
      case 'convolution':
        return this.#convolution(layer, input, norm);
      case 'batch-norm':
        return this.#norm({ norm: layer, first: 0, count: layer.channels }, input);
      case 'layer-norm':
        return this.#layerNorm(layer, input);
      case 'instance-norm':
        return this.#instanceNorm(layer, input);
      case 'max-pool':
        return this.#pool('MaxPool', `${name}.max_pool`, layer, input);
      case 'average-pool':
        return this.#pool('AveragePool', `${name}.average_pool`, layer, input, { count_include_pad: 0 });
      case 'branches':
        return this.#branches(layer, name, input, norm);
      case 'global-average-pool':
        return this.#graph.node('GlobalAveragePool', 'global_pool', [input], imageShape(layer.output));
      case 'dropout':
        return input;
      case 'linear':
        return this.#linear(layer, input);
    }
  }

  #convolution(layer: Convolution, input: Value, norm: NormPart | undefined): Value {
    const { name, kernel, outputChannels, inputChannels, groups, dilation } = layer;
    const own = `${name}.weight`;
    const shape = [outputChannels, inputChannels / groups, ...kernel];
    const weights = norm
      ? [
          this.#graph.weight(own, shape, () => foldWeight(this.#state, own, norm)),
          this.#graph.weight(`${name}.bias`, [outputChannels], () => normShift(this.#state, norm)),
        ]
      : [this.#parameter(own, shape)];
    return this.#window('Conv', name, layer, input, weights, { dilations: dilation, group: groups });
  }

  #pool(operator: string, name: string, pool: Pool, input: Value, attributes: Node['attributes'] = {}): Value {
    const { kernel, stride, padding } = pool;
    const what = [operator, input.name, kernel, stride, padding].join();
    const result = this.#pools.get(what) ?? this.#window(operator, name, pool, input, [], attributes);
    this.#pools.set(what, result);
    return result;
  }

  /** Adds an operator that slides a window over an image. */
  #window(
    operator: string,
    name: string,
    { kernel, stride, padding, output }: Pool | Convolution,
    input: Value,
    weights: readonly string[] = [],
    attributes: Node['attributes'] = {},
  ): Value {
    const image = this.#crop(input, `${name}.crop`, padding);
    const [top, bottom, left, right] = padding.map((cells) => Math.max(cells, 0)) as [number, number, number, number];
    return this.#graph.node(operator, name, [image, ...weights], imageShape(output), {
      kernel_shape: kernel,
      strides: stride,
      pads: [top, left, bottom, right],
      ...attributes,
    });
  }

  /** Removes the rows and columns that negative padding cuts off. */
  #crop(image: Value, name: string, padding: Padding): Value {
    const [top, bottom, left, right] = padding.map((cells) => Math.max(-cells, 0)) as [number, number, number, number];
    if (top + bottom + left + right === 0) return image;
    const [channels, height, width] = image.shape as [number, number, number];
    const ends = [height - bottom, width - right] as const;
    const bounds = [[top, left], ends, [2, 3]].map((numbers) => this.#graph.integers(numbers));
    return this.#graph.node('Slice', name, [image, ...bounds], [channels, ends[0] - top, ends[1] - left]);
  }

  /**
   * Folds a norm over all branches into the last convolution of each branch, with the branch's range of its channels.
   */
  #branches({ branches, output }: Branches, name: string, input: Value, norm: NormPart | undefined): Value {
    let first = 0;
    const values = branches.map((layers) => {
      const count = layers.at(-1)!.output[2];
      const part = norm && { norm: norm.norm, first, count };
      first += count;
      return this.add(layers, name, input, part);
    });
    return concatenate(this.#graph, `${name}.concat`, values, imageShape(output));
  }

  /** Adds a norm that no convolution absorbs. */
  #norm(part: NormPart, input: Value): Value {
    const { name, channels } = part.norm;
    const factor = this.#graph.weight(`${name}.factor`, [channels, 1, 1], () => normFactor(this.#state, part));
    const shift = this.#graph.weight(`${name}.shift`, [channels, 1, 1], () => normShift(this.#state, part));
    const scaled = this.#graph.node('Mul', `${name}.scaled`, [input, factor], input.shape);
    return this.#graph.node('Add', name, [scaled, shift], input.shape);
  }

  #instanceNorm({ name, channels, epsilon }: ImageNorm, input: Value): Value {
    const own = ['scale', 'shift'].map((part) => this.#parameter(`${name}.${part}`, [channels]));
    const centred = this.#centre(name, input, [2, 3]);
    return this.#graph.node('InstanceNormalization', name, [centred, ...own], input.shape, { epsilon });
  }

  /** Subtracts the mean over these axes, as the engine does (nn/image-norm.ts explains why). */
  #centre(name: string, input: Value, axes: readonly number[]): Value {
    const shape = input.shape.map((side, index) => (axes.includes(index + 1) ? 1 : side));
    const mean = this.#graph.node('ReduceMean', `${name}.mean`, [input], shape, { axes, keepdims: 1 });
    return this.#graph.node('Sub', `${name}.centred`, [input, mean], input.shape);
  }

  /** Uses an instance norm of the image as one channel, because LayerNormalization needs a scale for every pixel. */
  #layerNorm({ name, channels, epsilon }: ImageNorm, input: Value): Value {
    const graph = this.#graph;
    const size = input.shape.reduce((product, side) => product * side, 1);
    const constant = (part: string, value: number) => {
      return graph.weight(`${name}.${part}`, [1], () => new Uint8Array(Float32Array.of(value).buffer));
    };
    const flat = graph.node('Reshape', `${name}.flat`, [input, graph.integers([0, 1, size])], [1, size]);
    const one = [this.#centre(name, flat, [2]), constant('one', 1), constant('zero', 0)];
    const even = graph.node('InstanceNormalization', `${name}.even`, one, flat.shape, { epsilon });
    const image = graph.node('Reshape', `${name}.image`, [even, graph.integers([0, ...input.shape])], input.shape);
    const scale = this.#parameter(`${name}.scale`, [channels, 1, 1]);
    const scaled = graph.node('Mul', `${name}.scaled`, [image, scale], input.shape);
    return graph.node('Add', name, [scaled, this.#parameter(`${name}.shift`, [channels, 1, 1])], input.shape);
  }

  /** Adds a parameter unchanged. Returns its name. */
  #parameter(name: string, shape: readonly number[]): string {
    return this.#graph.weight(name, shape, () => plainBytes(this.#state, name));
  }

  #linear({ name, inputs, outputs }: Linear, input: Value): Value {
    const flat = this.#graph.node('Flatten', `${name}.flatten`, [input], [inputs], { axis: 1 });
    const parameters = (
      [
        [`${name}.weight`, [outputs, inputs]],
        [`${name}.bias`, [outputs]],
      ] as const
    ).map(([own, shape]) => this.#parameter(own, shape));
    return this.#graph.node('Gemm', name, [flat, ...parameters], [outputs], { transB: 1 });
  }
}

/** Concatenates values in depth; a single one stays as it is. */
export function concatenate(graph: GraphBuilder, name: string, values: readonly Value[], shape: ValueShape): Value {
  return values.length === 1 ? values[0]! : graph.node('Concat', name, values, shape, { axis: 1 });
}

/** Converts a plan's shape, channels last, to ONNX's, channels first. */
export const imageShape = ([height, width, channels]: Shape): ValueShape => [channels, height, width];

function canAbsorbNorm(layer: Layer): boolean {
  if (layer.kind === 'branches') return layer.branches.every((branch) => branch.at(-1)?.kind === 'convolution');
  return layer.kind === 'convolution';
}
