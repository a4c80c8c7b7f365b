// A plan as a network: built here, run forward here. Training and evaluation are elsewhere.

import { cpu, type Precision } from '../engine/device.ts';
import { scope } from '../engine/memory.ts';
import { generatorState, manualSeed, setGeneratorState } from '../engine/random.ts';
import type { Tensor } from '../engine/tensor.ts';
import { InputError } from '../failure.ts';
import { withoutDrawing } from '../nn/initialise.ts';
import { Module } from '../nn/module.ts';
import type { Plan } from '../plan/plan.ts';
import { type CellSettings, NetworkCell } from './cell.ts';
import { Path, SharedRelus } from './path.ts';

export interface NetworkSettings extends CellSettings {
  /** Decides the initial weights and leaves the engine's generator as it was; absent: they are drawn from it. */
  seed?: number;
  /** Default true; false where weights are loaded next, as drawing them takes longer than all else. */
  initialise?: boolean;
}

export interface Output {
  /** [images, classes] */
  logits: Tensor;
  /** [images, classes]; only in training, of a plan with an auxiliary head. */
  auxiliaryLogits?: Tensor;
  /** The endpoints that were asked for, by name: [images, channels, height, width] in the network's precision. */
  features?: Record<string, Tensor>;
}

/** The network of a plan. Its parameters are named as `planParameters(plan)` lists them; a seed gives the same ones on every device. */
export function buildNetwork(plan: Plan, settings: NetworkSettings = {}): Network {
  if (settings.initialise === false) return withoutDrawing(() => new Network(plan, settings));
  if (settings.seed === undefined) return new Network(plan, settings);
  if (settings.device !== undefined && settings.device !== cpu) return copied(plan, settings);
  const before = generatorState();
  manualSeed(settings.seed);
  const network = new Network(plan, settings);
  setGeneratorState(before);
  return network;
}

/** Drawn on the CPU, copied to the device. */
function copied(plan: Plan, settings: NetworkSettings): Network {
  const drawn = buildNetwork(plan, { ...settings, device: cpu });
  const network = withoutDrawing(() => new Network(plan, settings));
  network.loadStateDict(drawn.stateDict());
  drawn.dispose();
  return network;
}

export interface ForwardOptions {
  /** Share of the training that is done, 0 to 1, which ScheduledDropPath grows with; float64 [] where only the device knows it. */
  progress?: number | Tensor;
  /** Endpoints whose results are wanted beside the logits. */
  features?: readonly string[];
}

/** The endpoints that `forward` can hand out, in the order of computation: the plan's, but for the head's. */
export const featureNames = (plan: Plan): string[] =>
  plan.endpoints.flatMap(({ name }) => (name === 'global_pool' ? [] : [name]));

function requireEndpoints(plan: Plan, wanted: readonly string[]): void {
  const known = featureNames(plan);
  const missing = wanted.find((name) => !known.includes(name));
  if (missing === undefined) return;
  throw new InputError(`features: expected one of ${known.join(', ')}, got ${JSON.stringify(missing)}`, {
    code: 'unknown-endpoint',
    fields: { got: missing, expected: known },
  });
}

/** What the cells call an endpoint's result: ImageNet's `Stem` is its last stem cell's, CIFAR's the stem convolution's. */
function resultName(plan: Plan, endpoint: string): string {
  if (endpoint !== 'Stem') return endpoint;
  return plan.cells.findLast(({ name }) => name.startsWith('Cell_Stem_'))?.name ?? plan.stemName;
}

export class Network extends Module {
  readonly plan: Plan;
  /** Where its parameters live, and its images must. */
  readonly device: string;
  readonly #precision: Precision;
  readonly #stem: Path;
  readonly #cells: readonly NetworkCell[];
  readonly #head: Path;
  readonly #auxiliary: Path | undefined;

  constructor(plan: Plan, settings: NetworkSettings = {}) {
    super();
    this.plan = plan;
    this.device = settings.device ?? cpu;
    this.#precision = settings.precision ?? 'float32';
    this.#stem = this.child('', new Path(plan.stem, settings));
    this.#cells = plan.cells.map((cell) => this.child('', new NetworkCell(cell, settings)));
    this.#head = this.child('', new Path(plan.head, settings));
    this.#auxiliary = plan.auxiliary && this.child('', new Path(plan.auxiliary.layers, settings));
  }

  /**
   * @param images [images, channels, height, width] of the plan's size
   * @param options.progress share of the training that is done, 0 to 1, which ScheduledDropPath grows with; float64 [] where only
   * the device knows it
   * @param options.features endpoints whose results are wanted too: `Stem`, `Cell_0` …, `Reduction_Cell_0` … as `featureNames` lists them
   * @throws InputError for an endpoint that the network does not have
   * @returns logits in float32 whatever the precision
   */
  forward(images: Tensor, { progress = 0, features }: ForwardOptions = {}): Output {
    if (features) requireEndpoints(this.plan, features);
    const relus = new SharedRelus();
    // In evaluation a cell's intermediate results die with it: 0.8 GB an image would be kept for NASNet-A large.
    const run = <Result>(cell: (relus: SharedRelus) => Result): Result =>
      this.training ? cell(relus) : scope(() => cell(new SharedRelus()));
    const endpoints = new Map([[this.plan.stemName, this.#stem.forward(this.#input(images), relus)]]);
    this.plan.cells.forEach(({ sources, results }, index) => {
      const given = sources.map((name) => endpoints.get(name));
      const found = run((shared) => this.#cells[index]!.forward(given, shared, progress));
      for (const [place, { name }] of results.entries()) endpoints.set(name, found[place]!);
    });
    const last = this.plan.cells.at(-1)!.name;
    const logits = this.#answer(this.#head.forward(endpoints.get(last)!, relus));
    const found = features && {
      features: Object.fromEntries(features.map((name) => [name, endpoints.get(resultName(this.plan, name))!])),
    };
    if (!this.training || !this.#auxiliary) return { logits, ...found };
    const from = endpoints.get(this.plan.auxiliary!.from)!;
    return { logits, auxiliaryLogits: this.#answer(this.#auxiliary.forward(from, relus)), ...found };
  }

  #input(images: Tensor): Tensor {
    return (this.#precision === 'float32' ? images : images.to(this.#precision)).contiguous('channels_last');
  }

  #answer(logits: Tensor): Tensor {
    return this.#precision === 'float32' ? logits : logits.to('float32');
  }
}
