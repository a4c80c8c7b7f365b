// A whole network as layers: an architecture, N, F, the image's size and the classes in; every layer's shape, parameters
// and multiply-adds out. Plain data, computed without the engine. What differs between the layouts stands in layouts.ts.

import { InputError } from '../failure.ts';
import type { Architecture } from '../space/architecture.ts';
import { auxiliarySource, cellSequence, neededResults } from './cell-sequence.ts';
import type { Layer, Shape } from './layer.ts';
import { countElements, layerMultiplyAdds, layerParameters, type Parameter } from './layer-cost.ts';
import { LayerPath } from './layer-path.ts';
import { type Layout, type LayoutRules, layouts } from './layouts.ts';
import { type AuxiliaryPlan, planAuxiliary } from './plan-auxiliary.ts';
import { type CellPlan, cellLayers, planCell } from './plan-cell.ts';

export type { Layout } from './layouts.ts';

export interface PlanOptions {
  /** Default 'cifar'. */
  layout?: Layout;
  /** N: normal cells before, between and after the two reduction cells. 0 leaves only the reduction cells. */
  cells: number;
  /** F: filters of the first cells; each reduction cell doubles them. */
  filters: number;
  /** Pixels: one side of a square image, or [height, width]. Default 32, ImageNet's 224. */
  input?: number | readonly [height: number, width: number];
  /** Channels of the image. Default 3. */
  inputChannels?: number;
  /** Default 10, ImageNet's 1,000. */
  classes?: number;
  /** With the auxiliary head, which only training uses. Default false. */
  auxiliary?: boolean;
  /** Channels of the stem convolution. Default 3F for CIFAR; for ImageNet 32, the released mobile model's; large has 96. */
  stemChannels?: number;
  /**
   * Whether the normal cell after a reduction takes the state before the reduction's input as h_{i-1} (released large
   * model) in place of that input; with more inputs, all but the first from one cell further back. Default false.
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
  /** What the cells call the stem layers' result in `sources`. */
  readonly stemName: string;
  readonly cells: readonly CellPlan[];
  /** From the last cell's output to the logits. */
  readonly head: readonly Layer[];
  readonly auxiliary?: AuxiliaryPlan;
  /** Named as in the released code: ImageNet's `Stem` is the second stem cell's result. What is left out has none. */
  readonly endpoints: readonly { readonly name: string; readonly shape: Shape }[];
  /** In the order of computation, the auxiliary head last. */
  readonly sections: readonly Section[];
  /** Learned numbers, without the auxiliary head. */
  readonly trainableParameters: number;
  /** With the moving statistics of batch norm. */
  readonly totalParameters: number;
  /** Learned numbers of the auxiliary head; 0 without one. */
  readonly auxiliaryParameters: number;
  /** Of one image, convolutions and linear layers, without the auxiliary head. */
  readonly multiplyAdds: number;
}

/**
 * Lays a network out. A cell whose result nothing reads is left out (an architecture that never reads h_i skips every
 * other cell); the others keep their names and their position for ScheduledDropPath.
 * @throws InputError for an unknown layout, numbers out of range, and an auxiliary head on too small an image
 */
export function planNetwork(architecture: Architecture, options: PlanOptions): Plan {
  const { layout, input, classes, cells, filters, stemChannels, skipReductionInput } = checked(options);
  const rules: LayoutRules = layouts[layout];
  const { stemName, norm } = rules;
  const stem = rules.layStem(new LayerPath(input, 'stem', norm), stemChannels);

  const slots = cellSequence(architecture, { layout: rules, cells, filters, skipReductionInput });
  const auxiliaryFrom = options.auxiliary ? [auxiliarySource(slots)] : [];
  const needed = neededResults(architecture, slots, [slots.at(-1)!.name, ...auxiliaryFrom]);
  const shapes = new Map([[stemName, stem.shape]]);
  const laid: CellPlan[] = [];
  slots.forEach((slot, index) => {
    const sources = slot.sources.map((name) => (name === undefined ? undefined : { name, shape: shapes.get(name)! }));
    const count = slots.length;
    const own = architecture.operations;
    const cell = planCell(architecture[slot.kind], { ...slot, index, count, norm, sources, needed, own });
    for (const [name, shape] of cell.shapes) shapes.set(name, shape);
    if (cell.plan.results.length > 0) laid.push(cell.plan);
  });

  const head = new LayerPath(laid.at(-1)!.shape, 'head', norm).relu().globalAveragePool();
  const pooled = { name: 'global_pool', shape: head.shape };
  head.dropout().linear('linear', classes);
  const [auxiliary] = auxiliaryFrom.map((name) => planAuxiliary({ name, shape: shapes.get(name)! }, classes, layout));

  const sections = [
    section(stemName, stem.shape, stem.layers),
    ...laid.map((cell) => section(cell.name, cell.shape, cellLayers(cell))),
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
    cells: laid,
    head: head.layers,
    ...(auxiliary && { auxiliary }),
    endpoints: [...namedEnds(rules, stem.shape, laid), pooled],
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

/** Every named tensor of the network, the auxiliary head's included, in the order of computation. */
export const planParameters = (plan: Plan): Parameter[] => plan.sections.flatMap((part) => part.parameters);

/** The released `Stem` is what the stem convolution and the stem cells together make. */
function namedEnds({ stemCells }: LayoutRules, stem: Shape, cells: readonly CellPlan[]) {
  const ends = cells.map(({ name, shape }) => ({ name, shape }));
  if (stemCells === 0) return [{ name: 'Stem', shape: stem }, ...ends];
  const last = `Cell_Stem_${stemCells - 1}`;
  return ends.flatMap((end) => (end.name === last ? [end, { ...end, name: 'Stem' }] : [end]));
}

function section(name: string, shape: Shape, layers: readonly Layer[]): Section {
  const multiplyAdds = layers.reduce((sum, layer) => sum + layerMultiplyAdds(layer), 0);
  return { name, shape, parameters: layers.flatMap(layerParameters), multiplyAdds };
}

const pairOf = (input: number | readonly [number, number]) => (typeof input === 'number' ? [input, input] : input);

function checked(options: PlanOptions) {
  const { layout = 'cifar', cells, filters, inputChannels = 3, skipReductionInput = false } = options;
  if (!Object.hasOwn(layouts, layout)) {
    throw new InputError(`layout: expected ${Object.keys(layouts).join(' or ')}, got ${JSON.stringify(layout)}`);
  }
  const rules: LayoutRules = layouts[layout];
  const whole = (value: number | undefined, least: number, what: string): number => {
    if (Number.isSafeInteger(value) && value! >= least) return value!;
    throw new InputError(`${what}: expected a whole number of at least ${least}, got ${value}`);
  };
  const [height, width] = pairOf(options.input ?? rules.input);
  return {
    layout,
    cells: whole(cells, 0, 'N'),
    filters: whole(filters, 1, 'filters'),
    input: [
      whole(height, rules.leastInput, 'input height'),
      whole(width, rules.leastInput, 'input width'),
      whole(inputChannels, 1, 'input channels'),
    ] as const,
    classes: whole(options.classes ?? rules.classes, 1, 'classes'),
    stemChannels: whole(options.stemChannels ?? rules.stemChannels(filters), 1, 'stem channels'),
    skipReductionInput,
  };
}
