// The settings of a detector, their defaults and sources. Plain data, stored with its weights.

import { InputError } from '../failure.ts';
import { within } from '../largest.ts';
import { namedModels } from '../plan/named-models.ts';
import type { PlanOptions } from '../plan/plan.ts';

export const headNames = ['paper', 'fpn'] as const;
/**
 * 'paper': as the released faster_rcnn_nas, the network's last stage runs on a crop of every proposal. 'fpn': a feature
 * pyramid (Lin et al., 2017), RoIAlign and two fully connected layers.
 */
export type HeadName = (typeof headNames)[number];

/** How a picture is brought to the input's size: 'stretch' to both sides, 'fit' keeps its aspect and pads. */
export type PictureFraming = 'stretch' | 'fit';

export interface DetectorSettings {
  readonly head: HeadName;
  /** Sizes of the network, in the ImageNet layout. */
  readonly network: Pick<PlanOptions, 'cells' | 'filters' | 'stemChannels' | 'skipReductionInput'>;
  /** Height and width in pixels to which pictures are brought. The weights suit any size. */
  readonly input: readonly [height: number, width: number];
  readonly framing: PictureFraming;
  /** Channels of the pyramid and of the region proposal network; with 'paper' of the latter only. */
  readonly channels: number;
  /** Units of each of the two fully connected layers; 0 with 'paper', which has the network's last stage instead. */
  readonly hidden: number;
  /** Proposals of a picture that the second stage looks at. */
  readonly proposals: number;
  /** Side of the smallest anchor in pixels. */
  readonly anchor: number;
  /** Whether batch norms keep their statistics and parameters in training, as the released detector's do. */
  readonly frozenNorms: boolean;
}

/** Settings that follow from the choice of a head. */
export interface HeadRules {
  readonly channels: number;
  readonly hidden: number;
  readonly framing: PictureFraming;
  readonly proposals: number;
  /** Side of the smallest anchor for pictures whose shorter side is at least `anchorPixels`; in proportion below. */
  readonly anchor: number;
  readonly anchorPixels: number;
  readonly leastAnchor: number;
  readonly ratios: readonly number[];
  /** Anchors of one place have the sides 1, 2, 4 … times the level's smallest. */
  readonly scales: number;
  /** Best anchors of each level that suppression looks at. Default: all. */
  readonly candidates?: { readonly training: number; readonly test: number };
  /** Proposals of a picture that a training step learns from, and the largest share with an object. */
  readonly sampled: number;
  readonly positives: number;
  /** Whether the true boxes are among the proposals of a training step. */
  readonly addsTruths: boolean;
  /** Whether anchors that cross the picture's border learn. */
  readonly crossingAnchors: boolean;
  /** The final suppression: IoU, and the least score. */
  readonly suppression: number;
  readonly leastScore: number;
}

export const headRules: Record<HeadName, HeadRules> = {
  /** faster_rcnn_nas_coco.config of tensorflow/models. */
  paper: {
    channels: 512,
    hidden: 0,
    framing: 'stretch',
    proposals: 300, // paper, Table 4: 300 to 500; the configuration has 500, later 50
    anchor: 64, // 256 × 0.25
    anchorPixels: 600,
    leastAnchor: 4,
    ratios: [0.5, 1, 2],
    scales: 4,
    sampled: 64,
    positives: 0.25,
    addsTruths: false,
    crossingAnchors: false,
    suppression: 0.6,
    leastScore: 0,
  },
  /** torchvision's fasterrcnn_resnet50_fpn, with 300 proposals in place of 1,000. */
  fpn: {
    channels: 256,
    hidden: 1024,
    framing: 'fit',
    proposals: 300,
    anchor: 32,
    anchorPixels: 800, // torchvision brings the shorter side to 800
    leastAnchor: 8, // anchors of the finest level are 4 pixels apart: smaller ones lie between objects
    ratios: [0.5, 1, 2],
    scales: 1,
    candidates: { training: 2000, test: 1000 },
    sampled: 512,
    positives: 0.25,
    addsTruths: true,
    crossingAnchors: true,
    suppression: 0.5,
    leastScore: 0.05,
  },
};

/** Settings of both heads. */
export const regionRules = {
  /** Suppression of proposals. */
  suppression: 0.7,
  /** Anchors: an object from this IoU on, the background below that one; those between do not learn. */
  anchorObject: 0.7,
  anchorBackground: 0.3,
  sampledAnchors: 256,
  anchorPositives: 0.5,
  /** Proposals with this IoU have the object. */
  proposalObject: 0.5,
  /** Offsets and log sizes are learnt in these multiples. */
  coder: [10, 10, 5, 5],
  /** Weight of the box losses. */
  boxLoss: 2,
  /** Objects of a picture, and of one category in it. */
  detections: 100,
} as const;

export type DetectorChoices = Pick<DetectorSettings, 'head' | 'network'> &
  Partial<Omit<DetectorSettings, 'head' | 'network'>>;

/** Completes settings by the head's rules. @throws InputError for a number out of range */
export function detectorSettings(choices: DetectorChoices): DetectorSettings {
  const rules = headRules[choices.head];
  const input = choices.input ?? ([600, 600] as const);
  for (const side of input) {
    within('pixels', side, 'size');
    if (side < leastSide) throw new InputError(`size: expected at least ${leastSide} pixels, got ${side}`);
  }
  const share = Math.min(1, Math.min(...input) / rules.anchorPixels);
  return {
    framing: rules.framing,
    channels: rules.channels,
    hidden: rules.hidden,
    proposals: rules.proposals,
    anchor: Math.max(rules.leastAnchor, Math.round(rules.anchor * share)),
    frozenNorms: false,
    ...choices,
    input,
  };
}

/** So that the last stage has more than one pixel, whose cells have other layers. */
export const leastSide = 48;

/** The input of the paper's Table 4 for the released networks. */
export const publishedInput = { large: 1200, mobile: 600 } as const;

/** Returns the plan options of the detector's network. */
export const networkOptions = ({ network, input }: Pick<DetectorSettings, 'network' | 'input'>) =>
  ({ stemChannels: namedModels.mobile.stemChannels, ...network, layout: 'imagenet', input }) as const;
