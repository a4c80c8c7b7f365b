// Training a classifier in this process, and measuring it. Recipes are train/recipe.ts's, the loop train/training.ts's.

import { EvaluationBatches } from '../data/batches.ts';
import { openDataset } from '../data/dataset.ts';
import type { DatasetFiles } from '../data/dataset-files.ts';
import { testViewOf } from '../data/test-view.ts';
import { openTrainingImages, trainingBatches } from '../data/training-images.ts';
import { InputError } from '../failure.ts';
import { trainedPreprocessing } from '../model/preprocessing.ts';
import { type Accuracy, evaluateNetwork, evaluationBatchOn } from '../train/evaluation.ts';
import { childRecipe, finalRecipe, type Recipe } from '../train/recipe.ts';
import { type EpochFigures, trainNetwork } from '../train/training.ts';
import { nasnetVersion } from '../version.ts';
import type { Classifier } from './classifier.ts';

export interface TrainingChoices extends Partial<Recipe> {
  /** Decides the order of the images, augmentation, drop-path and which images are held out. Default 1. */
  seed?: number | string;
  /** Training images used. Default: all that are not held out. */
  trainingImages?: number;
  /** Training images held out for validation. Default: a tenth. */
  validationImages?: number;
  /** Is told after every epoch: loss, accuracy on training and on validation images, images per second. */
  onEpoch?: (figures: EpochFigures) => void;
  /** Stops the training: the promise rejects with the signal's reason, the weights stay as they are then. */
  signal?: AbortSignal;
}

export interface Trained {
  /** On the images that were held out. */
  validation: Accuracy;
  /** On the dataset's test images. */
  test: Accuracy;
}

/**
 * Trains a classifier on a dataset, from the weights that it has. Its images are brought to the network's size where they are larger.
 * @param files from `cifar10`, `imageFolder` or `datasetFrom`
 * @param choices what differs from the recipe of the paper's child (appendix A.1): 20 epochs of batches of 64, Nesterov momentum 0.9,
 * one cosine from 0.05; with an auxiliary head its loss counts 0.4 (released CIFAR configuration)
 * @throws InputError for other classes than the dataset has; TrainingFailure with kind 'not-a-number' if the loss leaves the numbers
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
  const measure = (shown: EvaluationBatches) => evaluateNetwork(network, shown, plan.classes);
  const validation = new EvaluationBatches({ from: dataset.train, indices: parts.validation, view, batchSize });
  const batches = trainingBatches(images, recipe, seed);
  try {
    const last = await trainNetwork(network, batches, recipe, {
      seed,
      validate: () => measure(validation),
      validateEveryEpoch: onEpoch !== undefined,
      ...(onEpoch && { onEpoch }),
      ...(signal && { signal }),
    });
    const test = measure(new EvaluationBatches({ from: dataset.test, view, batchSize }));
    classifier.describe({
      classes: [...files.classes],
      preprocessing: trainedPreprocessing(view),
      trainedEnlarge: recipe.enlarge,
      origin: `trained by nasnet ${nasnetVersion()} on ${files.name}`,
    });
    return { validation: last.validation!, test };
  } finally {
    network.train(false);
  }
}

/**
 * A trained classifier's accuracy on a dataset's test images, shown as it saw its training images.
 * @throws InputError for other classes than the dataset has
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
