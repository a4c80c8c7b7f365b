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

type Size = readonly [height: number, width: number];

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
   * Returns the proposals of each picture by falling score: float32 [at most settings.proposals, 4]. No gradient passes
   * through them.
   * @param extents height and width of each picture within the input
   */
  proposals({ logits, offsets, anchors, counts }: AnchorScores, extents: readonly Size[]): Tensor[] {
    const { settings } = this.#plan;
    const most = headRules[settings.head].candidates?.[this.training ? 'training' : 'test'];
    return scope(() =>
      noGrad(() => {
        const { device } = logits;
        const all = tensor(anchors, [anchors.length / 4, 4], { device });
        // The softmax of two scores, [pictures, anchors].
        const objectness = logits.select(2, 1).sub(logits.select(2, 0)).sigmoid();
        const chosen =
          most === undefined
            ? { offsets, anchors: all, scores: objectness }
            : bestOfLevels({ offsets, anchors: all, objectness }, counts, most);
        const boxes = clipBoxes(decodeBoxes(chosen.offsets, chosen.anchors), extents); // [pictures, chosen, 4]
        const scores = scoresOfBoxes(chosen.scores, boxes);
        const levels = counts.flatMap((count, level) => new Array<number>(Math.min(most ?? count, count)).fill(level));
        const classes = counts.length > 1 ? indexTensor(Int32Array.from(levels), device) : undefined;
        return extents.map((_, picture) => {
          const own = boxes.select(0, picture);
          const survivors = nonMaximumSuppression(own, scores.select(0, picture), {
            classes,
            threshold: regionRules.suppression,
            limit: settings.proposals,
          });
          return own.indexSelect(0, survivors);
        });
      }),
    );
  }
}

/** Returns the offsets, anchors and scores of the `most` best anchors of each level, level after level. */
function bestOfLevels(
  { offsets, anchors, objectness }: { offsets: Tensor; anchors: Tensor; objectness: Tensor },
  counts: readonly number[],
  most: number,
): { offsets: Tensor; anchors: Tensor; scores: Tensor } {
  let first = 0;
  const best = counts.map((count) => {
    const { values, indices } = objectness.narrow(1, first, count).topk(Math.min(most, count), 1);
    const places = indices.add(first);
    first += count;
    return { values, places };
  });
  const places = cat(
    best.map((each) => each.places),
    1,
  ); // [pictures, chosen]
  const [pictures, chosen] = places.shape as [number, number];
  return {
    offsets: offsets.gather(1, places.unsqueeze(2).expand([-1, -1, 4])),
    anchors: anchors.indexSelect(0, places.reshape([-1])).reshape([pictures, chosen, 4]),
    scores: cat(
      best.map(({ values }) => values),
      1,
    ),
  };
}

/** Returns the scores with NaN for boxes without width or height, which suppression leaves out. */
export function scoresOfBoxes(scores: Tensor, boxes: Tensor): Tensor {
  const last = boxes.shape.length - 1;
  const side = (axis: number) =>
    boxes
      .select(last, axis + 2)
      .sub(boxes.select(last, axis))
      .ge(leastSide);
  return where(side(0).logicalAnd(side(1)), scores, scores.mul(Number.NaN));
}
