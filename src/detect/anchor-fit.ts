// How well a detector's anchors fit the objects of a dataset, before it is trained: an object that no anchor overlaps
// by much is learnt from one poor anchor, and found late or never. Numbers on the host.

import type { DetectionPicture } from '../detection-data/detection-dataset.ts';
import { anchorShapes } from './anchors.ts';
import type { DetectorPlan } from './detector-plan.ts';
import { headRules } from './detector-settings.ts';
import { testPlacement, truthOf } from './pictures.ts';

type Size = readonly [height: number, width: number];

export interface AnchorFit {
  /** Objects that were looked at. */
  objects: number;
  /** Shares of the objects whose best anchor overlaps them by an IoU of at least 0.5, and of less than 0.3. */
  good: number;
  poor: number;
}

const goodOverlap = 0.5;
const poorOverlap = 0.3;
/** Pictures that are looked at; evenly spaced, if there are more. */
const mostPictures = 2000;

/** Returns how well the anchors fit the objects as a test shows them; undefined if there are none. */
export function anchorFit(plan: DetectorPlan, pictures: readonly DetectionPicture[]): AnchorFit | undefined {
  const { input, framing } = plan.settings;
  const every = Math.max(1, pictures.length / mostPictures);
  const fit = { objects: 0, good: 0, poor: 0 };
  for (let place = 0; place < pictures.length; place += every) {
    const picture = pictures[Math.floor(place)]!;
    const { boxes, labels, extent } = truthOf(picture, testPlacement([picture.height, picture.width], input, framing));
    for (const object of labels.keys()) {
      const corners = [0, 1, 2, 3].map((corner) => boxes[4 * object + corner]!) as [number, number, number, number];
      const overlap = bestOverlap(corners, plan, extent);
      fit.objects += 1;
      if (overlap >= goodOverlap) fit.good += 1;
      else if (overlap < poorOverlap) fit.poor += 1;
    }
  }
  const { objects, good, poor } = fit;
  return objects === 0 ? undefined : { objects, good: good / objects, poor: poor / objects };
}

/** Returns the greatest IoU of a box x1, y1, x2, y2 with an anchor that learns. */
export function bestOverlap(
  [x1, y1, x2, y2]: readonly [number, number, number, number],
  { settings, levels }: Pick<DetectorPlan, 'settings' | 'levels'>,
  [height, width]: Size,
): number {
  const { ratios, crossingAnchors } = headRules[settings.head];
  const overlaps = levels.flatMap(({ stride, shape: [rows, columns], sides }) =>
    anchorShapes(sides, ratios).map(([high, wide]) => {
      const down = { stride, count: rows, side: high, end: crossingAnchors ? undefined : height };
      const across = { stride, count: columns, side: wide, end: crossingAnchors ? undefined : width };
      const common = mostInCommon(y1, y2, down) * mostInCommon(x1, x2, across);
      return common / ((x2 - x1) * (y2 - y1) + high * wide - common);
    }),
  );
  return Math.max(...overlaps);
}

interface Places {
  stride: number;
  count: number;
  /** The anchor's, along the axis. */
  side: number;
  /** Where the picture ends, if anchors that cross its border do not learn. */
  end: number | undefined;
}

/**
 * Returns the greatest length that an anchor has in common with low to high along an axis: that of the nearest one.
 * The IoU is greatest where these lengths are.
 */
function mostInCommon(low: number, high: number, { stride, count, side, end }: Places): number {
  const first = end === undefined ? 0 : Math.ceil(side / 2 / stride);
  const last = end === undefined ? count - 1 : Math.min(count - 1, Math.floor((end - side / 2) / stride));
  if (last < first) return 0;
  const centre = stride * Math.min(Math.max(Math.round((low + high) / 2 / stride), first), last);
  return Math.max(0, Math.min(high, centre + side / 2) - Math.max(low, centre - side / 2));
}
