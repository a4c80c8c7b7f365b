// The losses of a detector's training step, the same for both heads: cross entropy and Huber loss, of sampled anchors
// and of sampled proposals. Each is a mean over pictures of the picture's own mean over what it samples, as released
// (faster_rcnn_meta_arch.py), so that the losses of some pictures of a batch add up to those of the batch.

import { indexTensor, tensor } from '../engine/create.ts';
import { noGrad, scope } from '../engine/memory.ts';
import { operator } from '../engine/operator.ts';
import { crossEntropies } from '../engine/operators.ts';
import { boxIou } from '../engine/regions.ts';
import type { Tensor } from '../engine/tensor.ts';
import type { RandomStream } from '../random/stream.ts';
import { matchBoxes, nothing, sampleBoxes } from './anchor-matching.ts';
import { encodeBox } from './box-coder.ts';
import { type HeadRules, regionRules } from './detector-settings.ts';
import type { Classified } from './heads.ts';
import type { AnchorScores } from './proposals.ts';

/** The objects of a picture in the network's input. */
export interface Truth {
  /** x1, y1, x2, y2 of each object in pixels of the input. */
  boxes: Float32Array;
  /** The category of each object. */
  labels: Int32Array;
  /** Height and width of the picture within the input. */
  extent: readonly [height: number, width: number];
}

/** The parts of the loss, [] each. */
export interface Losses {
  anchors: Tensor;
  anchorBoxes: Tensor;
  classes: Tensor;
  boxes: Tensor;
}

export const lossNames = ['anchors', 'anchorBoxes', 'classes', 'boxes'] as const satisfies readonly (keyof Losses)[];

/** Samples that learn a class, and those among them that learn a box. */
interface Targets {
  /** Rows of the scores, their classes, and their shares in the loss. */
  rows: number[];
  classes: number[];
  shares: number[];
  /** The first so many of the rows of each picture have an object: rows of the offsets, the offsets, and the shares. */
  boxRows: number[];
  offsets: number[];
  boxShares: number[];
}

/** Returns the losses of a batch's anchors. @param randoms chooses the anchors of each picture */
export function anchorLosses(
  scores: AnchorScores,
  truths: readonly Truth[],
  rules: HeadRules,
  randoms: readonly RandomStream[],
): Pick<Losses, 'anchors' | 'anchorBoxes'> {
  const count = scores.anchors.length / 4;
  const targets: Targets = { rows: [], classes: [], shares: [], boxRows: [], offsets: [], boxShares: [] };
  for (const [picture, truth] of truths.entries()) {
    const overlaps = overlapsOf(scores.anchors, truth.boxes);
    const crossing = rules.crossingAnchors ? [] : crossingAnchors(scores.anchors, truth.extent);
    const objectCount = truth.labels.length;
    // Before the matching, so that the best anchor of every object is one that learns.
    for (const anchor of crossing) overlaps.fill(0, anchor * objectCount, (anchor + 1) * objectCount);
    const matches = matchBoxes(overlaps, count, objectCount, {
      object: regionRules.anchorObject,
      background: regionRules.anchorBackground,
      everyObject: true,
    });
    for (const anchor of crossing) matches[anchor] = nothing;
    const { objects, backgrounds } = sampleBoxes(
      matches,
      { count: regionRules.sampledAnchors, positives: regionRules.anchorPositives },
      randoms[picture]!,
    );
    const share = shareOf(objects.length + backgrounds.length, truths.length);
    for (const anchor of [...objects, ...backgrounds]) {
      targets.rows.push(picture * count + anchor);
      targets.shares.push(share);
    }
    targets.classes.push(...objects.map(() => 1), ...backgrounds.map(() => 0));
    for (const anchor of objects) {
      const offsets = new Float32Array(4);
      encodeBox(truth.boxes, 4 * matches[anchor]!, scores.anchors, 4 * anchor, offsets, 0);
      targets.boxRows.push(picture * count + anchor);
      targets.offsets.push(...offsets);
      targets.boxShares.push(share);
    }
  }
  const { logits, offsets } = scores;
  return {
    anchors: classLoss(logits.reshape([-1, 2]), targets),
    anchorBoxes: boxLoss(offsets.reshape([-1, 4]), targets),
  };
}

/** The share in a loss of one of `sampled` rows of a picture, of which there are `pictures`. */
const shareOf = (sampled: number, pictures: number) => 1 / (sampled * pictures);

/** Boxes of a batch to learn from: what each learns stands beside it. */
export interface SampledProposals {
  /** x1, y1, x2, y2 of each. */
  boxes: Float32Array;
  /** The picture of each. */
  places: number[];
  /** 0 is the background, 1 + category an object. */
  classes: number[];
  /** Shares in the loss. */
  shares: number[];
  /** The offsets of those with an object, four of each. */
  offsets: number[];
}

/** Samples proposals of each picture; float32 [n, 4] of each. @param randoms chooses those of each picture */
export function sampleProposals(
  proposals: readonly Float32Array[],
  truths: readonly Truth[],
  rules: HeadRules,
  randoms: readonly RandomStream[],
): SampledProposals {
  const sampled: Omit<SampledProposals, 'boxes'> = { places: [], classes: [], shares: [], offsets: [] };
  const boxes: number[] = [];
  for (const [picture, own] of proposals.entries()) {
    const { boxes: truthBoxes, labels } = truths[picture]!;
    const all = rules.addsTruths ? Float32Array.from([...own, ...truthBoxes]) : own;
    const matches = matchBoxes(overlapsOf(all, truthBoxes), all.length / 4, labels.length, {
      object: regionRules.proposalObject,
      background: regionRules.proposalObject,
      everyObject: false,
    });
    const wanted = { count: rules.sampled, positives: rules.positives };
    const { objects, backgrounds } = sampleBoxes(matches, wanted, randoms[picture]!);
    const share = shareOf(objects.length + backgrounds.length, truths.length);
    for (const box of [...objects, ...backgrounds]) {
      boxes.push(...all.subarray(4 * box, 4 * box + 4));
      sampled.places.push(picture);
      sampled.shares.push(share);
      const match = matches[box]!;
      sampled.classes.push(match < 0 ? 0 : 1 + labels[match]!);
      if (match < 0) continue;
      const offsets = new Float32Array(4);
      encodeBox(truthBoxes, 4 * match, all, 4 * box, offsets, 0);
      sampled.offsets.push(...offsets);
    }
  }
  return { boxes: Float32Array.from(boxes), ...sampled };
}

/** Returns the losses of what was said of sampled proposals. */
export function proposalLosses(
  { logits, offsets }: Classified,
  sampled: SampledProposals,
): Pick<Losses, 'classes' | 'boxes'> {
  const classCount = offsets.shape[1]!;
  const withObject = sampled.classes.flatMap((label, row) => (label > 0 ? [[row, label - 1] as const] : []));
  const targets: Targets = {
    rows: sampled.classes.map((_, row) => row),
    classes: sampled.classes,
    shares: sampled.shares,
    boxRows: withObject.map(([row, category]) => row * classCount + category), // of the true class only
    offsets: sampled.offsets,
    boxShares: withObject.map(([row]) => sampled.shares[row]!),
  };
  return { classes: classLoss(logits, targets), boxes: boxLoss(offsets.reshape([-1, 4]), targets) };
}

/** The cross entropy of the sampled rows; 0 if there are none. */
function classLoss(logits: Tensor, { rows, classes, shares }: Targets): Tensor {
  if (rows.length === 0) return logits.sum().mul(0);
  const { device } = logits;
  const losses = crossEntropies(logits.indexSelect(0, indexTensor(rows, device)), indexTensor(classes, device));
  return losses.mul(tensor(shares, [rows.length], { device })).sum();
}

/** The Huber loss (δ = 1) of all four offsets of the samples with an object. */
function boxLoss(offsets: Tensor, { boxRows, offsets: wanted, boxShares }: Targets): Tensor {
  const count = boxRows.length;
  if (count === 0) return offsets.sum().mul(0);
  const { device } = offsets;
  const learnt = offsets.indexSelect(0, indexTensor(boxRows, device));
  const losses = huber.tensor(learnt, tensor(wanted, [count, 4], { device }), noReduction, 1).sum(1); // [boxes]
  return losses
    .mul(tensor(boxShares, [count], { device }))
    .sum()
    .mul(regionRules.boxLoss);
}

/** Returns the IoU of every box with every object, row-major. */
function overlapsOf(boxes: Float32Array, objects: Float32Array): Float32Array {
  if (boxes.length === 0 || objects.length === 0) return new Float32Array();
  return scope(() =>
    noGrad(() => boxIou(tensor(boxes, [boxes.length / 4, 4]), tensor(objects, [objects.length / 4, 4])).toArray()),
  ) as Float32Array;
}

/** Returns the anchors that cross the picture's border. */
function crossingAnchors(anchors: Float32Array, [height, width]: readonly [number, number]): number[] {
  const crossing: number[] = [];
  for (let anchor = 0; anchor < anchors.length / 4; anchor++) {
    const place = 4 * anchor;
    const isInside =
      anchors[place]! >= 0 && anchors[place + 1]! >= 0 && anchors[place + 2]! <= width && anchors[place + 3]! <= height;
    if (!isInside) crossing.push(anchor);
  }
  return crossing;
}

const huber = operator('aten::huber_loss');
/** libtorch's number of no reduction. */
const noReduction = 0;
