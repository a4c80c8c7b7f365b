// The network that MODEL names, and the flags that size the detector around it.

import type { DetectorSettings, HeadName } from '../../detect/detector-settings.ts';
import { type ModelName, modelOptions, parseModelName } from '../../plan/model-name.ts';
import type { Architecture } from '../../space/architecture.ts';
import { readArchitecture } from '../flags/model-source.ts';

export interface DetectorSizeFlags {
  head: HeadName;
  filters?: number;
  size?: readonly [number, number];
  channels?: number;
  hidden?: number;
  proposals?: number;
}

/** Returns the settings that the flags give. */
export const sizeSettings = ({ size, channels, hidden, proposals }: Omit<DetectorSizeFlags, 'head' | 'filters'>) => ({
  ...(size && { input: size }),
  ...(channels !== undefined && { channels }),
  ...(hidden !== undefined && { hidden }),
  ...(proposals !== undefined && { proposals }),
});

export interface NamedNetwork {
  architecture: Architecture;
  network: DetectorSettings['network'];
}

/** Returns the network that a name such as nasnet-a:mobile stands for, in the ImageNet layout. */
export async function namedNetwork(
  model: string,
  { filters }: Pick<DetectorSizeFlags, 'filters'>,
): Promise<NamedNetwork & { name: ModelName }> {
  const name = parseModelName(model);
  const architecture = await readArchitecture(name.source);
  const options = modelOptions(name, architecture, { layout: 'imagenet', ...(filters !== undefined && { filters }) });
  return { name, architecture, network: networkSizes(options) };
}

/** Returns the sizes of a network without its other options. */
export const networkSizes = ({ cells, filters, stemChannels, skipReductionInput }: DetectorSettings['network']) => ({
  cells,
  filters,
  ...(stemChannels !== undefined && { stemChannels }),
  ...(skipReductionInput !== undefined && { skipReductionInput }),
});
