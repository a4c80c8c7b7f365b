// Lays out a whole network: from an architecture, N, F, the image's size and the classes to every layer's shape,
// parameters and multiply-adds. Plain data, computed without the engine. layouts.ts holds the differences between the
// layouts.

import { InputError } from '../failure.ts';
import { type largest, within } from '../largest.ts';
import { pairOf } from '../pair.ts';
import type { Architecture } from '../space/architecture.ts';
import { auxiliarySource, cellSequence, neededResults } from './cell-sequence.ts';
import { layCells } from './lay-cells.ts';
import type { Layer, Shape } from './layer.ts';
import { countElements, layerMultiplyAdds, layerParameters, type Parameter } from './layer-cost.ts';
import { LayerPath } from './layer-path.ts';
import { type Layout, type LayoutRules, layouts } from './layouts.ts';
import { type AuxiliaryPlan, planAuxiliary } from './plan-auxiliary.ts';
import { type CellPlan, cellLayers } from './plan-cell.ts';

export type { Layout } from './layouts.ts';

export interface PlanOptions {
  /** Default 'cifar'. */
  layout?: Layout;
  /** N: normal cells before, between and after the two reduction cells. 0 leaves only the reduction cells. */
  cells: number;
  /** F: filters of the first cells; each reduction cell doubles them. */
  filters: number;
  /** In pixels: the side of a square image, or [height, width]. Default 32; 224 for ImageNet. */
  input?: number | readonly [height: number, width: number];
  /** Channels of the image. Default 3. */
  inputChannels?: number;
  /** Default 10; 1,000 for ImageNet. */
  classes?: number;
  /** Whether to add the auxiliary head, which only training uses. Default false. */
  auxiliary?: boolean;
  /**
   * Channels of the stem convolution. Default 3F for CIFAR, and 32 for ImageNet as in the released mobile model; the
   * large one has 96.
   */
  stemChannels?: number;
  /**
   * Whether h_{i-1} of the normal cell after a reduction is the state before the reduction's input, as in the released
   * large model, instead of that input. With more inputs, all but the first come from one cell further back. Default
   * false.
   */
  skipReductionInput?: boolean;
}

export interface Section {
  /** `Stem` (ImageNet: `Stem_Convolution`, `Cell_Stem_0` …), `Cell_0` …, `Head`; the auxiliary head is `Auxiliary`. */
  readonly name: string;
  readonly shape: Shape;
  readonly parameters: readonly Parameter[];
  readonly multiplyAdds: number;
}

export interface Plan {
  readonly layout: Layout;
  readonly input: Shape;
  readonly classes: number;
  readonly stem: readonly Layer[];
  /** The name of the stem's result in the cells' `sources`. */
  readonly stemName: string;
  readonly cells: readonly CellPlan[];
  /** The layers from the last cell's output to the logits. */
  readonly head: readonly Layer[];
  readonly auxiliary?: AuxiliaryPlan;
  /**
   * Named as in the released code: ImageNet's `Stem` is the second stem cell's result. Omitted cells have no endpoint.
   */
  readonly endpoints: readonly { readonly name: string; readonly shape: Shape }[];
  /** In the order of computation, the auxiliary head last. */
  readonly sections: readonly Section[];
  /** Trainable parameters, without the auxiliary head. */
  readonly trainableParameters: number;
  /** Trainable parameters and the moving statistics of batch norm. */
  readonly totalParameters: number;
  /** Trainable parameters of the auxiliary head; 0 without one. */
  readonly auxiliaryParameters: number;
  /** Multiply-adds of convolutions and linear layers for one image, without the auxiliary head. */
  readonly multiplyAdds: number;
}

/**
 * Lays out a network. Cells whose results are never read are omitted (an architecture that never reads h_i skips every
 * other cell); the others keep their names and their position for ScheduledDropPath.
 * @throws InputError if the layout is unknown, a number is out of range, or the image is too small for the auxiliary
 *   head
 */
export function planNetwork(architecture: Architecture, options: PlanOptions): Plan {
  const { layout, input, classes, cells, filters, stemChannels, skipReductionInput } = checkOptions(options);
  const rules: LayoutRules = layouts[layout];
  const { stemName, norm } = rules;
  const stem = rules.layStem(new LayerPath(input, 'stem', norm), stemChannels);

  const slots = cellSequence(architecture, { layout: rules, cells, filters, skipReductionInput });
  const auxiliaryFrom = options.auxiliary ? [auxiliarySource(slots)] : [];
  const needed = neededResults(architecture, slots, [slots.at(-1)!.name, ...auxiliaryFrom]);
  const { cells: cellPlans, shapes } = layCells(architecture, slots, { known: [[stemName, stem.shape]], needed, norm });

  const head = new LayerPath(cellPlans.at(-1)!.shape, 'head', norm).relu().globalAveragePool();
  const pooled = { name: 'global_pool', shape: head.shape };
  head.dropout().linear('linear', classes);
  const [auxiliary] = auxiliaryFrom.map((name) => planAuxiliary({ name, shape: shapes.get(name)! }, classes, layout));

  const sections = [
    section(stemName, stem.shape, stem.layers),
    ...cellPlans.map((cell) => section(cell.name, cell.shape, cellLayers(cell))),
    section('Head', head.shape, head.layers),
  ];
  const parameters = sections.flatMap((part) => part.parameters);
  const extra = auxiliary ? [section('Auxiliary', [1, 1, classes], auxiliary.layers)] : [];
  return {
    layout,
    input,
    classes,
    stem: stem.layers,
    stemName,
    cells: cellPlans,
    head: head.layers,
    ...(auxiliary && { auxiliary }),
    endpoints: [...endpointsOf(rules, stem.shape, cellPlans), pooled],
    sections: [...sections, ...extra],
    trainableParameters: countElements(parameters, { statistics: false }),
    totalParameters: countElements(parameters, { statistics: true }),
    auxiliaryParameters: countElements(
      extra.flatMap((part) => part.parameters),
      { statistics: false },
    ),
    multiplyAdds: sections.reduce((sum, part) => sum + part.multiplyAdds, 0),
  };
}

/** Returns every named tensor of the network, including the auxiliary head, in the order of computation. */
export const planParameters = (plan: Plan): Parameter[] => plan.sections.flatMap((part) => part.parameters);

/** Returns the endpoints; the released `Stem` is the result of the stem convolution and the stem cells together. */
function endpointsOf({ stemCells }: LayoutRules, stem: Shape, cells: readonly CellPlan[]) {
  const ends = cells.map(({ name, shape }) => ({ name, shape }));
  if (stemCells === 0) return [{ name: 'Stem', shape: stem }, ...ends];
  const last = `Cell_Stem_${stemCells - 1}`;
  return ends.flatMap((end) => (end.name === last ? [end, { ...end, name: 'Stem' }] : [end]));
}

/** Returns a section with its parameters and multiply-adds. */
export function section(name: string, shape: Shape, layers: readonly Layer[]): Section {
  const multiplyAdds = layers.reduce((sum, layer) => sum + layerMultiplyAdds(layer), 0);
  return { name, shape, parameters: layers.flatMap(layerParameters), multiplyAdds };
}

/** Completes the options. @throws InputError for an unknown layout, and numbers out of range */
export function checkOptions(options: PlanOptions) {
  const { layout = 'cifar', cells, filters, inputChannels = 3, skipReductionInput = false } = options;
  if (!Object.hasOwn(layouts, layout)) {
    throw new InputError(`layout: expected ${Object.keys(layouts).join(' or ')}, got ${JSON.stringify(layout)}`);
  }
  const rules: LayoutRules = layouts[layout];
  const wholeNumber = (
    value: number | undefined,
    minimum: number,
    name: string,
    size: keyof typeof largest,
  ): number => {
    if (Number.isSafeInteger(value) && value! >= minimum) return within(size, value!, name);
    throw new InputError(`${name}: expected a whole number of at least ${minimum}, got ${value}`);
  };
  const [height, width] = pairOf(options.input ?? rules.input);
  return {
    layout,
    cells: wholeNumber(cells, 0, 'N', 'cells'),
    filters: wholeNumber(filters, 1, 'filters', 'filters'),
    input: [
      wholeNumber(height, rules.minInput, 'input height', 'pixels'),
      wholeNumber(width, rules.minInput, 'input width', 'pixels'),
      wholeNumber(inputChannels, 1, 'input channels', 'filters'),
    ] as const,
    classes: wholeNumber(options.classes ?? rules.classes, 1, 'classes', 'classes'),
    stemChannels: wholeNumber(options.stemChannels ?? rules.stemChannels(filters), 1, 'stem channels', 'stemChannels'),
    skipReductionInput,
  };
}
