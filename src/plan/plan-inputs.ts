// Brings the inputs of a cell to its size and filters before its blocks read them.

import { type Cell, inputCount } from '../space/architecture.ts';
import type { Layer, Shape } from './layer.ts';
import { type BatchNormSettings, LayerPath } from './layer-path.ts';

export interface InputSlot {
  /** The prefix of the layers' names: `cell_0`. */
  readonly name: string;
  readonly filters: number;
  /** Undefined for h_{i-1} of the first cell. */
  readonly sources: readonly ({ readonly shape: Shape } | undefined)[];
  readonly norm: BatchNormSettings;
}

/** An input state: the layers that compute it and its shape. */
export type AlignedInput = Pick<LayerPath, 'layers' | 'shape'>;

/** Lays out every input state of the cell, in order; all have the height and width of the first. */
export function alignInputs(cell: Cell, slot: InputSlot): AlignedInput[] {
  if (cell.output === 'states') return alignStates(inputCount(cell), slot);
  const { name, filters, norm } = slot;
  const [current, previous] = slot.sources;
  const path = ({ shape }: { shape: Shape }, part: string) => new LayerPath(shape, `${name}.${part}`, norm);
  const currentPath = path(current!, 'current').relu().convolution('pointwise', { channels: filters }).batchNorm();
  // The first cell reads the raw current input, unaligned, as its previous input (as released).
  const previousPath = path(previous ?? current!, 'previous');
  return [currentPath, previous ? alignPrevious(previousPath, current!.shape, filters) : previousPath];
}

/** Brings the previous input to the current one's height and width, and to f filters. */
function alignPrevious(path: LayerPath, size: Shape, filters: number): LayerPath {
  if (!sameSize(path.shape, size)) return path.relu().factorizedReduction(filters);
  if (path.shape[2] === filters) return path;
  return path.relu().convolution('pointwise', { channels: filters }).batchNorm();
}

/**
 * Aligns the inputs of a cell that reads single states. The paper leaves this open; here the rules for two inputs apply
 * to all: the first passes ReLU, 1×1 and batch norm, the others only if their shape differs. A state from before two
 * reductions is halved twice.
 */
function alignStates(count: number, { name, filters, sources, norm }: InputSlot): AlignedInput[] {
  const [first, ...others] = Array.from({ length: count }, (_, input) => sources[input]!.shape);
  const currentPath = new LayerPath(first!, `${name}.input_0`, norm).relu();
  const otherPaths = others.map((shape, index) => {
    const part = `${name}.input_${index + 1}`;
    const halvings: Layer[] = [];
    let small = shape;
    for (let turn = 1; !sameSize(small, first!); turn++) {
      const halving = new LayerPath(small, `${part}.half_${turn}`, norm).relu().factorizedReduction(filters);
      halvings.push(...halving.layers);
      small = halving.shape;
    }
    const path = alignPrevious(new LayerPath(small, part, norm), first!, filters);
    return { layers: [...halvings, ...path.layers], shape: path.shape };
  });
  return [currentPath.convolution('pointwise', { channels: filters }).batchNorm(), ...otherPaths];
}

export const sameSize = (shape: readonly number[], other: readonly number[]) =>
  shape[0] === other[0] && shape[1] === other[1];
