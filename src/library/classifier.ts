// A classifier: a network with the description that is needed to use it. It is built from an architecture or read from
// a file; it classifies images, computes features, and can be saved and exported. train-classifier.ts trains it.

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
import { batchWithinMemory } from '../plan/evaluation-batch.ts';
import { type NamedModel, namedModels } from '../plan/named-models.ts';
import { type Plan, type PlanOptions, planNetwork } from '../plan/plan.ts';
import type { Architecture } from '../space/architecture.ts';

export interface ClassifierOptions extends Omit<PlanOptions, 'classes' | 'inputChannels'> {
  /** Class names in the order of the logits, or the number of classes. Default: 10; 1,000 in the ImageNet layout. */
  classes?: readonly string[] | number;
  /** Seed of the initial weights. Default 1. */
  seed?: number;
  /**
   * ScheduledDropPath: probability of keeping a path in the last cell at the end of the training. Default 1: no
   * drop-path.
   */
  dropPathKeep?: number;
  /** 'cpu', 'cuda', 'cuda:1', or 'auto': the first GPU if there is one. Default 'cpu'. */
  device?: string;
  /** Default: float32 on the CPU, bfloat16 on a GPU. */
  precision?: Precision;
  /** Default: that of the released ImageNet models; training replaces it by the dataset's. */
  preprocessing?: Preprocessing;
}

export interface ClassScore {
  name: string;
  /** 0 to 1. */
  probability: number;
}

/**
 * Creates a network of an architecture with initial weights.
 * @param architecture `nasnetA`, the architecture of a trial, or one read by `parseArchitecture`
 * @param options `cells` (N) and `filters` (F) as in the paper, or the name of a released network, whose sizes are
 * used: 'cifar' is NASNet-A (6 @ 768), 'mobile' (4 @ 1056), 'large' (6 @ 4032)
 * @throws InputError for sizes out of range, or a device that does not exist
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
  const { auxiliary: _, ...description } = sizes;
  return new Classifier(network, {
    architecture,
    network: { ...description, input: [plan.input[0], plan.input[1]] },
    classes: Array.isArray(classes)
      ? [...classes]
      : Array.from({ length: plan.classes }, (_, index) => `class ${index}`),
    preprocessing,
    origin: 'built by a program',
  });
}

/**
 * Loads a network that nasnet trained, imported or saved. @throws InputError if the file is damaged or not a network of
 * nasnet
 */
export function loadClassifier(path: string, computing: { device?: string; precision?: Precision } = {}): Classifier {
  const options: Computing = computingOn(computing.device ?? 'cpu', computing.precision);
  prepareDevice(options.device);
  const { network, description } = readModel(path, options);
  return new Classifier(network, description);
}

/**
 * Imports published weights of NASNet-A mobile or large (Keras, timm, Cadene).
 * @throws InputError if the file does not contain them completely, or if they are not finite
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

  /** The layers with shapes, parameters and multiply-adds. */
  get plan(): Plan {
    return this.network.plan;
  }

  /** Architecture, sizes, classes, preprocessing and origin, as stored in a file of the network. */
  get description(): Readonly<ModelDescription> {
    return this.#description;
  }

  /** Updates the description; called by a training. */
  describe(changes: Partial<ModelDescription>): void {
    this.#description = { ...this.#description, ...changes };
  }

  get classes(): readonly string[] {
    return this.#description.classes;
  }

  /** Names of the endpoints for `features`, in the order of computation: `Stem`, `Cell_0`, `Reduction_Cell_0` … */
  get endpoints(): readonly string[] {
    return featureNames(this.plan);
  }

  /**
   * Computes the logits in evaluation mode.
   * @param images float32 [images, 3, height, width], preprocessed as in `description.preprocessing`, on the network's
   * device
   * @returns logits [images, classes]; the caller disposes of them
   */
  logits(images: Tensor): Tensor {
    return this.#evaluate(() => scope(() => noGrad(() => this.network.forward(images).logits)));
  }

  /**
   * Computes the features at named endpoints, for example for detection or retrieval.
   * @param images as for `logits`
   * @param names names of `endpoints`, such as ['Cell_11']
   * @returns features [images, channels, height, width] by name; the caller disposes of them
   * @throws InputError for an unknown endpoint
   */
  features<Name extends string>(images: Tensor, names: readonly Name[]): Record<Name, Tensor> {
    const features = this.#evaluate(() =>
      scope(() => noGrad(() => this.network.forward(images, { features: names }).features!)),
    );
    return features as Record<Name, Tensor>;
  }

  /**
   * Classifies image files, which it preprocesses for the network.
   * @param files paths of images in any supported format
   * @param options.count number of classes per image, default 5
   * @returns for each file its most probable classes, most probable first
   * @throws InputError if a file is not an image; Failure if the logits are not finite
   */
  async classify(files: readonly string[], { count = 5 }: { count?: number } = {}): Promise<ClassScore[][]> {
    const { preprocessing, network, classes } = this.#description;
    const scores: ClassScore[][] = [];
    const entries = files.map((path) => ({ path }));
    for await (const { pixels, unreadable } of readAhead(
      entries,
      preprocessing,
      network.input,
      batchWithinMemory(this.plan),
    )) {
      if (unreadable[0] !== undefined) throw new InputError(unreadable[0]);
      const images = imageBatch(pixels, network.input, preprocessing);
      const onDevice = images.to(this.network.device);
      const answers = this.#evaluate(() => likeliestClasses(this.network, onDevice, Math.min(count, classes.length)));
      if (onDevice !== images) onDevice.dispose();
      images.dispose();
      for (const answer of answers)
        scores.push(answer.map(({ place, probability }) => ({ name: classes[place]!, probability })));
    }
    return scores;
  }

  /**
   * Writes weights and description to a safetensors file, completely or not at all. @throws Failure if it cannot be
   * written
   */
  save(path: string): void {
    writeModel(path, this.network, this.#description);
  }

  /**
   * Writes an ONNX file (opset 17, any batch size). It is compared with this network in onnxruntime before it appears.
   * @throws Failure if the logits differ, or if onnxruntime is missing and `verify` is not false
   */
  exportOnnx(path: string, options: OnnxOptions = {}): Promise<OnnxResult> {
    return this.#evaluate(() => exportOnnx(path, this.network, this.#description, options));
  }

  /** Writes a Python file that only needs torch, and its weights next to it. @throws Failure if the logits differ */
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
