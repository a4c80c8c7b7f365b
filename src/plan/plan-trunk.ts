// Lays out a network without its classifier, for detectors: from the image to named endpoints, or from the inputs of
// one cell to the last cell.

import { InputError } from '../failure.ts';
import type { Architecture } from '../space/architecture.ts';
import { cellSequence, neededResults } from './cell-sequence.ts';
import { layCells } from './lay-cells.ts';
import type { Layer, Shape } from './layer.ts';
import { LayerPath } from './layer-path.ts';
import { type LayoutRules, layouts } from './layouts.ts';
import { checkOptions, type PlanOptions, type Section, section } from './plan.ts';
import { type CellPlan, cellLayers } from './plan-cell.ts';

export type TrunkOptions = Omit<PlanOptions, 'auxiliary' | 'classes'>;

export interface TrunkPlan {
  readonly stemName: string;
  /** Empty if the trunk starts behind the stem. */
  readonly stem: readonly Layer[];
  readonly cells: readonly CellPlan[];
  /** The shapes of the results that were asked for, by the names that were asked for. */
  readonly ends: Readonly<Record<string, Shape>>;
  /** The result that each of those names stands for. */
  readonly resultOf: Readonly<Record<string, string>>;
  readonly sections: readonly Section[];
}

/**
 * Lays out the stem and the cells that the endpoints depend on. The layers have the names, and the parameters the
 * shapes, that they have in the classifier of the same options.
 * @param endpoints `Stem`, `Cell_0`, `Reduction_Cell_0` …
 * @throws InputError as `planNetwork`, and for an unknown endpoint
 */
export function planTrunk(architecture: Architecture, options: TrunkOptions, endpoints: readonly string[]): TrunkPlan {
  const { layout, input, cells, filters, stemChannels, skipReductionInput } = checkOptions(options);
  const rules: LayoutRules = layouts[layout];
  const { stemName, norm } = rules;
  const stem = rules.layStem(new LayerPath(input, 'stem', norm), stemChannels);
  const slots = cellSequence(architecture, { layout: rules, cells, filters, skipReductionInput });
  const resultOf = Object.fromEntries(endpoints.map((name) => [name, resultName(rules, name)]));
  const known = [stemName, ...slots.map(({ name }) => name)];
  const missing = endpoints.find((name) => !known.includes(resultOf[name]!));
  if (missing !== undefined)
    throw new InputError(`features: expected one of ${known.join(', ')}, got ${JSON.stringify(missing)}`);
  const needed = neededResults(architecture, slots, Object.values(resultOf));
  const laid = layCells(architecture, slots, { known: [[stemName, stem.shape]], needed, norm });
  return {
    stemName,
    stem: stem.layers,
    cells: laid.cells,
    ends: Object.fromEntries(endpoints.map((name) => [name, laid.shapes.get(resultOf[name]!)!])),
    resultOf,
    sections: [section(stemName, stem.shape, stem.layers), ...sectionsOf(laid.cells)],
  };
}

/** Returns the name of an endpoint's result: ImageNet's `Stem` is the second stem cell's. */
function resultName({ stemName, stemCells }: LayoutRules, endpoint: string): string {
  if (endpoint !== 'Stem') return endpoint;
  return stemCells > 0 ? `Cell_Stem_${stemCells - 1}` : stemName;
}

/** The last reduction cell, which begins the part of a network that `planTail` lays out. */
export interface TailStart {
  readonly name: string;
  /** The names of its inputs, h_i first. */
  readonly sources: readonly [current: string, previous: string];
}

/**
 * Returns the last reduction cell with its inputs.
 * @throws InputError unless its cells read h_i and h_{i-1}, both of one height and width
 */
export function tailStart(architecture: Architecture, options: TrunkOptions): TailStart {
  const { layout, cells, filters, skipReductionInput } = checkOptions(options);
  if (architecture.reduction.output === 'states' || architecture.normal.output === 'states')
    throw new InputError(
      'the second stage: expected cells that pass on one result, got cells that pass on each of their states',
    );
  if (cells === 0)
    throw new InputError('the second stage: expected at least one normal cell before the last reduction, got N = 0');
  const slots = cellSequence(architecture, { layout: layouts[layout], cells, filters, skipReductionInput });
  const { name, sources } = slots.findLast(({ kind }) => kind === 'reduction')!;
  return { name, sources: [sources[0]!, sources[1]!] };
}

/**
 * Lays out the last reduction cell and the normal cells behind it, for inputs of another size than the network's own:
 * the second stage of a detector.
 * @param size height and width of both inputs of the reduction cell
 * @throws InputError as `tailStart`
 */
export function planTail(
  architecture: Architecture,
  options: TrunkOptions,
  [height, width]: readonly [height: number, width: number],
): TrunkPlan {
  const { layout, cells, filters, skipReductionInput } = checkOptions(options);
  const start = tailStart(architecture, options);
  const slots = cellSequence(architecture, { layout: layouts[layout], cells, filters, skipReductionInput });
  const { ends } = planTrunk(architecture, options, start.sources);
  const last = slots.at(-1)!.name;
  const from = slots.findIndex(({ name }) => name === start.name);
  const needed = neededResults(architecture, slots.slice(from), [last]);
  const known = start.sources.map((name) => [name, [height, width, ends[name]![2]] as Shape] as const);
  const laid = layCells(architecture, slots, { known, needed, norm: layouts[layout].norm, from });
  return {
    stemName: layouts[layout].stemName,
    stem: [],
    cells: laid.cells,
    ends: { [last]: laid.shapes.get(last)! },
    resultOf: { [last]: last },
    sections: sectionsOf(laid.cells),
  };
}

const sectionsOf = (cells: readonly CellPlan[]) =>
  cells.map((cell) => section(cell.name, cell.shape, cellLayers(cell)));
