// A network as one safetensors file that says what it is: the architecture, the sizes, the classes and how images are prepared,
// so that whoever opens it cannot get them wrong. model-description.ts reads and writes those words; here are the weights.

import type { Computing } from '../engine/device.ts';
import { InputError } from '../failure.ts';
import { isVerified, readSafetensors, readSafetensorsMetadata, writeSafetensors } from '../nn/safetensors.ts';
import { type Plan, planNetwork } from '../plan/plan.ts';
import { type ModelDescription, parseDescription, printDescription } from './model-description.ts';
import { buildNetwork, type Network } from './network.ts';

export type { ModelDescription } from './model-description.ts';

const metadataName = 'nasnet';

/** Every layer of the described network, without the auxiliary head. */
export function planOf({ architecture, network, classes }: ModelDescription): Plan {
  return planNetwork(architecture, { ...network, classes: classes.length });
}

/**
 * Writes weights and moving statistics, without the auxiliary head, which only training uses.
 * @throws Failure when the disk is full or refuses
 */
export function writeModel(path: string, network: Network, description: ModelDescription): void {
  const tensors = Object.entries(network.stateDict()).filter(([name]) => !name.startsWith('auxiliary.'));
  writeSafetensors(path, Object.fromEntries(tensors), { [metadataName]: printDescription(description) });
}

/** The description alone, without the weights. @throws InputError for a file that is no network of ours */
export function readModelDescription(path: string): ModelDescription {
  const text = readSafetensorsMetadata(path)[metadataName];
  if (text === undefined)
    throw new InputError(
      `${path}: expected a network that nasnet trained or imported, got a safetensors file of another kind`,
    );
  return parseDescription(text, path);
}

/** Whether a file's bytes are those of its checksum; 'unverified' is one without, which older versions wrote. */
export type ChecksumState = 'verified' | 'unverified';

/** Reads the whole file. @throws InputError for a damaged one */
export const checksumOf = (path: string): ChecksumState => (isVerified(path) ? 'verified' : 'unverified');

/**
 * The network with its weights, in evaluation, and whether the file's checksum was compared.
 * @throws InputError for a file that is no network of ours, or damaged
 */
export function readModel(
  path: string,
  computing: Partial<Computing> = {},
): { network: Network; description: ModelDescription; checksum: ChecksumState } {
  const description = readModelDescription(path);
  const network = buildNetwork(planOf(description), { initialise: false, ...computing });
  let checksum: ChecksumState;
  try {
    const read = readSafetensors(path);
    network.loadStateDict(read.tensors);
    checksum = read.verified ? 'verified' : 'unverified';
  } catch (error) {
    network.dispose();
    throw error instanceof InputError && !error.message.startsWith(path)
      ? new InputError(`${path}: ${error.message}`)
      : error;
  }
  network.train(false);
  return { network, description, checksum };
}
