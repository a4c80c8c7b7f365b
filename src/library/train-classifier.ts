// Trains and evaluates a classifier in this process. train/recipe.ts has the recipes, train/training.ts the loop.

import { EvaluationBatches } from '../data/batches.ts';
import { openDataset } from '../data/dataset.ts';
import type { DatasetFiles } from '../data/dataset-files.ts';
import { testViewOf } from '../data/test-view.ts';
import { openTrainingImages, trainingBatches } from '../data/training-images.ts';
import { InputError } from '../failure.ts';
import { trainedPreprocessing } from '../model/preprocessing.ts';
import { BestWeights } from '../train/best-epoch.ts';
import { type Accuracy, evaluateNetwork, evaluationBatchOn } from '../train/evaluation.ts';
import { childRecipe, finalRecipe, type Recipe } from '../train/recipe.ts';
import { type EpochFigures, trainNetwork } from '../train/training.ts';
import { nasnetVersion } from '../version.ts';
import type { Classifier } from './classifier.ts';

export interface TrainingChoices extends Partial<Recipe> {
  /** Seed of the order of the images, augmentation, drop-path and the validation split. Default 1. */
  seed?: number | string;
  /** Number of training images. Default: all that are not validation images. */
  trainingImages?: number;
  /** Number of images held out for validation. Default: a tenth. */
  validationImages?: number;
  /** Called after every epoch with loss, accuracy on training and validation images, and images per second. */
  onEpoch?: (figures: EpochFigures) => void;
  /** Stops the training: the promise rejects with the signal's reason, and the weights keep their current values. */
  signal?: AbortSignal;
}

export interface Trained {
  /** Accuracy on the validation images: of the last epoch, or with patience of the best one, whose weights remain. */
  validation: Accuracy;
  /** Accuracy on the dataset's test images. */
  test: Accuracy;
}

/**
 * Trains a classifier on a dataset, starting from its current weights. Larger images are resized to the network's
 * input.
 * @param files a dataset of `cifar10`, `imageFolder` or `datasetFrom`
 * @param choices settings that differ from the recipe of the paper's child (appendix A.1): 20 epochs, batches of 64,
 * Nesterov momentum 0.9, cosine schedule from 0.05; the loss of an auxiliary head has weight 0.4 (released CIFAR
 * configuration)
 * @throws InputError if the classes differ from the dataset's; TrainingFailure with kind 'not-a-number' if the loss is
 * not finite
 */
export async function trainClassifier(
  classifier: Classifier,
  files: DatasetFiles,
  choices: TrainingChoices = {},
): Promise<Trained> {
  const { seed = 1, trainingImages, validationImages, onEpoch, signal, ...changes } = choices;
  const { network, plan } = classifier;
  const auxiliary = plan.auxiliary && { auxiliaryWeight: finalRecipe.auxiliaryWeight };
  const recipe: Recipe = { ...childRecipe, ...auxiliary, ...changes };
  if (plan.classes !== files.classes.length)
    throw new InputError(
      `classes: expected ${plan.classes}, as the network has, got ${files.classes.length} in the dataset ${files.name}`,
    );
  if (plan.input[0] !== plan.input[1])
    throw new InputError(`input: expected a square network to train, got ${plan.input[0]} × ${plan.input[1]}`);
  const images = await openTrainingImages(files, {
    resolution: plan.input[0],
    device: network.device,
    seed,
    validation: validationImages,
    training: trainingImages,
  });
  const { dataset, parts } = images;
  const view = testViewOf(recipe, images.whitening);
  const batchSize = evaluationBatchOn(network.device);
  const evaluate = (images: EvaluationBatches, side?: number) => evaluateNetwork(network, images, plan.classes, side);
  const validation = new EvaluationBatches({ from: dataset.train, indices: parts.validation, view, batchSize });
  const batches = trainingBatches(images, recipe, seed);
  using best = recipe.patience === undefined ? undefined : new BestWeights(network.stateDict());
  try {
    const last = await trainNetwork(network, batches, recipe, {
      seed,
      validate: (side) => evaluate(validation, side),
      validateEveryEpoch: onEpoch !== undefined,
      ...(best && { best }),
      ...(onEpoch && { onEpoch }),
      ...(signal && { signal }),
    });
    if (best?.epochs.state) best.swap();
    const atBest = best?.epochs.state ? evaluate(validation) : undefined;
    const test = evaluate(new EvaluationBatches({ from: dataset.test, view, batchSize }));
    classifier.describe({
      classes: [...files.classes],
      preprocessing: trainedPreprocessing(view),
      trainedEnlarge: recipe.enlarge,
      origin: `trained by nasnet ${nasnetVersion()} on ${files.name}`,
    });
    return { validation: atBest ?? last.validation!, test };
  } finally {
    network.train(false);
  }
}

/**
 * Returns a classifier's accuracy on the test images of a dataset, preprocessed as in its training.
 * @throws InputError if the number of classes differs from the dataset's
 */
export async function evaluateClassifier(classifier: Classifier, files: DatasetFiles): Promise<Accuracy> {
  const { network, plan, description } = classifier;
  if (plan.classes !== files.classes.length)
    throw new InputError(`classes: expected ${plan.classes}, as the network has, got ${files.classes.length}`);
  const { test } = await openDataset(files, { resolution: plan.input[0] });
  const batches = new EvaluationBatches({
    from: test,
    view: description.preprocessing,
    batchSize: evaluationBatchOn(network.device),
  });
  return evaluateNetwork(network, batches, plan.classes);
}
