// Builds the ONNX graph of a network for inference: walks the plan's tree in the order of model/network.ts and
// model/cell.ts, without what only training uses (drop-path, dropout, the auxiliary head). Independent of layouts and
// operations.

import type { Plan } from '../../plan/plan.ts';
import type { BlockPlan, CellPlan } from '../../plan/plan-cell.ts';
import type { State } from './fold.ts';
import { type Graph, GraphBuilder, type Value } from './graph.ts';
import { concatenate, imageShape, PathNodes } from './path-nodes.ts';

/**
 * Returns the graph of a plan.
 * @param state the tensors of the plan's parameters; they are read when the graph's weights are
 */
export function networkGraph(plan: Plan, state: State): Graph {
  const images: Value = { name: 'images', shape: imageShape(plan.input) };
  const graph = new GraphBuilder(images);
  const paths = new PathNodes(graph, state);
  const endpoints = addTrunk(graph, paths, plan, new Map(), images);
  const last = endpoints.get(plan.cells.at(-1)!.name)!;
  return graph.finish(images, paths.add(plan.head, 'head', last), 'logits');
}

/** Adds the stem and the cells to the results that are known. Returns all results by name. */
export function addTrunk(
  graph: GraphBuilder,
  paths: PathNodes,
  { stem, stemName, cells }: Pick<Plan, 'stem' | 'stemName' | 'cells'>,
  known: ReadonlyMap<string, Value>,
  images?: Value,
): Map<string, Value> {
  const results = new Map(known);
  if (images) results.set(stemName, paths.add(stem, 'stem', images));
  for (const cell of cells) {
    const sources = cell.sources.map((name) => results.get(name));
    for (const [name, value] of addCell(graph, paths, cell, sources)) results.set(name, value);
  }
  return results;
}

/** Adds a cell. Returns its results by name. A source that the cell does not read may be undefined. */
function addCell(
  graph: GraphBuilder,
  paths: PathNodes,
  plan: CellPlan,
  sources: readonly (Value | undefined)[],
): [name: string, value: Value][] {
  const cell = plan.name.toLowerCase();
  const states = [...sources];
  for (const { state, layers } of plan.inputs)
    states[state] = paths.add(layers, `${cell}.input_${state}`, states[state]!);
  for (const block of plan.blocks) {
    const name = `${cell}.block_${block.state - sources.length}`;
    const sides = (['left', 'right'] as const).map((side) => {
      const { state, layers } = block[side];
      return paths.add(layers, `${name}.${side}`, states[state]!);
    });
    states[block.state] = paths.add(block.layers, name, combineSides(graph, name, block, sides as [Value, Value]));
  }
  for (const { state, layers } of plan.output) {
    states[state] = paths.add(layers, `${cell}.output_${state}`, states[state]!);
  }
  const [height, width] = plan.shape;
  return plan.results.map((result) => {
    const parts = result.states.map((state) => states[state]!);
    const channels = parts.reduce((sum, { shape }) => sum + shape[0]!, 0);
    return [result.name, concatenate(graph, result.name, parts, [channels, height, width])];
  });
}

function combineSides(graph: GraphBuilder, name: string, { combine }: BlockPlan, sides: [Value, Value]): Value {
  const [left, right] = sides;
  if (combine !== 'concat') return graph.node('Add', name, sides, left.shape);
  const [channels, height, width] = left.shape as [number, number, number];
  return concatenate(graph, name, sides, [channels + right.shape[0]!, height, width]);
}
