// The network that `nasnet train` trains, from MODEL or from the weights it begins with, and its images by default.

import { InputError } from '../../failure.ts';
import {
  type ArchitectureSource,
  type ModelFlags,
  modelOptions,
  parseBare,
  parseModelName,
  parseTrial,
} from '../../plan/model-name.ts';
import type { Layout, PlanOptions } from '../../plan/plan.ts';
import type { Architecture } from '../../space/architecture.ts';
import type { TrainedNetwork } from '../../study/training-plan.ts';
import { readArchitecture } from '../flags/model-source.ts';
import type { StudyImages } from '../flags/study-images.ts';
import type { LiveBlock } from '../terminal/live-block.ts';
import type { SourceWeights } from './source-weights.ts';

export interface TraineeFlags extends Pick<ModelFlags, 'filters' | 'layout'> {
  dataset?: string;
  size?: number;
  /** Whether a network without a size is one of any size. */
  anySize?: boolean;
}

/** The network that is trained, and the images that it is trained on by default. */
export interface Trainee {
  /** As the user named it. */
  name: string;
  architecture: Architecture;
  /** Undefined: of any size. */
  options: Omit<TrainedNetwork, 'resolution'> | undefined;
  /** Side of its images in pixels; undefined: as large as the images are. */
  resolution: number | undefined;
  images: Awaited<ReturnType<typeof imagesFor>>;
  /** Files that it is read from. */
  inputs: string[];
}

/** Returns the network and its images. @throws InputError if MODEL or the weights do not name a network to train */
export async function traineeOf(
  text: string | undefined,
  source: SourceWeights | undefined,
  flags: TraineeFlags,
  block: LiveBlock,
): Promise<Trainee> {
  const resolution = flags.size ?? source?.description.network.input[0];
  if (text === undefined) {
    for (const flag of ['filters', 'layout'] as const)
      if (flags[flag] !== undefined)
        throw new InputError(`--${flag}: expected a MODEL with it, since --from alone trains its own network`);
    const { architecture, network } = source!.description;
    if (network.input[0] !== network.input[1])
      throw new InputError(`${source!.path}: expected a square input, got ${network.input.join(' × ')}`);
    const options = trainedNetwork(network);
    const images = { dataset: flags.dataset ?? 'cifar10', size: flags.size };
    return { name: source!.path, architecture, options, resolution, images, inputs: [] };
  }
  const bare = flags.anySize ? parseBare(text) : undefined;
  if (bare) {
    for (const flag of ['filters', 'layout'] as const)
      if (flags[flag] !== undefined)
        throw new InputError(`--${flag}: expected N with it, such as ${text}:1, or neither, got ${text}`);
    return {
      name: text,
      architecture: await readArchitecture(bare, (sentence) => block.log(sentence)),
      options: undefined,
      resolution: flags.size,
      images: await imagesFor(bare, flags, block),
      inputs: 'path' in bare ? [bare.path] : [],
    };
  }
  const trial = parseTrial(text);
  if (trial) {
    const { finalNetworkOf } = await import('../flags/study-images.ts'); // loads SQLite
    const { resolution: side, ...options } = finalNetworkOf(trial.path).network;
    const layout = (flags.layout as Layout | undefined) ?? options.layout;
    return {
      name: text,
      architecture: await readArchitecture(trial, (sentence) => block.log(sentence)),
      options: { ...options, filters: flags.filters ?? options.filters, ...(layout && { layout }) },
      resolution: resolution ?? side,
      images: await imagesFor(trial, flags, block),
      inputs: [trial.path],
    };
  }
  const model = parseModelName(text);
  const architecture = await readArchitecture(model.source, (sentence) => block.log(sentence));
  const options = modelOptions(model, architecture, {
    ...(flags.layout ? { layout: flags.layout } : model.named ? {} : { layout: 'cifar' }),
    ...(flags.filters && { filters: flags.filters }),
  });
  const images = await imagesFor(model.source, flags, block);
  const inputs = 'path' in model.source ? [model.source.path] : [];
  return {
    name: text,
    architecture,
    options: trainedNetwork(options),
    resolution: resolution ?? images.size,
    images,
    inputs,
  };
}

const trainedNetwork = (network: PlanOptions): Omit<TrainedNetwork, 'resolution'> => {
  const { layout, cells, filters, stemChannels, skipReductionInput } = network;
  return {
    ...(layout !== undefined && layout !== 'cifar' && { layout }),
    cells,
    filters,
    ...(stemChannels !== undefined && { stemChannels }),
    ...(skipReductionInput !== undefined && { skipReductionInput }),
  };
};

/** Returns the requested training images; by default those of the trial's study. */
async function imagesFor(
  source: ArchitectureSource,
  { dataset, size }: TraineeFlags,
  block: LiveBlock,
): Promise<{ dataset: string; size?: number | undefined } & Partial<Pick<StudyImages, 'requireSame'>>> {
  if (dataset !== undefined || source.kind !== 'trial') return { dataset: dataset ?? 'cifar10', size };
  const { imagesOfStudy } = await import('../flags/study-images.ts'); // loads SQLite
  const images = imagesOfStudy(source.path);
  if (!images) return { dataset: 'cifar10', size };
  block.log(`Training on the images of ${source.path}: ${images.dataset}`);
  return { ...images, ...(size !== undefined && { size }) };
}
