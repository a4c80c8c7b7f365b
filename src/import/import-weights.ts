// Published weights as a network of ours with its description: opened, matched, read a tensor at a time, checked.
// Writing the model file is model/model-file.ts's affair.

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
  /** In evaluation. Its classifier is new, drawn from seed 0, where `match.classifier` is false. */
  network: Network;
  description: ModelDescription;
  match: Match;
  /** What else the file holds and is not read, such as `optimizer`. */
  besides: readonly string[];
}

/**
 * Holds the network and one tensor of the file at a time in memory.
 * @param progress called with the share of tensors that are read, 0 to 1
 * @throws InputError for a file that holds no weights of NASNet-A mobile or large, whole and finite
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
    return { network: network.train(false), description: describe(path, match), match, besides: file.besides };
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

/** Weights that are no numbers make a network that says nothing, and says it late. */
function refuseUnusable(tensor: Tensor, isVariance: boolean, where: string): void {
  if (!tensor.dtype.includes('float')) throw new InputError(`${where}: expected floats, got ${tensor.dtype}`);
  if (tensor.isFinite().all().item() !== 1) {
    throw new InputError(`${where}: expected finite numbers, got NaN or infinity`);
  }
  const least = isVariance ? tensor.min().item() : 0;
  if (least < 0) throw new InputError(`${where}: expected no negative variance, got ${least}`);
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

/** ImageNet's where there are as many; class_0 … where the file's training alone knows them. */
function classNames(count: number): string[] {
  if (count === 1000 || count === 1001) return imagenetNames(count);
  return Array.from({ length: count }, (_, index) => `class_${index}`);
}
