// Copies a dataset to the network's device: small images fit on a GPU as bytes (CIFAR-10: 154 MB), so that only a few
// numbers per step are copied.

import { keep } from '../engine/memory.ts';
import type { LabelledImages } from './dataset.ts';

/** Returns the images on a device: themselves on the CPU, else a copy that belongs to no scope. */
export function imagesOn(device: string, { images, labels }: LabelledImages): LabelledImages {
  if (images.device === device) return { images, labels };
  return { images: keep(images.to(device)), labels: keep(labels.to(device)) };
}
