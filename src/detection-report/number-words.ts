// COCO's twelve numbers in words.

import type { TwelveNumbers } from '../coco/twelve-numbers.ts';
import { percent } from '../words.ts';

export const numberMeanings: Readonly<Record<keyof TwelveNumbers, string>> = {
  AP: 'average precision, mean of IoU 0.50 to 0.95',
  AP50: 'average precision, IoU 0.50',
  AP75: 'average precision, IoU 0.75',
  APs: 'small objects, up to 32² pixels',
  APm: 'medium objects, 32² to 96² pixels',
  APl: 'large objects, from 96² pixels',
  AR1: 'average recall of 1 detection a picture and class',
  AR10: 'of 10 detections',
  AR100: 'of 100 detections',
  ARs: 'of 100 detections, small objects',
  ARm: 'of 100 detections, medium objects',
  ARl: 'of 100 detections, large objects',
};

/** Formats a share; a dash for -1, where no object counts. */
export const shareWords = (share: number): string => (share === -1 ? '–' : percent(share));
