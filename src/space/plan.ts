// A whole network as layers: an architecture, N, F, the image's size and the classes in; every layer's shape, parameters
// and multiply-adds out. Plain data, computed without the engine. The layout here is the paper's for CIFAR.

import { InputError } from '../failure.ts';
import type { Architecture } from './architecture.ts';
import { liveStates } from './architecture.ts';
import { countElements, layerMultiplyAdds, layerParameters, type Parameter } from './layer-cost.ts';
import { type BatchNormSettings, LayerPath } from './layer-path.ts';
import type { Layer, Shape } from './layers.ts';
import { type AuxiliaryPlan, planAuxiliary } from './plan-auxiliary.ts';
import { type CellPlan, planCell } from './plan-cell.ts';

export type Layout = 'cifar';

export interface PlanOptions {
  layout?: Layout;
  /** N: normal cells before, between and after the two reduction cells. 0 leaves only the reduction cells. */
  cells: number;
  /** F: filters of the first cells; each reduction cell doubles them. */
  filters: number;
  /** Pixels: one side of a square image, or [height, width]. Default 32. */
  input?: number | readonly [height: number, width: number];
  /** Channels of the image. Default 3. */
  inputChannels?: number;
  /** Default 10. */
  classes?: number;
  /** With the auxiliary head, which only training uses. Default false. */
  auxiliary?: boolean;
}

export interface Section {
  /** `Stem`, `Cell_0` …, `Head`; the auxiliary head is `Auxiliary`. */
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
  readonly cells: readonly CellPlan[];
  /** From the last cell's output to the logits. */
  readonly head: readonly Layer[];
  readonly auxiliary: AuxiliaryPlan | undefined;
  /** Named as in the released code. */
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

const cifar = {
  stemMultiplier: 3, // stem channels = 3F
  norm: { decay: 0.9, epsilon: 1e-5 },
} as const satisfies { stemMultiplier: number; norm: BatchNormSettings };

/**
 * Lays a network out. A cell whose result nothing reads is left out (an architecture that never reads h_i skips every
 * other cell); the others keep their names and their position for ScheduledDropPath.
 * @throws InputError for numbers out of range, and for an auxiliary head on too small an image
 */
export function planNetwork(architecture: Architecture, options: PlanOptions): Plan {
  const { input, classes, cells, filters } = checked(options);
  const { stemMultiplier, norm } = cifar;
  const stem = new LayerPath(input, 'stem', norm)
    .convolution('convolution', { channels: stemMultiplier * filters, kernel: 3 })
    .batchNorm();

  const slots = cellSequence(cells, filters);
  const auxiliarySlot = slots.findLastIndex(({ kind }) => kind === 'reduction') - 1;
  const needed = neededSlots(architecture, slots, options.auxiliary ? auxiliarySlot : undefined);
  const ends: { name: string; shape: Shape }[] = [{ name: 'Stem', shape: stem.shape }]; // ends[i] is slot i's input
  const laid: CellPlan[] = [];
  slots.forEach(({ name, kind, filters: f }, index) => {
    const slot = { name, kind, filters: f, index, count: slots.length, norm };
    const cell = planCell(architecture[kind], { ...slot, current: ends[index]!, previous: ends[index - 1] });
    if (needed.has(index)) laid.push(cell);
    ends.push({ name, shape: cell.shape });
  });

  const head = new LayerPath(ends.at(-1)!.shape, 'head', norm).relu().globalAveragePool();
  const pooled = { name: 'global_pool', shape: head.shape };
  head.dropout().linear('linear', classes);
  const auxiliary = options.auxiliary ? planAuxiliary(ends[auxiliarySlot + 1]!, classes, norm) : undefined;

  const sections = [
    section('Stem', stem.shape, stem.layers),
    ...laid.map((cell) => section(cell.name, cell.shape, cellLayers(cell))),
    section('Head', head.shape, head.layers),
  ];
  const parameters = sections.flatMap((part) => part.parameters);
  const extra = auxiliary ? [section('Auxiliary', [1, 1, classes], auxiliary.layers)] : [];
  const laidNames = new Set(['Stem', ...laid.map(({ name }) => name)]);
  return {
    layout: 'cifar',
    input,
    classes,
    stem: stem.layers,
    cells: laid,
    head: head.layers,
    auxiliary,
    endpoints: [...ends.filter(({ name }) => laidNames.has(name)), pooled],
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

interface Slot {
  name: string;
  kind: 'normal' | 'reduction';
  filters: number;
}

/** N normal, reduction, N normal, reduction, N normal; filters double at each reduction. */
function cellSequence(cells: number, filters: number): Slot[] {
  return [0, 1, 2].flatMap((stage): Slot[] => {
    const f = filters * 2 ** stage;
    const reduction: Slot = { name: `Reduction_Cell_${stage - 1}`, kind: 'reduction', filters: f };
    const normal = Array.from({ length: cells }, (_, index): Slot => {
      return { name: `Cell_${stage * cells + index}`, kind: 'normal', filters: f };
    });
    return stage === 0 ? normal : [reduction, ...normal];
  });
}

/** The slots that reach the logits, or the auxiliary head where there is one. Slot i reads slots i−1 and i−2. */
function neededSlots(architecture: Architecture, slots: readonly Slot[], auxiliary: number | undefined): Set<number> {
  const needed = new Set([slots.length - 1]);
  if (auxiliary !== undefined) needed.add(auxiliary);
  for (let index = slots.length - 1; index >= 0; index--) {
    if (!needed.has(index)) continue;
    const live = liveStates(architecture[slots[index]!.kind]);
    if (live.has(0)) needed.add(index - 1);
    if (live.has(1)) needed.add(index - 2);
  }
  return needed;
}

function cellLayers(cell: CellPlan): Layer[] {
  const operations = cell.blocks.flatMap(({ left, right }) => [left, right]);
  return [...cell.inputs, ...operations, ...cell.output].flatMap(({ layers }) => layers);
}

function section(name: string, shape: Shape, layers: readonly Layer[]): Section {
  const multiplyAdds = layers.reduce((sum, layer) => sum + layerMultiplyAdds(layer), 0);
  return { name, shape, parameters: layers.flatMap(layerParameters), multiplyAdds };
}

const pairOf = (input: number | readonly [number, number]) => (typeof input === 'number' ? [input, input] : input);

function checked({ cells, filters, input = 32, inputChannels = 3, classes = 10 }: PlanOptions) {
  const whole = (value: number | undefined, least: number, what: string): number => {
    if (Number.isSafeInteger(value) && value! >= least) return value!;
    throw new InputError(`${what}: expected a whole number of at least ${least}, got ${value}`);
  };
  const [height, width] = pairOf(input);
  return {
    cells: whole(cells, 0, 'N'),
    filters: whole(filters, 1, 'filters'),
    input: [
      whole(height, 1, 'input height'),
      whole(width, 1, 'input width'),
      whole(inputChannels, 1, 'input channels'),
    ] as const,
    classes: whole(classes, 1, 'classes'),
  };
}
