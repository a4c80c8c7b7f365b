// A cell as a graph of labelled boxes, in the manner of the paper's Figure 4: hidden states in, operations, combiners,
// the concatenation out. Where the boxes stand is layout.ts's affair.

import { type Cell, createdState, liveStates, outputStates } from '../space/architecture.ts';
import { type Operation, type OperationName, operations } from '../space/operations.ts';

/** What a box shows, which decides its colour: an operation's kind, a combiner, a hidden state or the cell's output. */
export type BoxKind = Operation['kind'] | 'add' | 'concat' | 'hidden' | 'output';

export interface GraphNode {
  readonly id: string;
  readonly kind: BoxKind;
  readonly label: string;
  /** What a pointer over the box reads. */
  readonly meaning: string;
  /** False: it does not reach the cell's output and is never computed. */
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

/** The box that stands for a hidden state: h_i, h_{i-1}, or the combiner of the block that creates it. */
const stateId = (state: number) => `state-${state}`;

export function cellGraph(cell: Cell): CellGraph {
  const live = liveStates(cell);
  const nodes: GraphNode[] = [
    { id: stateId(0), kind: 'hidden', label: 'h_i', meaning: 'state 0: the current input', live: live.has(0) },
    { id: stateId(1), kind: 'hidden', label: 'h_i−1', meaning: 'state 1: the previous input', live: live.has(1) },
  ];
  const edges: GraphEdge[] = [];
  cell.blocks.forEach(({ inputs, operations: names, combine }, index) => {
    const state = createdState(index);
    const reaches = live.has(state);
    inputs.forEach((input, side) => {
      const [id, name] = [`operation-${state}-${side}`, names[side]!];
      nodes.push({
        id,
        kind: operations[name].kind,
        label: operationLabel(name),
        meaning: `${name}(${input})`,
        live: reaches,
      });
      edges.push({ from: stateId(input), to: id, live: reaches }, { from: id, to: stateId(state), live: reaches });
    });
    const meaning = `state ${state}: ${combine}(${inputs.map((input, side) => `${names[side]}(${input})`).join(', ')})`;
    nodes.push({ id: stateId(state), kind: combine, label: combine, meaning, live: reaches });
  });
  const states = outputStates(cell);
  const meaning = `output: concatenation of the states ${states.join(', ')}`;
  nodes.push({ id: 'output', kind: 'output', label: 'concat → h_i+1', meaning, live: true });
  for (const state of states) edges.push({ from: stateId(state), to: 'output', live: true });
  return { nodes, edges };
}

/** `sep 5×5`, `max 3×3`, `1×7 7×1`. */
export function operationLabel(name: OperationName): string {
  const { kind, ...rest } = operations[name] as Operation & { kernel?: number };
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
  };
  return labels[kind];
}
