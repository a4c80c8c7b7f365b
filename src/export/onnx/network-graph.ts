// A network as an ONNX graph in inference: walks the plan's tree as model/network.ts and model/cell.ts run it, without what only
// training has (drop-path, dropout, the auxiliary head). Nothing here knows a layout or an operation.

import type { Plan } from '../../plan/plan.ts';
import type { BlockPlan, CellPlan } from '../../plan/plan-cell.ts';
import type { State } from './fold.ts';
import { type Graph, GraphBuilder, type Value } from './graph.ts';
import { concatenated, imageShape, PathNodes } from './path-nodes.ts';

/** `state` has the tensors of the plan's parameters; they are read when the graph's weights are asked for. */
export function networkGraph(plan: Plan, state: State): Graph {
  const images: Value = { name: 'images', shape: imageShape(plan.input) };
  const graph = new GraphBuilder(images);
  const paths = new PathNodes(graph, state);
  const endpoints = new Map([[plan.stemName, paths.add(plan.stem, 'stem', images)]]);
  for (const cell of plan.cells) {
    const given = cell.sources.map((name) => endpoints.get(name));
    for (const [name, value] of addCell(graph, paths, cell, given)) endpoints.set(name, value);
  }
  const last = endpoints.get(plan.cells.at(-1)!.name)!;
  return graph.finish(images, paths.add(plan.head, 'head', last), 'logits');
}

/** `sources` are undefined where nothing reads them. The cell's results by name. */
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
    states[block.state] = paths.add(block.layers, name, combined(graph, name, block, sides as [Value, Value]));
  }
  for (const { state, layers } of plan.output) {
    states[state] = paths.add(layers, `${cell}.output_${state}`, states[state]!);
  }
  const [height, width] = plan.shape;
  return plan.results.map((result) => {
    const parts = result.states.map((state) => states[state]!);
    const channels = parts.reduce((sum, { shape }) => sum + shape[0]!, 0);
    return [result.name, concatenated(graph, result.name, parts, [channels, height, width])];
  });
}

function combined(graph: GraphBuilder, name: string, { combine }: BlockPlan, sides: [Value, Value]): Value {
  const [left, right] = sides;
  if (combine !== 'concat') return graph.node('Add', name, sides, left.shape);
  const [channels, height, width] = left.shape as [number, number, number];
  return concatenated(graph, name, sides, [channels + right.shape[0]!, height, width]);
}
