// Places the boxes and edges of a cell: dagre ranks and orders the boxes from the inputs at the bottom to the output at
// the top. The edges leave and enter boxes vertically and bend only between the ranks, so they cross no box.

import { Graph, layout } from '@dagrejs/dagre';
import { combiners } from '../space/operations.ts';
import type { CellGraph, GraphEdge, GraphNode } from './cell-graph.ts';
import { sizes, textWidth } from './palette.ts';

/** Centre, width and height in pixels; y grows downwards. */
export interface Box extends GraphNode {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

type Point = readonly [x: number, y: number];

/**
 * An edge from the top of its source to the bottom of its target. Each pair of `points` is the start and end of a
 * vertical piece; between one piece and the next the edge bends.
 */
export interface Route extends GraphEdge {
  readonly points: readonly Point[];
}

export interface CellLayout {
  readonly width: number;
  readonly height: number;
  readonly boxes: readonly Box[];
  readonly routes: readonly Route[];
}

const root = 'root'; // an invisible node below the inputs, which keeps them side by side in the lowest rank

/** Places the boxes and routes the edges of a cell. */
export function layoutCell({ nodes, edges }: CellGraph): CellLayout {
  const graph = new Graph({ multigraph: true });
  graph.setGraph({
    rankdir: 'BT',
    nodesep: sizes.betweenBoxes,
    edgesep: sizes.betweenBoxes,
    ranksep: sizes.betweenRanks,
  });
  graph.setDefaultEdgeLabel(() => ({}));
  graph.setNode(root, { width: 1, height: 1 });
  for (const node of nodes) {
    graph.setNode(node.id, boxSize(node, edges));
    if (node.kind === 'hidden') graph.setEdge(root, node.id, { weight: 100 });
  }
  edges.forEach((edge, index) => {
    // The weight keeps the two operations of a block side by side below their combiner.
    const within = edge.from.startsWith('operation');
    graph.setEdge(edge.from, edge.to, { weight: within ? 8 : 1 }, `${index}`);
  });
  layout(graph);

  const positioned = nodes.map((node): Box => {
    const { x, y, width, height } = graph.node(node.id) as Required<Pick<Box, 'x' | 'y' | 'width' | 'height'>>;
    return { ...node, x, y, width, height };
  });
  const waypoints = edges.map(({ from, to }, index) => {
    const points = graph.edge(from, to, `${index}`).points as { x: number; y: number }[];
    return points.slice(1, -1);
  });
  const routes = routeEdges(positioned, edges, waypoints);
  return moveToOrigin(positioned, routes);
}

function boxSize({ id, kind, label }: GraphNode, edges: readonly GraphEdge[]): { width: number; height: number } {
  const weight = kind === 'hidden' || kind === 'output' ? 'bold' : 'normal';
  const text = textWidth(label, sizes.font, weight) + 2 * sizes.boxPadding;
  if (kind === 'hidden') return { width: Math.max(text, 76), height: sizes.boxHeight };
  if (kind === 'output') {
    const entering = edges.filter(({ to }) => to === id).length;
    return { width: Math.max(text, 40 * entering), height: sizes.boxHeight };
  }
  const combiner = combiners.some((name) => name === kind);
  return { width: Math.max(text, combiner ? 52 : 74), height: combiner ? sizes.combinerHeight : sizes.boxHeight };
}

/** A rank's centre and half its height, in pixels. */
interface Band {
  readonly y: number;
  readonly half: number;
}

function routeEdges(
  boxes: readonly Box[],
  edges: readonly GraphEdge[],
  waypoints: readonly (readonly { x: number; y: number }[])[],
): Route[] {
  const byId = new Map(boxes.map((box) => [box.id, box]));
  const bands = rankBands(boxes);
  const bandAt = (y: number) => bands.find((band) => Math.abs(band.y - y) < 0.5);
  const leaving = ports(boxes, edges, 'from', byId);
  const entering = ports(boxes, edges, 'to', byId);
  return edges.map((edge, index): Route => {
    const [source, target] = [byId.get(edge.from)!, byId.get(edge.to)!];
    const points: Point[] = [];
    const straight = (x: number, from: number, to: number) => points.push([x, from], [x, to]);
    straight(leaving[index]!, source.y - source.height / 2, source.y - bandAt(source.y)!.half);
    for (const { x, y } of waypoints[index]!) {
      const band = bandAt(y); // undefined for dagre's points between ranks, which are not needed
      if (band) straight(x, band.y + band.half, band.y - band.half);
    }
    straight(entering[index]!, target.y + bandAt(target.y)!.half, target.y + target.height / 2);
    return { ...edge, points };
  });
}

function rankBands(boxes: readonly Box[]): Band[] {
  const bands: Band[] = [];
  for (const { y, height } of boxes) {
    const index = bands.findIndex((band) => Math.abs(band.y - y) < 0.5);
    if (index < 0) bands.push({ y, half: height / 2 });
    else bands[index] = { y: bands[index]!.y, half: Math.max(bands[index]!.half, height / 2) };
  }
  return bands;
}

/**
 * Returns the x at which each edge leaves (or enters) its box: spread over the box's side in the order of the far ends.
 */
function ports(
  boxes: readonly Box[],
  edges: readonly GraphEdge[],
  end: 'from' | 'to',
  byId: ReadonlyMap<string, Box>,
): number[] {
  const far = end === 'from' ? 'to' : 'from';
  const xs = new Array<number>(edges.length);
  for (const box of boxes) {
    const own = edges.map((edge, index) => ({ edge, index })).filter(({ edge }) => edge[end] === box.id);
    own.sort((a, b) => byId.get(a.edge[far])!.x - byId.get(b.edge[far])!.x || a.index - b.index);
    const usable = box.width - 24;
    const step = Math.min(18, usable / Math.max(own.length - 1, 1));
    own.forEach(({ index }, order) => {
      xs[index] = box.x + (order - (own.length - 1) / 2) * step;
    });
  }
  return xs;
}

/** Moves the drawing so that its corner is (0, 0). */
function moveToOrigin(boxes: readonly Box[], routes: readonly Route[]): CellLayout {
  const xs = [
    ...boxes.flatMap(({ x, width }) => [x - width / 2, x + width / 2]),
    ...routes.flatMap((r) => r.points.map(([x]) => x)),
  ];
  const ys = boxes.flatMap(({ y, height }) => [y - height / 2, y + height / 2]);
  const [left, top] = [Math.min(...xs), Math.min(...ys)];
  return {
    width: Math.max(...xs) - left,
    height: Math.max(...ys) - top,
    boxes: boxes.map((box) => ({ ...box, x: box.x - left, y: box.y - top })),
    routes: routes.map((route) => ({ ...route, points: route.points.map(([x, y]): Point => [x - left, y - top]) })),
  };
}
