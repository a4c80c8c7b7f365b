// A path of a plan's layers as modules. Padding, strides and channels are the plan's; nothing is decided here but how the
// same values are had with less work: a depthwise convolution takes the ReLU before it along; of other ReLUs that of a shared
// state is computed once, the rest in place.

import { averagePool, fusesRelu, maxPool } from '../engine/kernels.ts';
import { operator } from '../engine/operator.ts';
import { cat, dropout } from '../engine/operators.ts';
import type { Tensor } from '../engine/tensor.ts';
import { initialised, truncatedNormal } from '../nn/initialise.ts';
import { BatchNorm2d, Conv2d, Linear, type Placement } from '../nn/layers.ts';
import { Module } from '../nn/module.ts';
import type { Layer } from '../space/layers.ts';

export interface PathSettings extends Placement {
  /** Probability of keeping a feature before the classifier. */
  dropoutKeep?: number;
}

/** The ReLUs of one forward pass: several operations that read one state share its ReLU. */
export class SharedRelus {
  readonly #of = new Map<Tensor, Tensor>();

  of(state: Tensor): Tensor {
    const known = this.#of.get(state) ?? state.relu();
    this.#of.set(state, known);
    return known;
  }
}

type Step = (input: Tensor, relus: SharedRelus) => Tensor;

/** Its parameters are named as in the plan, in the plan's order. */
export class Path extends Module {
  readonly #steps: Step[];

  constructor(layers: readonly Layer[], settings: PathSettings = {}) {
    super();
    const taken = (index: number) => {
      return fusesRelu(settings) && layers[index]?.kind === 'relu' && isDepthwise(layers[index + 1]);
    };
    this.#steps = layers.flatMap((layer, index) => {
      return taken(index) ? [] : [this.#step(layer, index === 0, taken(index - 1), settings)];
    });
  }

  /** Whether the result is a tensor of the path's own, which its caller may overwrite. */
  get makesNew(): boolean {
    return this.#steps.length > 0;
  }

  /** [images, channels, height, width] → [images, channels', height', width'], after a linear layer [images, outputs] */
  forward(input: Tensor, relus: SharedRelus): Tensor {
    return this.#steps.reduce((value, step) => step(value, relus), input);
  }

  /** `relu`: whether the layer takes the ReLU before it along. */
  #step(layer: Layer, first: boolean, relu: boolean, settings: PathSettings): Step {
    switch (layer.kind) {
      case 'relu':
        // What comes before within a path is a batch norm, whose gradient does not need its own result.
        return first ? (input, relus) => relus.of(input) : (input) => relu_.tensor(input);
      case 'convolution': {
        const convolution = this.child(layer.name, convolutionOf(layer, settings));
        return (input) => convolution.forward(input, relu);
      }
      case 'batch-norm': {
        const norm = this.child(layer.name, new BatchNorm2d({ ...layer, ...settings }));
        return (input) => norm.forward(input);
      }
      case 'max-pool':
        return (input) => maxPool(input, layer);
      case 'average-pool':
        return (input) => averagePool(input, layer);
      case 'branches': {
        const paths = layer.branches.map((branch) => this.child('', new Path(branch, settings)));
        return (input, relus) => {
          return cat(
            paths.map((path) => path.forward(input, relus)),
            1,
          );
        };
      }
      case 'global-average-pool':
        return (input) => input.mean([2, 3], true);
      case 'dropout':
        return (input) => dropout(input, settings.dropoutKeep ?? 1, this.training);
      case 'linear': {
        const linear = this.child(layer.name, linearOf(layer, settings));
        return (input) => linear.forward(input.flatten(1));
      }
    }
  }
}

/**
 * Convolutions start as released: truncated normal of deviation √(1.3 · 2 / fan out) (nasnet.py's
 * variance_scaling_initializer(mode='FAN_OUT')), the fan out of a depthwise one being its kernel's k².
 */
function convolutionOf(layer: Extract<Layer, { kind: 'convolution' }>, settings: PathSettings): Conv2d {
  const { inputChannels: inputs, outputChannels: outputs } = layer;
  const convolution = new Conv2d({ ...layer, inputs, outputs, ...settings });
  const fanOut = (outputs / layer.groups) * layer.kernel[0] * layer.kernel[1];
  initialised(convolution.weight, truncatedNormal(Math.sqrt((1.3 * 2) / fanOut)));
  return convolution;
}

/**
 * Truncated normal of deviation √(1.3 / fan in), the bias 0. Not as released: √(1.3 · 2 / classes) starts NASNet-A (N = 2, F = 24,
 * 10 classes) at a loss of 8.8, this at 2.4, near the ln 10 of knowing nothing, which suits short trainings.
 */
function linearOf({ inputs, outputs }: { inputs: number; outputs: number }, settings: PathSettings): Linear {
  const linear = new Linear({ inputs, outputs, ...settings });
  initialised(linear.weight, truncatedNormal(Math.sqrt(1.3 / inputs)));
  return linear;
}

/** One filter for each channel; of a single channel any convolution is, and libtorch's own does as well. */
function isDepthwise(layer: Layer | undefined): boolean {
  if (layer?.kind !== 'convolution') return false;
  return layer.groups > 1 && layer.groups === layer.inputChannels && layer.groups === layer.outputChannels;
}

const relu_ = operator('aten::relu_');
