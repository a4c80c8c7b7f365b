// Lays out one cell: its aligned inputs, its blocks and its results. States that no needed result depends on get no
// layers.

import {
  type Cell,
  type CellResult,
  cellResults,
  createdState,
  inputCount,
  liveStates,
} from '../space/architecture.ts';
import { type Combiner, type OperationName, type OperationTable, operationOf } from '../space/operations.ts';
import type { Layer, Shape } from './layer.ts';
import { type BatchNormSettings, LayerPath } from './layer-path.ts';
import { alignInputs, sameSize } from './plan-inputs.ts';
import { layOperation } from './plan-operation.ts';

/** The layers that process a state of the cell; empty if the state stays unchanged. */
export interface StatePath {
  readonly state: number;
  readonly layers: readonly Layer[];
}

export interface OperationPlan extends StatePath {
  readonly operation: OperationName;
  /** Whether ScheduledDropPath may drop it: true for every operation except identity. */
  readonly dropPath: boolean;
}

export interface BlockPlan {
  /** The state it creates. */
  readonly state: number;
  readonly left: OperationPlan;
  readonly right: OperationPlan;
  readonly combine: Combiner;
  /** The normalisation after the addition, or empty. */
  readonly layers: readonly Layer[];
}

export interface CellPlan {
  /**
   * The name of its endpoint: `Cell_0`, `Reduction_Cell_0`. The names of its parameters start with the same in lower
   * case.
   */
  readonly name: string;
  readonly kind: 'normal' | 'reduction';
  readonly filters: number;
  /** Position among all cells of the network, from 0, and their number: ScheduledDropPath scales with index / count. */
  readonly index: number;
  readonly count: number;
  /**
   * The results that its inputs are computed from: h_i and h_{i-1}, the same one twice in the first cell, or as many as
   * it has inputs. A source that no block reads may be absent from the plan.
   */
  readonly sources: readonly string[];
  /** The input states that are read, computed from the sources. */
  readonly inputs: readonly StatePath[];
  readonly blocks: readonly BlockPlan[];
  /** The output states, each aligned if necessary. */
  readonly output: readonly StatePath[];
  /** The results that other cells read by name: concatenations of output states. */
  readonly results: readonly CellResult[];
  /** The shape of all output states concatenated. */
  readonly shape: Shape;
}

export interface CellSlot extends Pick<CellPlan, 'name' | 'kind' | 'filters' | 'index' | 'count'> {
  /** Undefined for h_{i-1} of the first cell: h_i stands in. */
  readonly sources: readonly ({ readonly name: string; readonly shape: Shape } | undefined)[];
  /** The names of the results that are read. */
  readonly needed: ReadonlySet<string>;
  readonly norm: BatchNormSettings;
  /** The architecture's custom operations. */
  readonly own?: OperationTable | undefined;
}

/** The cell's plan and the shapes of all its results, read or not. */
export interface PlannedCell {
  readonly plan: CellPlan;
  readonly shapes: ReadonlyMap<string, Shape>;
}

/** Added to the variance, as in slim's layer_norm and instance_norm (docs/paper.md). */
export const normEpsilons = { 'layer-norm': 1e-12, 'instance-norm': 1e-6 } as const;

/** Lays out a cell at its place in the network. */
export function planCell(cell: Cell, slot: CellSlot): PlannedCell {
  const { name, kind, filters, index, count, sources, needed, norm, own } = slot;
  const all = cellResults(cell, name);
  const results = all.filter((result) => needed.has(result.name));
  const neededStates = new Set(results.flatMap(({ states }) => states));
  const live = liveStates(cell, [...neededStates]);
  const stride = kind === 'reduction' ? 2 : 1;
  const prefix = name.toLowerCase();
  const path = (shape: Shape, part: string) => new LayerPath(shape, `${prefix}.${part}`, norm);

  const alignedInputs = alignInputs(cell, { name: prefix, filters, sources, norm });
  const shapes: Shape[] = alignedInputs.map(({ shape }) => shape);
  const inputs = alignedInputs.map(({ layers }, state) => ({ state, layers })).filter(({ state }) => live.has(state));

  const blocks: BlockPlan[] = [];
  cell.blocks.forEach((block, number) => {
    const lay = (side: 0 | 1, part: string): [OperationPlan, Shape] => {
      const [state, operation] = [block.inputs[side], block.operations[side]];
      // Only operations on the cell's inputs have the stride; created states are already smaller.
      const operationPath = layOperation(
        path(shapes[state]!, `block_${number}.${part}`),
        operation,
        filters,
        state < inputCount(cell) ? stride : 1,
        own,
      );
      return [
        { state, operation, layers: operationPath.layers, dropPath: operationOf(operation, own).kind !== 'identity' },
        operationPath.shape,
      ];
    };
    const [[left, shape], [right]] = [lay(0, 'left'), lay(1, 'right')];
    const state = createdState(cell, number);
    shapes.push(block.combine === 'concat' ? [shape[0], shape[1], 2 * filters] : shape);
    const { layers } = layNormalisation(path(shapes[state]!, `block_${number}`), block.combine);
    if (live.has(state)) blocks.push({ state, left, right, combine: block.combine, layers });
  });

  const first = inputCount(cell);
  const [height, width] = shapes[first]!;
  const output = new Map(
    all[0]!.states.map((state) => {
      const out = path(shapes[state]!, `output_${state}`);
      return [state, state < first ? alignOutput(out, filters, [height, width]) : out];
    }),
  );
  const shapeOf = ({ states }: CellResult): Shape => {
    return [height, width, states.reduce((sum, state) => sum + output.get(state)!.shape[2], 0)];
  };
  const plan = {
    name,
    kind,
    filters,
    index,
    count,
    sources: sources.map((source) => (source ?? sources[0]!).name),
    inputs,
    blocks,
    output: [...output].flatMap(([state, { layers }]) => (neededStates.has(state) ? [{ state, layers }] : [])),
    results,
    shape: shapeOf(all[0]!),
  };
  return { plan, shapes: new Map(all.map((result) => [result.name, shapeOf(result)])) };
}

/** Returns the layers of a cell in the order of computation. */
export function cellLayers({ inputs, blocks, output }: CellPlan): Layer[] {
  const parts = [...inputs, ...blocks.flatMap((block) => [block.left, block.right, block]), ...output];
  return parts.flatMap(({ layers }) => layers);
}

function layNormalisation(path: LayerPath, combine: Combiner): LayerPath {
  if (combine === 'add_layer_norm') return path.imageNorm('layer-norm', normEpsilons['layer-norm']);
  if (combine === 'add_instance_norm') return path.imageNorm('instance-norm', normEpsilons['instance-norm']);
  return path;
}

/**
 * Brings a cell input that the output lists to the output's size and f filters, without a ReLU (as released). Created
 * states have this size already, and a concatenation keeps its 2f channels.
 */
function alignOutput(path: LayerPath, filters: number, size: [number, number]): LayerPath {
  if (!sameSize(path.shape, size)) return path.factorizedReduction(filters);
  if (path.shape[2] === filters) return path;
  return path.convolution('pointwise', { channels: filters }).batchNorm();
}
