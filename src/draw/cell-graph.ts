// A cell as a graph of labelled boxes, as in the paper's Figure 4: input states, operations, combiners, and the
// concatenation or the single output states. layout.ts places the boxes.

import { type Cell, createdState, inputCount, liveStates, outputStates } from '../space/architecture.ts';
import {
  type Combiner,
  type Operation,
  type OperationName,
  type OperationTable,
  operationOf,
} from '../space/operations.ts';

/** The kind of a box, which determines its colour. */
export type BoxKind = Operation['kind'] | Combiner | 'hidden' | 'output';

export interface GraphNode {
  readonly id: string;
  readonly kind: BoxKind;
  readonly label: string;
  /** The tooltip of the box. */
  readonly meaning: string;
  /** Whether it contributes to the cell's output; otherwise it is never computed. */
  readonly live: boolean;
}

export interface GraphEdge {
  readonly from: string;
  readonly to: string;
  readonly live: boolean;
}

export interface CellGraph {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
}

/** The id of the box of a hidden state: h_i, h_{i-1}, or the combiner of the block that creates it. */
const stateId = (state: number) => `state-${state}`;

/**
 * Returns the boxes and edges of a cell.
 * @param own the architecture's custom operations
 */
export function cellGraph(cell: Cell, own?: OperationTable): CellGraph {
  const live = liveStates(cell);
  const nodes: GraphNode[] = Array.from({ length: inputCount(cell) }, (_, state) => {
    return { id: stateId(state), kind: 'hidden', ...describeInput(cell, state), live: live.has(state) };
  });
  const edges: GraphEdge[] = [];
  cell.blocks.forEach(({ inputs, operations: names, combine }, index) => {
    const state = createdState(cell, index);
    const isLive = live.has(state);
    inputs.forEach((input, side) => {
      const [id, name] = [`operation-${state}-${side}`, names[side]!];
      nodes.push({
        id,
        kind: operationOf(name, own).kind,
        label: operationLabel(name, own),
        meaning: `${name}(${input})`,
        live: isLive,
      });
      edges.push({ from: stateId(input), to: id, live: isLive }, { from: id, to: stateId(state), live: isLive });
    });
    const meaning = `state ${state}: ${combine}(${inputs.map((input, side) => `${names[side]}(${input})`).join(', ')})`;
    nodes.push({ id: stateId(state), kind: combine, label: combinerLabels[combine], meaning, live: isLive });
  });
  const states = outputStates(cell);
  if (cell.output === 'states') {
    states.forEach((state, index) => {
      const [id, ahead] = [`output-${index}`, `h_i+${index + 1}`];
      const meaning = `state ${state} goes to the cell ${index + 1} ahead`;
      nodes.push({ id, kind: 'output', label: `→ ${ahead}`, meaning, live: true });
      edges.push({ from: stateId(state), to: id, live: true });
    });
    return { nodes, edges };
  }
  const meaning = `output: concatenation of the states ${states.join(', ')}`;
  nodes.push({ id: 'output', kind: 'output', label: 'concat → h_i+1', meaning, live: true });
  for (const state of states) edges.push({ from: stateId(state), to: 'output', live: true });
  return { nodes, edges };
}

const combinerLabels: Record<Combiner, string> = {
  add: 'add',
  concat: 'concat',
  add_layer_norm: 'add, layer norm',
  add_instance_norm: 'add, instance norm',
};

function describeInput(cell: Cell, state: number): Pick<GraphNode, 'label' | 'meaning'> {
  const label = state === 0 ? 'h_i' : `h_i−${state}`;
  if (cell.output === 'states') return { label, meaning: `state ${state}: from the cell ${state + 1} back` };
  return { label, meaning: state === 0 ? 'state 0: the current input' : 'state 1: the previous input' };
}

/** Returns the label of an operation's box, such as `sep 5×5`, `max 3×3` or `1×7 7×1`. */
export function operationLabel(name: OperationName, own?: OperationTable): string {
  const { kind, ...rest } = operationOf(name, own) as Operation & { kernel?: number };
  const kernel = rest.kernel ?? 0;
  const square = `${kernel}×${kernel}`;
  const labels: Record<Operation['kind'], string> = {
    identity: 'identity',
    convolution: `conv ${square}`,
    factorised: `1×${kernel} ${kernel}×1`,
    dilated: `dilated ${square}`,
    separable: `sep ${square}`,
    'average-pool': `avg ${square}`,
    'max-pool': `max ${square}`,
    layers: 'label' in rest ? String(rest.label) : '',
  };
  return labels[kind];
}
