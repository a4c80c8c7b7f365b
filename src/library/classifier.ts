// A network with what must be known to use it: built from any architecture, or read from a file; classifies, hands out features,
// is saved and exported. train-classifier.ts trains one.

import { imageBatch } from '../data/prepare-image.ts';
import { readAhead } from '../data/read-ahead.ts';
import { type Computing, computingOn, type Precision, prepareDevice } from '../engine/device.ts';
import { noGrad, scope } from '../engine/memory.ts';
import type { Tensor } from '../engine/tensor.ts';
import { exportOnnx, type OnnxOptions, type OnnxResult } from '../export/onnx/export-onnx.ts';
import { type PyTorchOptions, type PyTorchResult, writePyTorch } from '../export/pytorch/export-pytorch.ts';
import { InputError } from '../failure.ts';
import { importWeights } from '../import/import-weights.ts';
import type { MatchOptions } from '../import/matching.ts';
import { likeliestClasses } from '../model/classification.ts';
import type { ModelDescription } from '../model/model-description.ts';
import { readModel, writeModel } from '../model/model-file.ts';
import { buildNetwork, featureNames, type Network } from '../model/network.ts';
import { imagenetPreprocessing, type Preprocessing } from '../model/preprocessing.ts';
import { type NamedModel, namedModels } from '../plan/named-models.ts';
import { type Plan, type PlanOptions, planNetwork } from '../plan/plan.ts';
import type { Architecture } from '../space/architecture.ts';
import { batchWithinMemory } from '../train/evaluation.ts';

export interface ClassifierOptions extends Omit<PlanOptions, 'classes' | 'inputChannels'> {
  /** Names in the order of the logits, or how many. Default: 10, ImageNet's layout 1,000. */
  classes?: readonly string[] | number;
  /** Decides the initial weights. Default 1. */
  seed?: number;
  /** ScheduledDropPath: probability of keeping a path in the last cell at the training's end. Default 1: none is dropped. */
  dropPathKeep?: number;
  /** 'cpu', 'cuda', 'cuda:1', or 'auto': the first GPU where there is one. Default 'cpu'. */
  device?: string;
  /** Default: float32 on the CPU, bfloat16 on a GPU. */
  precision?: Precision;
  /** Default: as the released ImageNet models', which training replaces by the dataset's own. */
  preprocessing?: Preprocessing;
}

export interface ClassScore {
  name: string;
  /** 0 to 1. */
  probability: number;
}

/**
 * A network of an architecture with initial weights.
 * @param architecture such as `nasnetA`, a trial's, or one read by `parseArchitecture`
 * @param options `cells` (N) and `filters` (F) as the paper counts them, or the name of a released network: 'cifar' is NASNet-A
 * (6 @ 768), 'mobile' (4 @ 1056), 'large' (6 @ 4032), with that network's sizes around the given cells
 * @throws InputError for sizes out of range, and for a device that is not there
 */
export function createClassifier(architecture: Architecture, options: ClassifierOptions | NamedModel): Classifier {
  const {
    classes,
    seed = 1,
    dropPathKeep = 1,
    device = 'cpu',
    precision,
    preprocessing = imagenetPreprocessing,
    ...sizes
  } = typeof options === 'string' ? ({ ...namedModels[options] } as ClassifierOptions) : options;
  const count = typeof classes === 'number' ? { classes } : classes ? { classes: classes.length } : {};
  const plan = planNetwork(architecture, { ...sizes, ...count });
  const computing = computingOn(device, precision);
  prepareDevice(computing.device);
  const network = buildNetwork(plan, { seed, dropPathKeep, ...computing }).train(false);
  const { auxiliary: _, ...around } = sizes;
  return new Classifier(network, {
    architecture,
    network: { ...around, input: [plan.input[0], plan.input[1]] },
    classes: Array.isArray(classes)
      ? [...classes]
      : Array.from({ length: plan.classes }, (_, index) => `class ${index}`),
    preprocessing,
    origin: 'built by a program',
  });
}

/** A network that nasnet trained, imported or saved. @throws InputError for a file that is no network of ours, or damaged */
export function loadClassifier(path: string, computing: { device?: string; precision?: Precision } = {}): Classifier {
  const where: Computing = computingOn(computing.device ?? 'cpu', computing.precision);
  prepareDevice(where.device);
  const { network, description } = readModel(path, where);
  return new Classifier(network, description);
}

/**
 * Published weights of NASNet-A mobile or large (Keras, timm, Cadene).
 * @throws InputError for a file that does not hold them, whole and finite
 */
export async function importClassifier(path: string, options: MatchOptions = {}): Promise<Classifier> {
  const { network, description } = await importWeights(path, options);
  return new Classifier(network, description);
}

export class Classifier implements Disposable {
  readonly network: Network;
  #description: ModelDescription;

  /** Use `createClassifier`, `loadClassifier` or `importClassifier`. */
  constructor(network: Network, description: ModelDescription) {
    this.network = network;
    this.#description = description;
  }

  /** Every layer with its shape, parameters and multiply-adds. */
  get plan(): Plan {
    return this.network.plan;
  }

  /** Architecture, sizes, classes, preprocessing and origin: what a file of it says. */
  get description(): Readonly<ModelDescription> {
    return this.#description;
  }

  /** Called by a training: what it changed of what is known. */
  describe(changes: Partial<ModelDescription>): void {
    this.#description = { ...this.#description, ...changes };
  }

  get classes(): readonly string[] {
    return this.#description.classes;
  }

  /** Names of the endpoints whose features can be asked for, in the order of computation: `Stem`, `Cell_0`, `Reduction_Cell_0` … */
  get endpoints(): readonly string[] {
    return featureNames(this.plan);
  }

  /**
   * The network's answers in evaluation.
   * @param images float32 [images, 3, height, width], prepared as `description.preprocessing` says, on the network's device
   * @returns [images, classes], before the softmax; the caller's to dispose
   */
  logits(images: Tensor): Tensor {
    return this.#evaluate(() => scope(() => noGrad(() => this.network.forward(images).logits)));
  }

  /**
   * What the network computes at named endpoints, for other heads: detection, retrieval.
   * @param images as for `logits`
   * @param names such as ['Cell_11']; `endpoints` lists them
   * @returns by name [images, channels, height, width]; the caller's to dispose
   * @throws InputError for an endpoint that is not there
   */
  features<Name extends string>(images: Tensor, names: readonly Name[]): Record<Name, Tensor> {
    const found = this.#evaluate(() =>
      scope(() => noGrad(() => this.network.forward(images, { features: names }).features!)),
    );
    return found as Record<Name, Tensor>;
  }

  /**
   * The likeliest classes of image files, prepared as the network wants them.
   * @param files paths of images in any format
   * @param options.count classes for each image, default 5
   * @returns for each file its classes, the likeliest first
   * @throws InputError for a file that is no image; Failure if the answers are not numbers
   */
  async classify(files: readonly string[], { count = 5 }: { count?: number } = {}): Promise<ClassScore[][]> {
    const { preprocessing, network, classes } = this.#description;
    const found: ClassScore[][] = [];
    const listed = files.map((path) => ({ path }));
    for await (const { pixels, unreadable } of readAhead(
      listed,
      preprocessing,
      network.input,
      batchWithinMemory(this.plan),
    )) {
      if (unreadable[0] !== undefined) throw new InputError(unreadable[0]);
      const images = imageBatch(pixels, network.input, preprocessing);
      const placed = images.to(this.network.device);
      const answers = this.#evaluate(() => likeliestClasses(this.network, placed, Math.min(count, classes.length)));
      if (placed !== images) placed.dispose();
      images.dispose();
      for (const answer of answers)
        found.push(answer.map(({ place, probability }) => ({ name: classes[place]!, probability })));
    }
    return found;
  }

  /** Weights and description as one safetensors file, whole or not at all. @throws Failure where the disk is full or refuses */
  save(path: string): void {
    writeModel(path, this.network, this.#description);
  }

  /**
   * An ONNX file (opset 17, any batch size), compared with this network on onnxruntime before it is there.
   * @throws Failure where the logits differ, or onnxruntime is missing and `verify` is not false
   */
  exportOnnx(path: string, options: OnnxOptions = {}): Promise<OnnxResult> {
    return this.#evaluate(() => exportOnnx(path, this.network, this.#description, options));
  }

  /** One Python file that needs torch only, and its weights beside it. @throws Failure where the logits differ */
  exportPyTorch(path: string, options: PyTorchOptions = {}): Promise<PyTorchResult> {
    return this.#evaluate(() => writePyTorch(path, this.network, this.#description, options));
  }

  #evaluate<Result>(compute: () => Result): Result {
    this.network.train(false);
    return compute();
  }

  /** Frees the weights. */
  dispose(): void {
    this.network.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
