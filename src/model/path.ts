// Builds a path of a plan's layers as modules. The plan sets padding, strides and channels; this file only computes the
// same values with less work: [ReLU, depthwise,] convolution and batch norm are one fused unit; otherwise a depthwise
// convolution includes the ReLU before it; the ReLU of a shared state is computed once, other ReLUs in place.

import type { Precision } from '../engine/device.ts';
import { combine, concat, fanOut, fusedConvolution, fusedOn, fusedUnit, fuses, type Raw } from '../engine/fused.ts';
import { averagePool, fusesRelu, maxPool } from '../engine/kernels.ts';
import { operator } from '../engine/operator.ts';
import { dropout, pixelMean } from '../engine/operators.ts';
import { Tensor } from '../engine/tensor.ts';
import { ImageNorm2d } from '../nn/image-norm.ts';
import { initialised, truncatedNormal, withoutInitialisation } from '../nn/initialise.ts';
import { BatchNorm2d, Conv2d, Linear, type Placement } from '../nn/layers.ts';
import { Module } from '../nn/module.ts';
import type { SumOver } from '../nn/synchronised-norm.ts';
import type { BatchNorm, Convolution, Layer } from '../plan/layer.ts';

export interface PathSettings extends Placement {
  /** Default: float32. */
  precision?: Precision;
  /** Probability of keeping a feature before the classifier. Default 1. */
  dropoutKeep?: number;
  /** Whether batch norms keep their moving statistics in training and normalise by them. Default false. */
  frozenNorms?: boolean;
  /** Decay of the moving statistics in place of the plan's, which suits long trainings. */
  normDecay?: number;
  /** Norms use the statistics of all processes that train together (nn/layers.ts). Default: of their own images. */
  sumOver?: SumOver | undefined;
}

/** Whether convolutions and norms run as units. A norm of several processes is a step of its own. */
export const fusesUnits = (settings: PathSettings): boolean => fuses(settings) && !settings.sumOver;

/** The ReLUs of one forward pass: several operations that read one state share its ReLU. */
export class SharedRelus {
  readonly #relus = new Map<Tensor, Tensor>();

  of(state: Tensor): Tensor {
    const relu = this.#relus.get(state) ?? state.relu();
    this.#relus.set(state, relu);
    return relu;
  }
}

/** The result of a path: images, or a unit's raw result, to which its reader applies the batch norm. */
export type PathResult = Tensor | Raw;

type Step = (input: PathResult, relus: SharedRelus) => PathResult;

/** Returns a step that reads images, not raw results. */
const plain = (step: (input: Tensor, relus: SharedRelus) => Tensor): Step => {
  return (input, relus) => step(imagesOf(input), relus);
};

/** Converts a path's result to images. */
export function imagesOf(result: PathResult): Tensor {
  return result instanceof Tensor ? result : combine(result);
}

/** A path of layers. Its parameters have the plan's names and order. */
export class Path extends Module {
  readonly #steps: Step[] = [];

  constructor(layers: readonly Layer[], settings: PathSettings = {}) {
    super();
    for (let index = 0; index < layers.length; ) {
      const unit = fusesUnits(settings) ? unitAt(layers, index) : undefined;
      const relu = layers[index]!.kind === 'relu' && readsThroughRelu(layers[index + 1], settings);
      if (unit) this.#steps.push(this.#unit(unit, settings));
      else this.#steps.push(this.#step(layers[index + (relu ? 1 : 0)]!, index === 0, relu, settings));
      index += unit?.length ?? (relu ? 2 : 1);
    }
  }

  /** Whether the result is a new tensor, which the caller may overwrite. */
  get createsTensor(): boolean {
    return this.#steps.length > 0;
  }

  /**
   * Maps [images, channels, height, width] to [images, channels', height', width'], or to [images, outputs] after a
   * linear layer.
   */
  forward(input: Tensor, relus: SharedRelus): Tensor {
    return imagesOf(this.run(input, relus));
  }

  /** Runs the path as `forward` does, but leaves the last batch norm to the reader if possible. */
  run(input: Tensor, relus: SharedRelus): PathResult {
    return this.#steps.reduce((value: PathResult, step) => step(value, relus), input);
  }

  #unit({ relu, depthwise, convolution, norm }: Unit, settings: PathSettings): Step {
    const filter = depthwise && this.child(depthwise.name, convolutionOf(depthwise, settings));
    const { weight } = this.child(convolution.name, convolutionOf(convolution, settings));
    const { stride, padding, dilation } = depthwise ?? convolution;
    const { precision } = settings;
    const options = { depthwise: filter?.weight, weight, stride, padding, dilation, relu, precision };
    const from = (input: PathResult) => (relu ? input : imagesOf(input));
    if (!norm) return (input) => fusedConvolution(from(input), options);
    const normalise = this.child(norm.name, normOf(norm, settings));
    return (input) => fusedUnit(from(input), { ...options, norm: normalise.options() });
  }

  /** Builds one layer. `relu`: whether it includes the ReLU before it. */
  #step(layer: Layer, first: boolean, relu: boolean, settings: PathSettings): Step {
    // The classifier has few elements and stays in float32 when fused units keep images in 16 bits.
    const narrow = settings.precision === 'bfloat16' && fusesUnits(settings);
    const exact = (images: Tensor) => (narrow ? images.to('float32') : images);
    switch (layer.kind) {
      case 'relu':
        // The layer before a ReLU inside a path is a batch norm, whose gradient does not need its result, so ReLU works
        // in place.
        return plain(first ? (input, relus) => relus.of(input) : (input) => relu_.tensor(input));
      case 'convolution': {
        const convolution = this.child(layer.name, convolutionOf(layer, settings));
        return plain((input) => convolution.forward(input, relu));
      }
      case 'batch-norm': {
        const norm = this.child(layer.name, normOf(layer, settings));
        return plain((input) => norm.forward(input));
      }
      case 'layer-norm':
      case 'instance-norm': {
        const over = layer.kind === 'layer-norm' ? 'image' : 'channel';
        const norm = this.child(layer.name, new ImageNorm2d({ ...layer, ...settings, over }));
        return plain((input) => norm.forward(input));
      }
      case 'max-pool':
        return plain((input) => maxPool(input, layer));
      case 'average-pool':
        return plain((input) => averagePool(input, layer));
      case 'branches': {
        const before: Layer[] = relu ? [{ kind: 'relu', output: layer.output }] : [];
        const paths = layer.branches.map((branch) => this.child('', new Path([...before, ...branch], settings)));
        return plain((input, relus) => {
          const views = fusedOn() ? fanOut(input, paths.length) : paths.map(() => input);
          return concat(paths.map((path, index) => path.forward(views[index]!, relus)));
        });
      }
      case 'global-average-pool':
        return plain((input) => pixelMean(exact(input), true));
      case 'dropout':
        return plain((input) => dropout(input, settings.dropoutKeep ?? 1, this.training));
      case 'linear': {
        const linear = this.child(layer.name, linearOf(layer, settings));
        return plain((input) => linear.forward(exact(input.flatten(1))));
      }
    }
  }
}

/** The layers of one fused unit. */
interface Unit {
  relu: boolean;
  depthwise: Convolution | undefined;
  convolution: Convolution;
  norm: BatchNorm | undefined;
  /** The number of layers. */
  length: number;
}

/** Returns the unit that starts at a layer, [ReLU], [depthwise,] convolution, [batch norm], or undefined. */
function unitAt(layers: readonly Layer[], start: number): Unit | undefined {
  let index = start;
  const relu = layers[index]?.kind === 'relu';
  if (relu) index++;
  const depthwise = isDepthwise(layers[index]) ? layers[index++] : undefined;
  const convolution = layers[index++];
  if (convolution?.kind !== 'convolution' || convolution.groups !== 1) return undefined;
  if (depthwise && !(isPointwise(convolution) && isSupported(depthwise))) return undefined;
  const norm = layers[index]?.kind === 'batch-norm' ? (layers[index++] as BatchNorm) : undefined;
  return { relu, depthwise, convolution, norm, length: index - start };
}

/** Whether a step can include the ReLU before it. */
function readsThroughRelu(layer: Layer | undefined, settings: PathSettings): boolean {
  if (layer?.kind === 'branches') {
    return fuses(settings) && layer.branches.every((branch) => unitAt(branch, 0) !== undefined);
  }
  return fusesRelu(settings) && isDepthwise(layer);
}

/** Whether a convolution is 1×1 at every pixel. */
function isPointwise({ kernel, stride, padding }: Convolution): boolean {
  return [...kernel, ...stride].every((size) => size === 1) && padding.every((cells) => cells === 0);
}

/** Whether our depthwise kernels support the layer. */
function isSupported(layer: Layer): layer is Convolution {
  if (layer.kind !== 'convolution') return false;
  return layer.kernel.every((size) => [1, 2, 3, 5, 7].includes(size)) && layer.stride.every((step) => step <= 2);
}

const normOf = (norm: BatchNorm, settings: PathSettings) =>
  new BatchNorm2d({ ...norm, ...settings, decay: settings.normDecay ?? norm.decay });

/**
 * Initialises a convolution as released: truncated normal with deviation √(1.3 · 2 / fan out) (nasnet.py's
 * variance_scaling_initializer(mode='FAN_OUT')), where the fan out of a depthwise convolution is k².
 */
function convolutionOf(layer: Extract<Layer, { kind: 'convolution' }>, settings: PathSettings): Conv2d {
  const { inputChannels: inputs, outputChannels: outputs } = layer;
  const convolution = withoutInitialisation(() => new Conv2d({ ...layer, inputs, outputs, ...settings }));
  const fanOut = (outputs / layer.groups) * layer.kernel[0] * layer.kernel[1];
  initialised(convolution.weight, truncatedNormal(Math.sqrt((1.3 * 2) / fanOut)));
  return convolution;
}

/**
 * Initialises a linear layer with a truncated normal of deviation √(1.3 / fan in) and a bias of 0. This differs from
 * the released √(1.3 · 2 / classes), with which NASNet-A (N = 2, F = 24, 10 classes) starts at a loss of 8.8. With this
 * it starts at 2.4, near the ln 10 of uniform probabilities, which is better for short trainings.
 */
function linearOf({ inputs, outputs }: { inputs: number; outputs: number }, settings: PathSettings): Linear {
  const linear = withoutInitialisation(() => new Linear({ inputs, outputs, ...settings }));
  initialised(linear.weight, truncatedNormal(Math.sqrt(1.3 / inputs)));
  return linear;
}

/** Whether a convolution has one filter per channel; false for a single channel, for which libtorch's is as fast. */
function isDepthwise(layer: Layer | undefined): boolean {
  if (layer?.kind !== 'convolution') return false;
  return layer.groups > 1 && layer.groups === layer.inputChannels && layer.groups === layer.outputChannels;
}

const relu_ = operator('aten::relu_');
