// Imports published weights as a network with its description: opens the file, matches names, reads and checks one
// tensor at a time.
// model/model-file.ts writes the model file.

import { basename } from 'node:path';
import { imagenetNames } from '../data/imagenet-classes.ts';
import { noGrad, scope } from '../engine/memory.ts';
import type { Tensor } from '../engine/tensor.ts';
import { InputError } from '../failure.ts';
import type { ModelDescription } from '../model/model-file.ts';
import { buildNetwork, type Network } from '../model/network.ts';
import { withoutDrawing } from '../nn/initialise.ts';
import { namedModels } from '../plan/named-models.ts';
import { nasnetA } from '../space/published.ts';
import { visible } from '../visible.ts';
import { type Match, type MatchOptions, matchWeights } from './matching.ts';
import type { Correspondence } from './naming.ts';
import { sources } from './sources.ts';
import { openWeightFile, type WeightFile } from './weight-file.ts';

export interface Imported {
  /** In evaluation mode. If `match.classifier` is false, its classifier is new and random, from seed 0. */
  network: Network;
  description: ModelDescription;
  match: Match;
  /** Names of other contents of the file, such as `optimizer`, which are not read. */
  others: readonly string[];
}

/**
 * Imports a file of weights. Keeps only one tensor of the file in memory besides the network.
 * @param progress called with the share of tensors that have been read, 0 to 1
 * @throws InputError unless the file contains all weights of NASNet-A mobile or large, all finite
 */
export async function importWeights(
  path: string,
  options: MatchOptions = {},
  progress: (share: number) => void = () => {},
): Promise<Imported> {
  const file = await openWeightFile(path);
  try {
    const match = matchWeights(path, file, options);
    const network = match.classifier
      ? withoutDrawing(() => buildNetwork(match.plan))
      : buildNetwork(match.plan, { seed: 0 });
    try {
      readInto(network, path, file, match.pairs, progress);
    } catch (error) {
      network.dispose();
      throw error;
    }
    return { network: network.train(false), description: describe(path, match), match, others: file.others };
  } finally {
    file.close();
  }
}

function readInto(
  network: Network,
  path: string,
  file: WeightFile,
  pairs: readonly Correspondence[],
  progress: (share: number) => void,
): void {
  const state = network.stateDict();
  pairs.forEach(({ ours, theirs, axes }, index) => {
    noGrad(() =>
      scope(() => {
        const tensor = file.tensors.get(theirs)!.read();
        refuseUnusable(tensor, ours.endsWith('.moving_variance'), `${path}: ${theirs}`);
        state[ours]!.copy_(tensor.permute(axes));
      }),
    );
    progress((index + 1) / pairs.length);
  });
}

/** Refuses a tensor with NaN, infinite or impossible values, with which the network would fail only later. */
function refuseUnusable(tensor: Tensor, isVariance: boolean, where: string): void {
  if (!tensor.dtype.includes('float')) throw new InputError(`${where}: expected floats, got ${tensor.dtype}`);
  if (tensor.isFinite().all().item() !== 1) {
    throw new InputError(`${where}: expected finite numbers, got NaN or infinity`);
  }
  const minimum = isVariance ? tensor.min().item() : 0;
  if (minimum < 0) throw new InputError(`${where}: expected no negative variance, got ${minimum}`);
}

function describe(path: string, { source, model, plan }: Match): ModelDescription {
  const { layout, cells, filters, stemChannels, skipReductionInput, input } = namedModels[model];
  return {
    architecture: nasnetA,
    network: { layout, cells, filters, stemChannels, skipReductionInput, input: [input, input] },
    classes: classNames(plan.classes),
    preprocessing: sources[source].preprocessing,
    origin: `imported from ${sources[source].title}, ${visible(basename(path))}`,
  };
}

/**
 * Returns ImageNet's names for 1,000 or 1,001 classes, otherwise class_0 …, because the file does not contain names.
 */
function classNames(count: number): string[] {
  if (count === 1000 || count === 1001) return imagenetNames(count);
  return Array.from({ length: count }, (_, index) => `class_${index}`);
}
