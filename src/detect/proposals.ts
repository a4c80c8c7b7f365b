// The region proposal network (Ren et al., 2015): two scores and four offsets for every anchor, and the boxes that are
// left of them.

import { indexTensor, tensor } from '../engine/create.ts';
import { noGrad, scope } from '../engine/memory.ts';
import { cat, where } from '../engine/operators.ts';
import { nonMaximumSuppression } from '../engine/regions.ts';
import type { Tensor } from '../engine/tensor.ts';
import type { CellSettings } from '../model/cell.ts';
import type { Conv2d } from '../nn/layers.ts';
import { Module } from '../nn/module.ts';
import { anchorsOf } from './anchors.ts';
import { clipBoxes, decodeBoxes } from './box-coder.ts';
import type { DetectorPlan } from './detector-plan.ts';
import { headRules, regionRules } from './detector-settings.ts';
import { plainConvolution } from './heads.ts';

/** The network's answers for every anchor of a batch of pictures. */
export interface AnchorScores {
  /** Background and object: [pictures, anchors, 2] */
  logits: Tensor;
  /** [pictures, anchors, 4] */
  offsets: Tensor;
  /** float32 [anchors, 4], the same for all pictures. */
  anchors: Float32Array;
  /** Anchors of each level; they follow each other. */
  counts: readonly number[];
}

/** Width and height below which a proposal is no box, in pixels. */
const leastSide = 1e-3;
const mostReluSix = 6;

export class ProposalNetwork extends Module {
  readonly #plan: DetectorPlan;
  readonly #convolution: Conv2d;
  readonly #logits: Conv2d;
  readonly #offsets: Conv2d;
  readonly #anchors = new Map<string, Float32Array>();

  constructor(plan: DetectorPlan, { device }: CellSettings) {
    super();
    this.#plan = plan;
    const { channels } = plan.settings;
    const inputs = plan.levels[0]!.shape[2];
    const placement = device === undefined ? {} : { device };
    const one = { inputs: channels, kernel: 1, ...placement };
    this.#convolution = this.child(
      'convolution',
      plainConvolution({ inputs, outputs: channels, kernel: 3, padding: 1, ...placement }),
    );
    this.#logits = this.child('scores', plainConvolution({ ...one, outputs: 2 * plan.anchors }));
    this.#offsets = this.child('boxes', plainConvolution({ ...one, outputs: 4 * plan.anchors }));
  }

  forward(maps: readonly Tensor[]): AnchorScores {
    const isPaper = this.#plan.settings.head === 'paper';
    const perAnchor = (values: Tensor, numbers: number) =>
      values.permute([0, 2, 3, 1]).reshape([values.shape[0]!, -1, numbers]);
    const read = maps.map((map) => {
      const hidden = this.#convolution.forward(map);
      const shown = isPaper ? hidden.clamp(0, mostReluSix) : hidden.relu();
      return [perAnchor(this.#logits.forward(shown), 2), perAnchor(this.#offsets.forward(shown), 4)] as const;
    });
    const sizes = maps.map((map) => [map.shape[2]!, map.shape[3]!] as const);
    return {
      logits: cat(
        read.map(([logits]) => logits),
        1,
      ),
      offsets: cat(
        read.map(([, offsets]) => offsets),
        1,
      ),
      anchors: this.#anchorsFor(sizes),
      counts: sizes.map(([height, width]) => height * width * this.#plan.anchors),
    };
  }

  #anchorsFor(sizes: readonly (readonly [number, number])[]): Float32Array {
    const key = sizes.join(' ');
    const known = this.#anchors.get(key);
    if (known) return known;
    const { head } = this.#plan.settings;
    const parts = sizes.map((size, level) => anchorsOf(this.#plan.levels[level]!, size, headRules[head].ratios));
    const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
    let place = 0;
    for (const part of parts) {
      all.set(part, place);
      place += part.length;
    }
    if (this.#anchors.size > 32) this.#anchors.clear();
    this.#anchors.set(key, all);
    return all;
  }

  /**
   * Returns the proposals of one picture by falling score: float32 [at most settings.proposals, 4]. No gradient passes
   * through them.
   * @param extent height and width of the picture within the input
   */
  proposals(scores: AnchorScores, picture: number, extent: readonly [number, number]): Tensor {
    const { settings } = this.#plan;
    const { candidates } = headRules[settings.head];
    return scope(() =>
      noGrad(() => {
        const { device } = scores.logits;
        const anchors = tensor(scores.anchors, [scores.anchors.length / 4, 4], { device });
        const objectness = scores.logits.select(0, picture).softmax(1).select(1, 1); // [anchors]
        const most = candidates?.[this.training ? 'training' : 'test'];
        const places = most === undefined ? undefined : bestOfLevels(objectness, scores.counts, most);
        const chosen = (values: Tensor) => (places ? values.indexSelect(0, places) : values);
        const offsets = scores.offsets.select(0, picture);
        const boxes = clipBoxes(decodeBoxes(chosen(offsets), chosen(anchors)), extent);
        const survivors = nonMaximumSuppression(boxes, scoresOfBoxes(chosen(objectness), boxes), {
          classes: scores.counts.length > 1 && places ? levelOf(places, scores.counts) : undefined,
          threshold: regionRules.suppression,
          limit: settings.proposals,
        });
        return boxes.indexSelect(0, survivors);
      }),
    );
  }
}

/** Returns the places of the `most` highest scores of each level, int64. */
function bestOfLevels(scores: Tensor, counts: readonly number[], most: number): Tensor {
  let first = 0;
  return cat(
    counts.map((count) => {
      const { indices } = scores.narrow(0, first, count).topk(Math.min(most, count), 0);
      const places = indices.add(first);
      first += count;
      return places;
    }),
  );
}

/** Returns the level of each place, int64. */
function levelOf(places: Tensor, counts: readonly number[]): Tensor {
  let end = 0;
  const levels = Array.from(places.toArray(), () => 0);
  const numbers = places.toArray();
  for (const count of counts.slice(0, -1)) {
    end += count;
    for (const [index, place] of numbers.entries()) if (place >= end) levels[index]! += 1;
  }
  return indexTensor(levels, places.device);
}

/** Returns the scores with NaN for boxes without width or height, which suppression leaves out. */
export function scoresOfBoxes(scores: Tensor, boxes: Tensor): Tensor {
  const side = (axis: number) =>
    boxes
      .select(1, axis + 2)
      .sub(boxes.select(1, axis))
      .ge(leastSide);
  return where(side(0).logicalAnd(side(1)), scores, scores.mul(Number.NaN));
}
