// The public interface: `import { … } from 'nasnet'`. Each name is documented at its definition. `nasnet/space` is the
// part that runs in a browser, `nasnet/engine` the tensors. Importing this file does not load the engine.

import './library/guest.ts';

export { type Cifar10Options, prepareCifar10 as cifar10 } from './data/cifar10.ts';
export { type CustomDataset, datasetFrom, type ImageSupply, type LabelledPixels } from './data/custom-dataset.ts';
export type { DatasetFiles } from './data/dataset-files.ts';
export { type ImageFolderOptions, prepareImageFolder as imageFolder } from './data/image-folder.ts';
export type { OnnxOptions, OnnxResult } from './export/onnx/export-onnx.ts';
export type { PyTorchOptions, PyTorchResult } from './export/pytorch/export-pytorch.ts';
export { type ErrorDetails, Failure, InputError, Interruption } from './failure.ts';
export { type AskTellStudy, openStudy, type RewardedTrial, type StudyOptions, type Trial } from './library/ask-tell.ts';
export * from './library/cells.ts';
export {
  type Classifier,
  type ClassifierOptions,
  type ClassScore,
  createClassifier,
  importClassifier,
  loadClassifier,
} from './library/classifier.ts';
export { type Engine, type ReadyOptions, ready } from './library/ready.ts';
export { defineStrategy, evolution, ppo, random, type StrategyChoice, surrogate } from './library/strategies.ts';
export { evaluateClassifier, type Trained, type TrainingChoices, trainClassifier } from './library/train-classifier.ts';
export type { ModelDescription } from './model/model-description.ts';
export type { Preprocessing } from './model/preprocessing.ts';
export { RandomStream } from './random/stream.ts';
export type { EvolutionOptions, PpoOptions } from './search/options.ts';
export type { Outcome, Strategy, StrategyParts, UpdateFigures } from './search/strategy.ts';
export type { EpochReport } from './study/outcome.ts';
export type { StudySummary, TrialRecord } from './study/records.ts';
export type { Accuracy } from './train/evaluation.ts';
export { childRecipe, finalRecipe, type Recipe, type RecipeName, recipes } from './train/recipe.ts';
export type { EpochFigures } from './train/training.ts';
export { nasnetVersion as version } from './version.ts';
