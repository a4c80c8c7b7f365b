// One cell as layers: its inputs aligned, its blocks, its results. What reaches no result that is read is not laid.

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
  /** What follows the addition: a normalisation, or nothing. */
  readonly layers: readonly Layer[];
}

export interface CellPlan {
  /** As an endpoint: `Cell_0`, `Reduction_Cell_0`. Its parameters' names start with the same in small letters. */
  readonly name: string;
  readonly kind: 'normal' | 'reduction';
  readonly filters: number;
  /** Position among all cells of the network, from 0, and their number: what ScheduledDropPath scales with. */
  readonly index: number;
  readonly count: number;
  /**
   * The results that its input states are made from: h_i and h_{i-1}, the same one twice in the first cell, or as many as it has
   * inputs. One that nothing reads may be left out of the plan.
   */
  readonly sources: readonly string[];
  /** The input states that anything reads, made from those. */
  readonly inputs: readonly StatePath[];
  readonly blocks: readonly BlockPlan[];
  /** The states that leave the cell, each aligned where necessary. */
  readonly output: readonly StatePath[];
  /** What others read by its name: the concatenation of some output states. */
  readonly results: readonly CellResult[];
  /** Of all its output states, concatenated. */
  readonly shape: Shape;
}

export interface CellSlot extends Pick<CellPlan, 'name' | 'kind' | 'filters' | 'index' | 'count'> {
  /** Undefined for h_{i-1} of the first cell: h_i stands in. */
  readonly sources: readonly ({ readonly name: string; readonly shape: Shape } | undefined)[];
  /** Names of the results that are read. */
  readonly needed: ReadonlySet<string>;
  readonly norm: BatchNormSettings;
  /** Operations that the architecture brings along. */
  readonly own?: OperationTable | undefined;
}

/** The cell, and the shapes of all its results, whether they are read or not. */
export interface LaidCell {
  readonly plan: CellPlan;
  readonly shapes: ReadonlyMap<string, Shape>;
}

/** What is added to the variance: as slim's layer_norm and instance_norm (docs/paper.md). */
export const normEpsilons = { 'layer-norm': 1e-12, 'instance-norm': 1e-6 } as const;

export function planCell(cell: Cell, slot: CellSlot): LaidCell {
  const { name, kind, filters, index, count, sources, needed, norm, own } = slot;
  const all = cellResults(cell, name);
  const results = all.filter((result) => needed.has(result.name));
  const leaving = new Set(results.flatMap(({ states }) => states));
  const live = liveStates(cell, [...leaving]);
  const stride = kind === 'reduction' ? 2 : 1;
  const prefix = name.toLowerCase();
  const path = (shape: Shape, part: string) => new LayerPath(shape, `${prefix}.${part}`, norm);

  const given = alignInputs(cell, { name: prefix, filters, sources, norm });
  const shapes: Shape[] = given.map(({ shape }) => shape);
  const inputs = given.map(({ layers }, state) => ({ state, layers })).filter(({ state }) => live.has(state));

  const blocks: BlockPlan[] = [];
  cell.blocks.forEach((block, number) => {
    const lay = (side: 0 | 1, part: string): [OperationPlan, Shape] => {
      const [state, operation] = [block.inputs[side], block.operations[side]];
      // Only what reads the cell's own inputs strides; the created states are small already.
      const laid = layOperation(
        path(shapes[state]!, `block_${number}.${part}`),
        operation,
        filters,
        state < inputCount(cell) ? stride : 1,
        own,
      );
      return [
        { state, operation, layers: laid.layers, dropPath: operationOf(operation, own).kind !== 'identity' },
        laid.shape,
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
    output: [...output].flatMap(([state, { layers }]) => (leaving.has(state) ? [{ state, layers }] : [])),
    results,
    shape: shapeOf(all[0]!),
  };
  return { plan, shapes: new Map(all.map((result) => [result.name, shapeOf(result)])) };
}

/** The layers of a cell in the order of computation. */
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
 * A cell input that the output lists, to the output's size and f filters, without a ReLU (as released). Created states
 * need none of this: they have the size, and a concatenation's 2f channels are concatenated as they are.
 */
function alignOutput(path: LayerPath, filters: number, size: [number, number]): LayerPath {
  if (!sameSize(path.shape, size)) return path.factorizedReduction(filters);
  if (path.shape[2] === filters) return path;
  return path.convolution('pointwise', { channels: filters }).batchNorm();
}
