// A path of a plan's layers as modules. Padding, strides and channels are the plan's; nothing is decided here but how the
// same values are had with less work: [ReLU, depthwise,] convolution and batch norm are one fused unit; elsewhere a depthwise
// convolution takes the ReLU before it along; of other ReLUs that of a shared state is computed once, the rest in place.

import type { Precision } from '../engine/device.ts';
import { combine, concat, fusedConvolution, fusedUnit, fuses, type Raw } from '../engine/fused.ts';
import { averagePool, fusesRelu, maxPool } from '../engine/kernels.ts';
import { operator } from '../engine/operator.ts';
import { dropout } from '../engine/operators.ts';
import { Tensor } from '../engine/tensor.ts';
import { ImageNorm2d } from '../nn/image-norm.ts';
import { initialised, truncatedNormal, withoutDrawing } from '../nn/initialise.ts';
import { BatchNorm2d, Conv2d, Linear, type Placement } from '../nn/layers.ts';
import { Module } from '../nn/module.ts';
import type { BatchNorm, Convolution, Layer } from '../plan/layer.ts';

export interface PathSettings extends Placement {
  /** Default: float32. */
  precision?: Precision;
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

/** What a path ends with: images, or a unit's raw result, whose batch norm is left to whoever reads it. */
export type PathResult = Tensor | Raw;

type Step = (input: PathResult, relus: SharedRelus) => PathResult;

/** A step that reads images as they are. */
const plain = (step: (input: Tensor, relus: SharedRelus) => Tensor): Step => {
  return (input, relus) => step(imagesOf(input), relus);
};

/** A path's result as images. */
export function imagesOf(result: PathResult): Tensor {
  return result instanceof Tensor ? result : combine(result);
}

/** Its parameters are named as in the plan, in the plan's order. */
export class Path extends Module {
  readonly #steps: Step[] = [];

  constructor(layers: readonly Layer[], settings: PathSettings = {}) {
    super();
    for (let index = 0; index < layers.length; ) {
      const unit = fuses(settings) ? unitAt(layers, index) : undefined;
      const relu = fusesRelu(settings) && layers[index]!.kind === 'relu' && isDepthwise(layers[index + 1]);
      if (unit) this.#steps.push(this.#unit(unit, settings));
      else this.#steps.push(this.#step(layers[index + (relu ? 1 : 0)]!, index === 0, relu, settings));
      index += unit?.length ?? (relu ? 2 : 1);
    }
  }

  /** Whether the result is a tensor of the path's own, which its caller may overwrite. */
  get makesNew(): boolean {
    return this.#steps.length > 0;
  }

  /** [images, channels, height, width] → [images, channels', height', width'], after a linear layer [images, outputs] */
  forward(input: Tensor, relus: SharedRelus): Tensor {
    return imagesOf(this.run(input, relus));
  }

  /** The same, its last batch norm left open where it can be. */
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
    const normalise = this.child(norm.name, new BatchNorm2d({ ...norm, ...settings }));
    return (input) => fusedUnit(from(input), { ...options, norm: normalise.options() });
  }

  /** `relu`: whether the layer takes the ReLU before it along. */
  #step(layer: Layer, first: boolean, relu: boolean, settings: PathSettings): Step {
    // A classifier's few numbers are worth their float32 where fused units keep images in 16 bits.
    const narrow = settings.precision === 'bfloat16' && fuses(settings);
    const exact = (images: Tensor) => (narrow ? images.to('float32') : images);
    switch (layer.kind) {
      case 'relu':
        // What comes before within a path is a batch norm, whose gradient does not need its own result.
        return plain(first ? (input, relus) => relus.of(input) : (input) => relu_.tensor(input));
      case 'convolution': {
        const convolution = this.child(layer.name, convolutionOf(layer, settings));
        return plain((input) => convolution.forward(input, relu));
      }
      case 'batch-norm': {
        const norm = this.child(layer.name, new BatchNorm2d({ ...layer, ...settings }));
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
        const paths = layer.branches.map((branch) => this.child('', new Path(branch, settings)));
        return plain((input, relus) => concat(paths.map((path) => path.forward(input, relus))));
      }
      case 'global-average-pool':
        return plain((input) => exact(input).mean([2, 3], true));
      case 'dropout':
        return plain((input) => dropout(input, settings.dropoutKeep ?? 1, this.training));
      case 'linear': {
        const linear = this.child(layer.name, linearOf(layer, settings));
        return plain((input) => linear.forward(exact(input.flatten(1))));
      }
    }
  }
}

/** Layers that one fused unit does. */
interface Unit {
  relu: boolean;
  depthwise: Convolution | undefined;
  convolution: Convolution;
  norm: BatchNorm | undefined;
  /** How many layers. */
  length: number;
}

/** The unit that begins at a layer: [ReLU], [depthwise,] convolution, [batch norm]. */
function unitAt(layers: readonly Layer[], start: number): Unit | undefined {
  let index = start;
  const relu = layers[index]?.kind === 'relu';
  if (relu) index++;
  const depthwise = isDepthwise(layers[index]) ? layers[index++] : undefined;
  const convolution = layers[index++];
  if (convolution?.kind !== 'convolution' || convolution.groups !== 1) return undefined;
  if (depthwise && !(isPlain(convolution) && fits(depthwise))) return undefined;
  const norm = layers[index]?.kind === 'batch-norm' ? (layers[index++] as BatchNorm) : undefined;
  return { relu, depthwise, convolution, norm, length: index - start };
}

/** 1×1 at every pixel. */
function isPlain({ kernel, stride, padding }: Convolution): boolean {
  return [...kernel, ...stride].every((size) => size === 1) && padding.every((cells) => cells === 0);
}

/** What our depthwise kernels take. */
function fits(layer: Layer): layer is Convolution {
  if (layer.kind !== 'convolution') return false;
  return layer.kernel.every((size) => size <= 7) && layer.stride.every((step) => step <= 2);
}

/**
 * Convolutions start as released: truncated normal of deviation √(1.3 · 2 / fan out) (nasnet.py's
 * variance_scaling_initializer(mode='FAN_OUT')), the fan out of a depthwise one being its kernel's k².
 */
function convolutionOf(layer: Extract<Layer, { kind: 'convolution' }>, settings: PathSettings): Conv2d {
  const { inputChannels: inputs, outputChannels: outputs } = layer;
  const convolution = withoutDrawing(() => new Conv2d({ ...layer, inputs, outputs, ...settings }));
  const fanOut = (outputs / layer.groups) * layer.kernel[0] * layer.kernel[1];
  initialised(convolution.weight, truncatedNormal(Math.sqrt((1.3 * 2) / fanOut)));
  return convolution;
}

/**
 * Truncated normal of deviation √(1.3 / fan in), the bias 0. Not as released: √(1.3 · 2 / classes) starts NASNet-A (N = 2, F = 24,
 * 10 classes) at a loss of 8.8, this at 2.4, near the ln 10 of knowing nothing, which suits short trainings.
 */
function linearOf({ inputs, outputs }: { inputs: number; outputs: number }, settings: PathSettings): Linear {
  const linear = withoutDrawing(() => new Linear({ inputs, outputs, ...settings }));
  initialised(linear.weight, truncatedNormal(Math.sqrt(1.3 / inputs)));
  return linear;
}

/** One filter for each channel; of a single channel any convolution is, and libtorch's own does as well. */
function isDepthwise(layer: Layer | undefined): boolean {
  if (layer?.kind !== 'convolution') return false;
  return layer.groups > 1 && layer.groups === layer.inputChannels && layer.groups === layer.outputChannels;
}

const relu_ = operator('aten::relu_');
