// The losses of a detector's training step, the same for both heads: cross entropy and Huber loss, of sampled anchors
// and of sampled proposals.

import { indexTensor, tensor } from '../engine/create.ts';
import { noGrad, scope } from '../engine/memory.ts';
import { operator } from '../engine/operator.ts';
import { crossEntropy } from '../engine/operators.ts';
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
  /** Rows of the scores, and their classes. */
  rows: number[];
  classes: number[];
  /** The first so many of the rows of each picture have an object: rows of the offsets, and the offsets. */
  boxRows: number[];
  offsets: number[];
}

/** Returns the losses of a batch's anchors. */
export function anchorLosses(
  scores: AnchorScores,
  truths: readonly Truth[],
  rules: HeadRules,
  random: RandomStream,
): Pick<Losses, 'anchors' | 'anchorBoxes'> {
  const count = scores.anchors.length / 4;
  const targets: Targets = { rows: [], classes: [], boxRows: [], offsets: [] };
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
      random,
    );
    for (const anchor of objects) {
      targets.rows.push(picture * count + anchor);
      targets.classes.push(1);
      addBox(targets, picture * count + anchor, truth.boxes, matches[anchor]!, scores.anchors, anchor);
    }
    for (const anchor of backgrounds) {
      targets.rows.push(picture * count + anchor);
      targets.classes.push(0);
    }
  }
  const { logits, offsets } = scores;
  return {
    anchors: classLoss(logits.reshape([-1, 2]), targets),
    anchorBoxes: boxLoss(offsets.reshape([-1, 4]), targets),
  };
}

/** Boxes of a batch to learn from: what each learns stands beside it. */
export interface SampledProposals {
  /** x1, y1, x2, y2 of each. */
  boxes: Float32Array;
  /** The picture of each. */
  places: number[];
  /** 0 is the background, 1 + category an object. */
  classes: number[];
  /** The offsets of those with an object, four of each. */
  offsets: number[];
}

/** Samples proposals of each picture; float32 [n, 4] of each. */
export function sampleProposals(
  proposals: readonly Float32Array[],
  truths: readonly Truth[],
  rules: HeadRules,
  random: RandomStream,
): SampledProposals {
  const sampled = { places: [] as number[], classes: [] as number[], offsets: [] as number[] };
  const boxes: number[] = [];
  for (const [picture, own] of proposals.entries()) {
    const { boxes: truthBoxes, labels } = truths[picture]!;
    const all = rules.addsTruths ? Float32Array.from([...own, ...truthBoxes]) : own;
    const matches = matchBoxes(overlapsOf(all, truthBoxes), all.length / 4, labels.length, {
      object: regionRules.proposalObject,
      background: regionRules.proposalObject,
      everyObject: false,
    });
    const { objects, backgrounds } = sampleBoxes(matches, { count: rules.sampled, positives: rules.positives }, random);
    for (const box of [...objects, ...backgrounds]) {
      boxes.push(...all.subarray(4 * box, 4 * box + 4));
      sampled.places.push(picture);
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
    boxRows: withObject.map(([row, category]) => row * classCount + category), // of the true class only
    offsets: sampled.offsets,
  };
  return { classes: classLoss(logits, targets), boxes: boxLoss(offsets.reshape([-1, 4]), targets) };
}

/** The mean cross entropy of the sampled rows; 0 if there are none. */
function classLoss(logits: Tensor, { rows, classes }: Targets): Tensor {
  if (rows.length === 0) return logits.sum().mul(0);
  const { device } = logits;
  return crossEntropy(logits.indexSelect(0, indexTensor(rows, device)), indexTensor(classes, device));
}

/** The Huber loss (δ = 1) of all four offsets, divided by the number of sampled rows. */
function boxLoss(offsets: Tensor, { rows, boxRows, offsets: wanted }: Targets): Tensor {
  if (boxRows.length === 0) return offsets.sum().mul(0);
  const { device } = offsets;
  const learnt = offsets.indexSelect(0, indexTensor(boxRows, device));
  const sum = huber.tensor(learnt, tensor(wanted, [boxRows.length, 4], { device }), sumReduction, 1);
  return sum.mul(regionRules.boxLoss / rows.length);
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

function addBox(
  targets: Targets,
  row: number,
  objects: Float32Array,
  object: number,
  from: Float32Array,
  box: number,
): void {
  const offsets = new Float32Array(4);
  encodeBox(objects, 4 * object, from, 4 * box, offsets, 0);
  targets.boxRows.push(row);
  targets.offsets.push(...offsets);
}

const huber = operator('aten::huber_loss');
/** libtorch's number of a reduction by addition. */
const sumReduction = 2;
