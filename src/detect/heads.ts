// The two heads behind one interface: what they make of the network's features for the region proposal network, and how
// they look at proposals.

import { indexTensor, zeros } from '../engine/create.ts';
import type { Precision } from '../engine/device.ts';
import { operator } from '../engine/operator.ts';
import { cat, pixelMean } from '../engine/operators.ts';
import { cropAndResize, roiAlign } from '../engine/regions.ts';
import type { Tensor } from '../engine/tensor.ts';
import type { CellSettings } from '../model/cell.ts';
import { SharedRelus } from '../model/path.ts';
import { Trunk } from '../model/trunk.ts';
import { type Initialiser, initialised, truncatedNormal, withoutInitialisation } from '../nn/initialise.ts';
import { Conv2d, type ConvolutionSettings, Linear, type Placement } from '../nn/layers.ts';
import { Module } from '../nn/module.ts';
import { alignSide, cropSide, type DetectorPlan } from './detector-plan.ts';
import { headRules } from './detector-settings.ts';

/** Boxes on a batch of pictures. */
export interface Proposals {
  /** float32 [proposals, 4]: x1, y1, x2, y2 in pixels of the input. */
  boxes: Tensor;
  /** The picture of each, int64 [proposals]. */
  places: Tensor;
  /** Height and width of the input. */
  input: readonly [height: number, width: number];
}

export interface Classified {
  /** [proposals, 1 + classes], the background first */
  logits: Tensor;
  /** [proposals, classes, 4] */
  offsets: Tensor;
}

export interface Head extends Module {
  /** Returns the maps [pictures, channels, height, width] of the plan's levels, from features by endpoint. */
  levels(features: Record<string, Tensor>): Tensor[];
  classify(levels: readonly Tensor[], proposals: Proposals, progress: number): Classified;
}

/** Builds the head of a plan. */
export const buildHead = (plan: DetectorPlan, settings: CellSettings): Head =>
  plan.settings.head === 'paper' ? new PaperHead(plan, settings) : new PyramidHead(plan, settings);

/** Returns a convolution with a bias, initialised as the region proposal network's are (Ren et al., 2015). */
export function plainConvolution(settings: ConvolutionSettings): Conv2d {
  const convolution = withoutInitialisation(() => new Conv2d({ ...settings, bias: true }));
  initialised(convolution.weight, truncatedNormal(0.01));
  return convolution;
}

function linearLayer(inputs: number, outputs: number, initialiser: Initialiser, placement: Placement): Linear {
  const linear = withoutInitialisation(() => new Linear({ inputs, outputs, ...placement }));
  initialised(linear.weight, initialiser);
  return linear;
}

/** Uniform with variance 2 / (inputs + outputs) (Glorot and Bengio, 2010). */
const averageFan =
  (inputs: number, outputs: number): Initialiser =>
  (tensor) => {
    const limit = Math.sqrt(6 / (inputs + outputs));
    uniform_.run(tensor, -limit, limit);
  };

/** Uniform with variance 1 / (3 · inputs), for layers before a ReLU (torchvision's). */
const inputFan =
  (inputs: number): Initialiser =>
  (tensor) => {
    uniform_.run(tensor, -1 / Math.sqrt(inputs), 1 / Math.sqrt(inputs));
  };

/** Scores of every class and offsets for every class, from features [proposals, features]. */
class Outputs extends Module {
  readonly #logits: Linear;
  readonly #offsets: Linear;
  readonly #classes: number;

  constructor(features: number, classes: number, scale: Initialiser, placement: Placement) {
    super();
    this.#logits = this.child('classes', linearLayer(features, classes + 1, scale, placement));
    this.#offsets = this.child('boxes', linearLayer(features, 4 * classes, truncatedNormal(0.001), placement));
    this.#classes = classes;
  }

  forward(features: Tensor): Classified {
    return {
      logits: this.#logits.forward(features),
      offsets: this.#offsets.forward(features).reshape([-1, this.#classes, 4]),
    };
  }
}

class PaperHead extends Module implements Head {
  readonly #plan: DetectorPlan;
  readonly #tail: Trunk;
  readonly #outputs: Outputs;
  readonly #precision: Precision;

  constructor(plan: DetectorPlan, settings: CellSettings) {
    super();
    this.#plan = plan;
    this.#precision = settings.precision ?? 'float32';
    this.#tail = this.child('', new Trunk(plan.tail!, settings));
    const features = Object.values(plan.tail!.ends)[0]![2];
    const scale = averageFan(features, plan.classes + 1);
    this.#outputs = this.child('outputs', new Outputs(features, plan.classes, scale, placementOf(settings)));
  }

  levels(features: Record<string, Tensor>): Tensor[] {
    const [current, previous] = this.#plan.endpoints.map((name) => asFloats(features[name]!));
    return [cat([previous!, current!], 1)];
  }

  classify([map]: readonly Tensor[], { boxes, places, input }: Proposals, progress: number): Classified {
    const regions = { boxes: boxes.div(sidesOf(input, boxes)), places, size: [cropSide, cropSide] as const };
    const [current, previous] = this.#plan.endpoints as [string, string];
    const width = this.#plan.trunk.ends[previous]![2];
    // The map is divided, not the crops, which are larger: their parts would be copied, and so would their gradients.
    const crops = (first: number, channels: number) =>
      cropAndResize(map!.narrow(1, first, channels), regions).to(this.#precision);
    const known = new Map([
      [previous, crops(0, width)],
      [current, crops(width, map!.shape[1]! - width)],
    ]);
    const last = Object.keys(this.#plan.tail!.ends)[0]!;
    const results = this.#tail.behind(known, { progress, relus: new SharedRelus() });
    return this.#outputs.forward(pixelMean(asFloats(results.get(last)!).relu()));
  }
}

class PyramidHead extends Module implements Head {
  readonly #plan: DetectorPlan;
  readonly #lateral: Conv2d[];
  readonly #output: Conv2d[];
  readonly #hidden: Linear[];
  readonly #outputs: Outputs;

  constructor(plan: DetectorPlan, settings: CellSettings) {
    super();
    this.#plan = plan;
    const placement = placementOf(settings);
    const { channels, hidden } = plan.settings;
    const wide = (settings: ConvolutionSettings, inputs: number) => {
      const convolution = withoutInitialisation(() => new Conv2d({ ...settings, bias: true }));
      initialised(convolution.weight, inputFan(inputs)); // √3 times less than that of the network: sums of levels
      return convolution;
    };
    this.#lateral = plan.endpoints.map((name, level) => {
      const inputs = plan.trunk.ends[name]![2];
      return this.child(`lateral_${level}`, wide({ inputs, outputs: channels, kernel: 1, ...placement }, inputs));
    });
    this.#output = plan.endpoints.map((_, level) =>
      this.child(
        `level_${level}`,
        wide({ inputs: channels, outputs: channels, kernel: 3, padding: 1, ...placement }, 9 * channels),
      ),
    );
    const inputs = alignSide ** 2 * channels;
    this.#hidden = [inputs, hidden].map((count, index) =>
      this.child(`hidden_${index + 1}`, linearLayer(count, hidden, truncatedNormal(Math.sqrt(2 / count)), placement)),
    );
    this.#outputs = this.child('outputs', new Outputs(hidden, plan.classes, truncatedNormal(0.01), placement));
  }

  levels(features: Record<string, Tensor>): Tensor[] {
    const laterals = this.#plan.endpoints.map((name, level) =>
      this.#lateral[level]!.forward(asFloats(features[name]!)),
    );
    // Sizes are rounded up at every stride, so each level is enlarged to the finer one's size, not doubled.
    for (let level = laterals.length - 2; level >= 0; level--) {
      const [, , height, width] = laterals[level]!.shape as [number, number, number, number];
      laterals[level] = laterals[level]!.add(enlarge.tensor(laterals[level + 1]!, [height, width]));
    }
    const maps = laterals.map((lateral, level) => this.#output[level]!.forward(lateral));
    const coarsest = maps.at(-1)!;
    return [...maps, coarsest.slice(2, 0, coarsest.shape[2]!, 2).slice(3, 0, coarsest.shape[3]!, 2)];
  }

  classify(maps: readonly Tensor[], { boxes, places }: Proposals): Classified {
    const levels = levelsOf(boxes.toArray(), this.#plan);
    const parts: Tensor[] = [];
    const order: number[] = [];
    this.#plan.endpoints.forEach((_, level) => {
      const own = levels.flatMap((each, proposal) => (each === level ? [proposal] : []));
      if (own.length === 0) return;
      order.push(...own);
      const rows = indexTensor(Int32Array.from(own), boxes.device);
      const scale = 1 / this.#plan.levels[level]!.stride;
      parts.push(
        roiAlign(maps[level]!, {
          boxes: boxes.indexSelect(0, rows),
          places: places.indexSelect(0, rows),
          size: [alignSide, alignSide],
          scale,
        }),
      );
    });
    const { channels } = this.#plan.settings;
    if (parts.length === 0) parts.push(zeros([0, channels, alignSide, alignSide], { device: boxes.device }));
    const features = this.#hidden.reduce((input, layer) => layer.forward(input).relu(), cat(parts).flatten(1));
    const { logits, offsets } = this.#outputs.forward(features);
    // Level after level up to here, since outputs are smaller to sort than cells.
    const back = new Int32Array(order.length);
    for (const [place, proposal] of order.entries()) back[proposal] = place;
    const rows = indexTensor(back, boxes.device);
    return { logits: logits.indexSelect(0, rows), offsets: offsets.indexSelect(0, rows) };
  }
}

/**
 * Returns the level of each box: a square of 112 pixels is the largest on the finest level, and each further level has
 * squares up to twice as large (Lin et al., 2017); in proportion to the anchors.
 */
function levelsOf(boxes: ArrayLike<number>, { settings, endpoints }: DetectorPlan): number[] {
  const largest = (112 * settings.anchor) / headRules.fpn.anchor;
  return Array.from({ length: boxes.length / 4 }, (_, index) => {
    const [x1, y1, x2, y2] = [0, 1, 2, 3].map((place) => boxes[4 * index + place]!) as [number, number, number, number];
    const side = Math.sqrt(Math.max(x2 - x1, 0) * Math.max(y2 - y1, 0));
    return Math.min(Math.max(Math.floor(Math.log2(side / largest + 1e-6)) + 1, 0), endpoints.length - 1);
  });
}

/** The sides that divide boxes [n, 4] to shares of the input, [4]. */
function sidesOf([height, width]: readonly [number, number], boxes: Tensor): Tensor {
  return cat(
    [width, height, width, height].map((side) => zeros([1], { device: boxes.device }).add(side)),
    0,
  );
}

const placementOf = ({ device }: CellSettings): Placement => (device === undefined ? {} : { device });

/** Heads compute in float32, whatever the network's precision. */
const asFloats = (features: Tensor) => (features.dtype === 'float32' ? features : features.to('float32'));

const uniform_ = operator('aten::uniform_');
const enlarge = operator('aten::upsample_nearest2d');
