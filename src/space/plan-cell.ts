// One cell as layers: its two inputs aligned, its blocks, its output. What does not reach the output is not laid.

import { type Cell, createdState, liveStates, outputStates } from './architecture.ts';
import { type BatchNormSettings, LayerPath } from './layer-path.ts';
import type { Layer, Shape } from './layers.ts';
import type { Combiner, OperationName } from './operations.ts';
import { layOperation } from './plan-operation.ts';

/** Layers from a state of the cell; none where the state passes unchanged. */
export interface StatePath {
  readonly state: number;
  readonly layers: readonly Layer[];
}

export interface OperationPlan extends StatePath {
  readonly operation: OperationName;
  /** ScheduledDropPath may drop it: every operation but identity. */
  readonly dropPath: boolean;
}

export interface BlockPlan {
  /** The state it creates. */
  readonly state: number;
  readonly left: OperationPlan;
  readonly right: OperationPlan;
  readonly combine: Combiner;
}

export interface CellPlan {
  /** As an endpoint: `Cell_0`, `Reduction_Cell_0`. Its parameters' names start with the same in small letters. */
  readonly name: string;
  readonly kind: 'normal' | 'reduction';
  readonly filters: number;
  /** Position among all cells of the network, from 0, and their number: what ScheduledDropPath scales with. */
  readonly index: number;
  readonly count: number;
  /** The endpoints that are h_i and h_{i-1}, the same one twice in the first cell. One that nothing reads may be left out of the plan. */
  readonly current: string;
  readonly previous: string;
  /** States 0 and 1 made from `current` and `previous`, if anything reads them. */
  readonly inputs: readonly StatePath[];
  readonly blocks: readonly BlockPlan[];
  /** The states that are concatenated, each aligned where necessary. */
  readonly output: readonly StatePath[];
  readonly shape: Shape;
}

export interface CellSlot extends Pick<CellPlan, 'name' | 'kind' | 'filters' | 'index' | 'count'> {
  readonly current: { readonly name: string; readonly shape: Shape };
  /** Absent in the first cell: the raw current input stands in, unaligned. */
  readonly previous: { readonly name: string; readonly shape: Shape } | undefined;
  readonly norm: BatchNormSettings;
}

export function planCell(cell: Cell, slot: CellSlot): CellPlan {
  const { name, kind, filters, index, count, norm } = slot;
  const live = liveStates(cell);
  const stride = kind === 'reduction' ? 2 : 1;
  const path = (shape: Shape, part: string) => new LayerPath(shape, `${name.toLowerCase()}.${part}`, norm);
  const shapes: Shape[] = [];

  const current = path(slot.current.shape, 'current')
    .relu()
    .convolution('pointwise', { channels: filters })
    .batchNorm();
  const previous = alignPrevious(path((slot.previous ?? slot.current).shape, 'previous'), slot);
  shapes.push(current.shape, previous.shape);
  const inputs = [current, previous]
    .map(({ layers }, state) => ({ state, layers }))
    .filter(({ state }) => live.has(state));

  const blocks: BlockPlan[] = [];
  cell.blocks.forEach((block, number) => {
    const lay = (side: 0 | 1, part: string): [OperationPlan, Shape] => {
      const [state, operation] = [block.inputs[side], block.operations[side]];
      // Only what reads the cell's own inputs strides; the created states are small already.
      const laid = layOperation(
        path(shapes[state]!, `block_${number}.${part}`),
        operation,
        filters,
        state < 2 ? stride : 1,
      );
      return [{ state, operation, layers: laid.layers, dropPath: operation !== 'identity' }, laid.shape];
    };
    const [[left, shape], [right]] = [lay(0, 'left'), lay(1, 'right')];
    const state = createdState(number);
    shapes.push(block.combine === 'concat' ? [shape[0], shape[1], 2 * filters] : shape);
    if (live.has(state)) blocks.push({ state, left, right, combine: block.combine });
  });

  const [height, width] = shapes[2]!;
  const output = outputStates(cell).map((state) => {
    const aligned =
      state < 2 ? alignOutput(path(shapes[state]!, `output_${state}`), filters, [height, width]) : undefined;
    return { state, layers: aligned?.layers ?? [], channels: (aligned?.shape ?? shapes[state]!)[2] };
  });
  return {
    name,
    kind,
    filters,
    index,
    count,
    current: slot.current.name,
    previous: (slot.previous ?? slot.current).name,
    inputs,
    blocks,
    output: output.map(({ state, layers }) => ({ state, layers })),
    shape: [height, width, output.reduce((sum, { channels }) => sum + channels, 0)],
  };
}

/** The previous input to the current one's height and width, and to f filters. */
function alignPrevious(path: LayerPath, { current, previous, filters }: CellSlot): LayerPath {
  if (!previous) return path;
  if (!sameSize(path.shape, current.shape)) return path.relu().factorizedReduction(filters);
  if (path.shape[2] === filters) return path;
  return path.relu().convolution('pointwise', { channels: filters }).batchNorm();
}

/**
 * A cell input that the output lists, to the output's size and f filters, without a ReLU (as released). Created states
 * need none of this: they have the size, and a concatenation's 2f channels are concatenated as they are.
 */
function alignOutput(path: LayerPath, filters: number, size: [number, number]): LayerPath {
  if (!sameSize(path.shape, size)) return path.factorizedReduction(filters);
  if (path.shape[2] === filters) return path;
  return path.convolution('pointwise', { channels: filters }).batchNorm();
}

const sameSize = (shape: readonly number[], other: readonly number[]) => shape[0] === other[0] && shape[1] === other[1];
