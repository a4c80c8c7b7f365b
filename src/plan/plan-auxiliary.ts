// The auxiliary head: a second classifier before the second reduction cell, which only training uses (released code).

import { InputError } from '../failure.ts';
import type { Layer, Shape } from './layer.ts';
import { LayerPath } from './layer-path.ts';
import { type Layout, layouts } from './layouts.ts';

const pool = { kernel: 5, stride: 3 } as const; // average, VALID

/** Whether images of this size (in pixels) are large enough for the auxiliary head. */
export function auxiliaryFits(input: number | readonly [number, number], layout: Layout = 'cifar'): boolean {
  return [input].flat().every((size) => size >= layouts[layout].minAuxiliaryInput);
}

export interface AuxiliaryPlan {
  /** The endpoint that the head reads. */
  readonly from: string;
  readonly layers: readonly Layer[];
}

/**
 * Lays out the head: ReLU, 5×5 average pool, 1×1 to 128 channels, a convolution over all remaining pixels to 768,
 * linear (released code).
 * @throws InputError if fewer than 5 × 5 pixels are left
 */
export function planAuxiliary(from: { name: string; shape: Shape }, classes: number, layout: Layout): AuxiliaryPlan {
  const [height, width] = from.shape;
  const { kernel, stride } = pool;
  const { norm, minAuxiliaryInput: minInput } = layouts[layout];
  if (height < kernel || width < kernel) {
    throw new InputError(
      `auxiliary head: expected at least ${kernel} × ${kernel} pixels before the second reduction cell, got ` +
        `${height} × ${width}; use images of at least ${minInput} × ${minInput} pixels or leave the auxiliary head out`,
    );
  }
  const path = new LayerPath(from.shape, 'auxiliary', norm)
    .relu()
    .pool('average-pool', kernel, stride, [0, 0, 0, 0])
    .convolution('projection', { channels: 128 })
    .batchNorm('projection_norm')
    .relu();
  const [rows, columns] = path.shape;
  path
    .convolution('full', { channels: 768, kernel: [rows, columns], padding: [0, 0, 0, 0] })
    .batchNorm('full_norm')
    .relu()
    .linear('linear', classes);
  return { from: from.name, layers: path.layers };
}
