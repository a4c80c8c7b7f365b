// Stores a network as one safetensors file with its description: the architecture, sizes, classes and preprocessing.
// model-description.ts reads and writes the description, this file the weights.

import type { Computing } from '../engine/device.ts';
import { InputError } from '../failure.ts';
import { isVerified, readSafetensors, readSafetensorsMetadata, writeSafetensors } from '../nn/safetensors.ts';
import { type Plan, planNetwork } from '../plan/plan.ts';
import { type ModelDescription, parseDescription, printDescription } from './model-description.ts';
import { buildNetwork, type Network } from './network.ts';

export type { ModelDescription } from './model-description.ts';

const metadataName = 'nasnet';

/** Returns the plan of the described network, without the auxiliary head. */
export function planOf({ architecture, network, classes }: ModelDescription): Plan {
  return planNetwork(architecture, { ...network, classes: classes.length });
}

/**
 * Writes weights and moving statistics, without the auxiliary head, which only training uses.
 * @throws Failure if the file cannot be written
 */
export function writeModel(path: string, network: Network, description: ModelDescription): void {
  const tensors = Object.entries(network.stateDict()).filter(([name]) => !name.startsWith('auxiliary.'));
  writeSafetensors(path, Object.fromEntries(tensors), { [metadataName]: printDescription(description) });
}

/** Reads only the description. @throws InputError if the file is not a model file of nasnet */
export function readModelDescription(path: string): ModelDescription {
  const text = readSafetensorsMetadata(path)[metadataName];
  if (text === undefined)
    throw new InputError(
      `${path}: expected a network that nasnet trained or imported, got a safetensors file of another kind`,
    );
  return parseDescription(text, path);
}

/** 'verified': the file matches its checksum. 'unverified': it has none, as files of older versions. */
export type ChecksumState = 'verified' | 'unverified';

/** Reads the whole file and compares its checksum. @throws InputError if the file is damaged */
export const checksumOf = (path: string): ChecksumState => (isVerified(path) ? 'verified' : 'unverified');

/**
 * Reads a model file.
 * @param computing device, dtype and precision; default: float32 on the CPU
 * @returns the network in evaluation mode, its description, and whether the file has a checksum that matches
 * @throws InputError if the file is not a model file of nasnet, or is damaged
 */
export function readModel(
  path: string,
  computing: Partial<Computing> = {},
): { network: Network; description: ModelDescription; checksum: ChecksumState } {
  const description = readModelDescription(path);
  const network = buildNetwork(planOf(description), { initialise: false, ...computing });
  let checksum: ChecksumState;
  try {
    const { tensors, verified } = readSafetensors(path);
    network.loadStateDict(tensors);
    checksum = verified ? 'verified' : 'unverified';
  } catch (error) {
    network.dispose();
    throw error instanceof InputError && !error.message.startsWith(path)
      ? new InputError(`${path}: ${error.message}`)
      : error;
  }
  network.train(false);
  return { network, description, checksum };
}
