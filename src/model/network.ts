// Builds the network of a plan and runs it forward. train/ trains and evaluates it.

import { cpu, type Precision } from '../engine/device.ts';
import { fuses } from '../engine/fused.ts';
import { Program } from '../engine/inference/program.ts';
import { noGrad, recordsGradients } from '../engine/memory.ts';
import { generatorState, manualSeed, setGeneratorState } from '../engine/random.ts';
import type { Tensor } from '../engine/tensor.ts';
import { InputError } from '../failure.ts';
import { withoutInitialisation } from '../nn/initialise.ts';
import { Module } from '../nn/module.ts';
import type { Plan } from '../plan/plan.ts';
import type { CellSettings } from './cell.ts';
import { Path, SharedRelus } from './path.ts';
import { Trunk } from './trunk.ts';

export interface NetworkSettings extends CellSettings {
  /**
   * Seed of the initial weights; the engine's generator stays unchanged. Default: the weights come from that generator.
   */
  seed?: number;
  /** Whether to initialise the weights, which is slow. Default true; use false if weights are loaded next. */
  initialise?: boolean;
  /**
   * Whether a network of bfloat16 is evaluated without gradients in float32 where a program can do so, as model files
   * are. Default false.
   */
  exactEvaluation?: boolean;
}

export interface Output {
  /** [images, classes] */
  logits: Tensor;
  /** [images, classes]; only in training mode and with an auxiliary head. */
  auxiliaryLogits?: Tensor;
  /** The requested endpoints by name: [images, channels, height, width] in the network's precision. */
  features?: Record<string, Tensor>;
}

/**
 * Builds the network of a plan. Its parameters have the names of `planParameters(plan)`. A seed gives the same weights
 * on every device.
 */
export function buildNetwork(plan: Plan, settings: NetworkSettings = {}): Network {
  if (settings.initialise === false) return withoutInitialisation(() => new Network(plan, settings));
  if (settings.seed === undefined) return new Network(plan, settings);
  if (settings.device !== undefined && settings.device !== cpu) return buildByCopy(plan, settings);
  const state = generatorState();
  manualSeed(settings.seed);
  const network = new Network(plan, settings);
  setGeneratorState(state);
  return network;
}

/** Initialises the weights on the CPU and copies them to the device. */
function buildByCopy(plan: Plan, settings: NetworkSettings): Network {
  const original = buildNetwork(plan, { ...settings, device: cpu });
  const network = withoutInitialisation(() => new Network(plan, settings));
  network.loadStateDict(original.stateDict());
  original.dispose();
  return network;
}

export interface ForwardOptions {
  /**
   * The fraction of training done, 0 to 1, for ScheduledDropPath; float64 [] if only the device knows it. Default 0.
   */
  progress?: number | Tensor;
  /** Endpoints to return besides the logits. */
  features?: readonly string[];
}

/** Returns the endpoints that `forward` can return, in the order of computation: the plan's except the head's. */
export const featureNames = (plan: Plan): string[] =>
  plan.endpoints.flatMap(({ name }) => (name === 'global_pool' ? [] : [name]));

function requireEndpoints(plan: Plan, names: readonly string[]): void {
  const known = featureNames(plan);
  const missing = names.find((name) => !known.includes(name));
  if (missing === undefined) return;
  throw new InputError(`features: expected one of ${known.join(', ')}, got ${JSON.stringify(missing)}`, {
    code: 'unknown-endpoint',
    fields: { got: missing, expected: known },
  });
}

/**
 * Returns the name of an endpoint's result in the plan: ImageNet's `Stem` is the last stem cell's, CIFAR's the stem
 * convolution's.
 */
function resultName(plan: Plan, endpoint: string): string {
  if (endpoint !== 'Stem') return endpoint;
  return plan.cells.findLast(({ name }) => name.startsWith('Cell_Stem_'))?.name ?? plan.stemName;
}

export class Network extends Module {
  readonly plan: Plan;
  /** The device of its parameters, on which images must be. */
  readonly device: string;
  readonly #precision: Precision;
  readonly #exactEvaluation: boolean;
  readonly #trunk: Trunk;
  readonly #head: Path;
  readonly #auxiliary: Path | undefined;
  /** Whether training calls the same operators with the same numbers in every step: without drop-path. */
  readonly hasConstantSteps: boolean;
  #bodyFrozen = false;
  /** Programs of inference by the size of images; null where there is none. */
  readonly #programs = new Map<string, Program | null>();

  constructor(plan: Plan, settings: NetworkSettings = {}) {
    super();
    this.plan = plan;
    this.device = settings.device ?? cpu;
    this.#precision = settings.precision ?? 'float32';
    this.hasConstantSteps = (settings.dropPathKeep ?? 1) === 1;
    this.#exactEvaluation = settings.exactEvaluation ?? this.#precision === 'float32';
    this.#trunk = this.child('', new Trunk(plan, settings));
    this.#head = this.child('', new Path(plan.head, settings));
    this.#auxiliary = plan.auxiliary && this.child('', new Path(plan.auxiliary.layers, settings));
  }

  /** Sets training or evaluation mode; a frozen body stays in evaluation mode. */
  override train(training = true): this {
    super.train(training);
    if (this.#bodyFrozen) this.#trunk.train(false);
    return this;
  }

  /**
   * Freezes the body, all but the heads, or thaws it: in training it then gets no gradients, and its norms use their
   * moving statistics without changing them.
   */
  freezeBody(frozen: boolean): void {
    this.#bodyFrozen = frozen;
    this.train(this.training);
  }

  override dispose(): void {
    for (const program of this.#programs.values()) program?.[Symbol.dispose]();
    this.#programs.clear();
    super.dispose();
  }

  /**
   * Runs the network. In evaluation without gradients, the logits are a program's (engine/inference/).
   * @param images [images, channels, height, width] of the plan's size
   * @param options.progress the fraction of training done, 0 to 1, for ScheduledDropPath; float64 [] if only the device
   *   knows it
   * @param options.features endpoints to return besides the logits: `Stem`, `Cell_0` …, `Reduction_Cell_0` … (see
   *   `featureNames`)
   * @throws InputError if the network does not have such an endpoint
   * @returns the logits, in float32 for every precision, and the requested features
   */
  forward(images: Tensor, { progress = 0, features }: ForwardOptions = {}): Output {
    if (features) requireEndpoints(this.plan, features);
    const program = features ? undefined : this.#programFor(images);
    return program ? { logits: program.run(images) } : this.#compute(images, progress, features);
  }

  /** Returns the program for images of this size if inference can use one; makes it for the first of them. */
  #programFor(images: Tensor): Program | undefined {
    if (this.training || recordsGradients() || !this.#exactEvaluation || !fuses(this)) return undefined;
    if (images.dtype !== 'float32' || images.device !== cpu) return undefined;
    const [, channels, height, width] = images.shape as [number, number, number, number];
    const size = [channels, height, width].join();
    let program = this.#programs.get(size);
    if (program === undefined) {
      program = Program.of((image) => this.#compute(image).logits, [channels, height, width]) ?? null;
      this.#programs.set(size, program);
    }
    return program ?? undefined;
  }

  #compute(images: Tensor, progress: number | Tensor = 0, features?: readonly string[]): Output {
    const relus = new SharedRelus();
    const endpoints = this.#bodyFrozen
      ? noGrad(() => this.#trunk.forward(images, { progress, relus }))
      : this.#trunk.forward(images, { progress, relus });
    const last = this.plan.cells.at(-1)!.name;
    const logits = this.#toLogits(this.#head.forward(endpoints.get(last)!, relus));
    const requested = features && {
      features: Object.fromEntries(features.map((name) => [name, endpoints.get(resultName(this.plan, name))!])),
    };
    if (!this.training || !this.#auxiliary) return { logits, ...requested };
    const from = endpoints.get(this.plan.auxiliary!.from)!;
    return { logits, auxiliaryLogits: this.#toLogits(this.#auxiliary.forward(from, relus)), ...requested };
  }

  #toLogits(logits: Tensor): Tensor {
    return this.#precision === 'float32' ? logits : logits.to('float32');
  }
}
