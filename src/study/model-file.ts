// A trained network as one safetensors file that says what it is: the architecture, the sizes, the classes and how images were
// whitened, so that whoever opens it cannot get them wrong.

import type { Whitening } from '../data/whitening.ts';
import { InputError } from '../failure.ts';
import { buildNetwork, type Network } from '../model/network.ts';
import { readSafetensors, readSafetensorsMetadata, writeSafetensors } from '../nn/safetensors.ts';
import type { Architecture } from '../space/architecture.ts';
import { parseArchitecture } from '../space/parse.ts';
import { planNetwork } from '../space/plan.ts';

export interface ModelDescription {
  architecture: Architecture;
  /** N */
  cells: number;
  /** F */
  filters: number;
  /** Side of the square input in pixels. */
  resolution: number;
  classes: string[];
  whitening: Whitening;
}

const metadataName = 'nasnet';
const format = 1;

/** Writes weights and moving statistics, without the auxiliary head, which only training uses. */
export function writeModel(path: string, network: Network, description: ModelDescription): void {
  const tensors = Object.entries(network.stateDict()).filter(([name]) => !name.startsWith('auxiliary.'));
  writeSafetensors(path, Object.fromEntries(tensors), { [metadataName]: JSON.stringify({ format, ...description }) });
}

/** The description alone, without the weights. @throws InputError for a file that is no network of ours */
export function readModelDescription(path: string): ModelDescription {
  const text = readSafetensorsMetadata(path)[metadataName];
  if (text === undefined)
    throw new InputError(`${path}: expected a network that nasnet trained, got a safetensors file of another kind`);
  const { format: found, ...description } = JSON.parse(text) as ModelDescription & { format: number };
  if (found > format)
    throw new InputError(`${path}: expected a network of format ${format} or older, got ${found}: update nasnet`);
  return { ...description, architecture: parseArchitecture(description.architecture, path) };
}

/** The network with its weights, in evaluation. @throws InputError for a file that is no network of ours, or damaged */
export function readModel(path: string): { network: Network; description: ModelDescription } {
  const description = readModelDescription(path);
  const { architecture, cells, filters, resolution, classes } = description;
  const network = buildNetwork(
    planNetwork(architecture, { cells, filters, input: resolution, classes: classes.length }),
  );
  network.loadStateDict(readSafetensors(path).tensors);
  network.train(false);
  return { network, description };
}
