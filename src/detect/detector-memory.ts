// Predicts the memory of a detector's training and of its detection, to be stated and compared with what is free before
// either starts.

import type { Layer, Shape } from '../plan/layer.ts';
import { cellLayers } from '../plan/plan-cell.ts';
import type { TrunkPlan } from '../plan/plan-trunk.ts';
import { alignSide, cropSide, type DetectorPlan } from './detector-plan.ts';
import { headRules } from './detector-settings.ts';

const bytesPerNumber = 4; // float32

/** Memory of a process before the first tensor: Node, libtorch, the decoder. */
const processBytes = 350e6;

/**
 * Returns an upper bound of a process's bytes that finds objects in one picture after the other.
 * @param together proposals in the second stage at once
 */
export function detectionBytes(plan: DetectorPlan, together: number): number {
  const { trunk, tail, settings } = plan;
  const ends = total(Object.values(trunk.ends));
  const first = keptOf(trunk) + largestCell(trunk);
  const chunk = Math.min(together, settings.proposals);
  const second = chunk * (2 * cropElements(plan) + (tail ? keptOf(tail) + largestCell(tail) : 2 * settings.hidden));
  const outputs = 8 * settings.proposals * plan.classes * 5; // decoded, clipped and sorted, in float64 at the end
  const maps = ends + mapElements(plan) + Math.max(unfoldedElements(plan), anchorElements(plan) + outputs + second);
  const numbers = Math.max(first, maps);
  return processBytes + bytesPerNumber * (plan.parameters + numbers);
}

/** Returns an upper bound of a process's bytes that trains with batches of so many pictures. */
export function detectorTrainingBytes(plan: DetectorPlan, batch: number): number {
  const { trunk, tail, settings } = plan;
  const { sampled } = headRules[settings.head];
  const perProposal = 3 * cropElements(plan) + (tail ? allLayers(tail) : 4 * settings.hidden);
  const perPicture =
    allLayers(trunk) +
    3 * mapElements(plan) +
    unfoldedElements(plan) +
    3 * anchorElements(plan) +
    sampled * perProposal;
  // Weights, gradients, and up to two moments.
  return processBytes + bytesPerNumber * (4 * plan.parameters + backwardShare * batch * perPicture);
}

/** Gradients beside the results that wait for theirs. */
const backwardShare = 1.3;

/** Elements of a proposal's part of the map. */
const cropElements = ({ tail, levels, settings }: DetectorPlan) =>
  tail ? cropSide ** 2 * levels[0]!.shape[2] : alignSide ** 2 * settings.channels;

/** Elements of the levels, before and after their convolutions, and of the proposal network's hidden layer. */
const mapElements = ({ levels, settings }: DetectorPlan) =>
  levels.reduce((sum, { shape }) => sum + 2 * size(shape) + 2 * shape[0] * shape[1] * settings.channels, 0);

/** Elements of a level's pixels under a 3×3 convolution, which libtorch lays out before it multiplies, with copies. */
const unfoldedElements = ({ levels }: DetectorPlan) => 9 * Math.max(...levels.map(({ shape }) => size(shape)));

/** Scores, offsets and boxes of all anchors, some of them in float64. */
const anchorElements = ({ levels, anchors }: DetectorPlan) =>
  levels.reduce((sum, { shape }) => sum + 40 * shape[0] * shape[1] * anchors, 0);

/** Elements of all cells' results, which are kept until the end. */
const keptOf = ({ cells, stem }: TrunkPlan) =>
  total(cells.map(({ shape }) => shape)) + (stem.length > 0 ? size(stem.at(-1)!.output) : 0);

const largestCell = ({ cells, stem }: TrunkPlan) =>
  Math.max(layerElements(stem), ...cells.map((cell) => layerElements(cellLayers(cell))));

/** Elements of the results of all layers, with the concatenations. */
const allLayers = (plan: TrunkPlan) =>
  keptOf(plan) + layerElements(plan.stem) + plan.cells.reduce((sum, cell) => sum + layerElements(cellLayers(cell)), 0);

const layerElements = (layers: readonly Layer[]): number =>
  layers.reduce(
    (sum, layer) => sum + size(layer.output) + (layer.kind === 'branches' ? layerElements(layer.branches.flat()) : 0),
    0,
  );

const total = (shapes: readonly Shape[]) => shapes.reduce((sum, shape) => sum + size(shape), 0);
const size = (shape: Shape) => shape[0] * shape[1] * shape[2];
