// What a cell is given, brought to its own size and filters before its blocks read it.

import { type Cell, inputCount } from '../space/architecture.ts';
import type { Layer, Shape } from './layer.ts';
import { type BatchNormSettings, LayerPath } from './layer-path.ts';

export interface InputSlot {
  /** Stands before the names of the layers: `cell_0`. */
  readonly name: string;
  readonly filters: number;
  /** Undefined for h_{i-1} of the first cell. */
  readonly sources: readonly ({ readonly shape: Shape } | undefined)[];
  readonly norm: BatchNormSettings;
}

/** An input state: the layers that make it and its shape. */
export type AlignedInput = Pick<LayerPath, 'layers' | 'shape'>;

/** Every input state of the cell, in order; all have the height and width of the first. */
export function alignInputs(cell: Cell, slot: InputSlot): AlignedInput[] {
  if (cell.output === 'states') return alignStates(inputCount(cell), slot);
  const { name, filters, norm } = slot;
  const [current, previous] = slot.sources;
  const path = ({ shape }: { shape: Shape }, part: string) => new LayerPath(shape, `${name}.${part}`, norm);
  const own = path(current!, 'current').relu().convolution('pointwise', { channels: filters }).batchNorm();
  // In the first cell the raw current input stands in, unaligned (as released).
  const before = path(previous ?? current!, 'previous');
  return [own, previous ? aligned(before, current!.shape, filters) : before];
}

/** The previous input to the current one's height and width, and to f filters. */
function aligned(path: LayerPath, size: Shape, filters: number): LayerPath {
  if (!sameSize(path.shape, size)) return path.relu().factorizedReduction(filters);
  if (path.shape[2] === filters) return path;
  return path.relu().convolution('pointwise', { channels: filters }).batchNorm();
}

/**
 * Open in the paper; here the rules of two inputs hold for all: the first goes through ReLU, 1×1, batch norm, the others only
 * where they differ. A state from before two reductions is halved twice.
 */
function alignStates(count: number, { name, filters, sources, norm }: InputSlot): AlignedInput[] {
  const [first, ...others] = Array.from({ length: count }, (_, input) => sources[input]!.shape);
  const own = new LayerPath(first!, `${name}.input_0`, norm).relu();
  const further = others.map((shape, index) => {
    const part = `${name}.input_${index + 1}`;
    const halvings: Layer[] = [];
    let small = shape;
    for (let turn = 1; !sameSize(small, first!); turn++) {
      const halving = new LayerPath(small, `${part}.half_${turn}`, norm).relu().factorizedReduction(filters);
      halvings.push(...halving.layers);
      small = halving.shape;
    }
    const path = aligned(new LayerPath(small, part, norm), first!, filters);
    return { layers: [...halvings, ...path.layers], shape: path.shape };
  });
  return [own.convolution('pointwise', { channels: filters }).batchNorm(), ...further];
}

export const sameSize = (shape: readonly number[], other: readonly number[]) =>
  shape[0] === other[0] && shape[1] === other[1];
