// Images where the network is: a dataset of small images fits on a GPU as bytes (CIFAR-10: 154 MB), so that a training step takes
// its batch there and nothing but a few numbers travels.

import { keep } from '../engine/memory.ts';
import type { LabelledImages } from './dataset.ts';

/** The same images on a device; on the CPU themselves, elsewhere a copy that belongs to no scope. */
export function imagesOn(device: string, { images, labels }: LabelledImages): LabelledImages {
  if (images.device === device) return { images, labels };
  return { images: keep(images.to(device)), labels: keep(labels.to(device)) };
}
