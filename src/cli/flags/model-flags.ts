// The flags for the layout and sizes of a MODEL's network, and the network of a MODEL with its flags.

import { type Command, Option } from 'commander';
import { InputError } from '../../failure.ts';
import type { ModelDescription } from '../../model/model-description.ts';
import { type ModelFlags, modelOptions, parseModelName, parseTrial, type TrialSource } from '../../plan/model-name.ts';
import { type Plan, type PlanOptions, planNetwork } from '../../plan/plan.ts';
import { auxiliaryFits } from '../../plan/plan-auxiliary.ts';
import type { Architecture } from '../../space/architecture.ts';
import { readArchitecture } from './model-source.ts';
import { imageSize, wholeNumber } from './parsers.ts';
import { typedFlag } from './user-flags.ts';

export const modelHelp =
  'SOURCE:N@P or SOURCE:mobile|large|cifar, SOURCE being nasnet-a, quick, FILE.json or STUDY.db#TRIAL';

export function addModelFlags(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--layout <name>',
        'layout of the network around the cells (default: that of the named network, or by P)',
      ).choices(['cifar', 'imagenet']),
    )
    .option('--input <pixels>', 'side of the image, or HEIGHTxWIDTH (default: 32; ImageNet 224, large 331)', imageSize)
    .option('--classes <n>', 'number of classes (default: 10; ImageNet 1000)', wholeNumber('--classes', 'classes'))
    .option('--filters <f>', 'F, filters of the first cells, instead of @P', wholeNumber('--filters', 'filters'))
    .option(
      '--stem-channels <n>',
      'channels of the first convolution (default: 3F; ImageNet 32, large 96)',
      wholeNumber('--stem-channels', 'stemChannels'),
    )
    .option('--skip-reduction-input', "the cell after a reduction skips the reduction's input, as in large")
    .option('--no-skip-reduction-input', 'it uses that input, as in mobile and CIFAR');
}

/** Returns the flags of the options that have a value. */
export function typedFlags(options: object): string[] {
  return Object.entries(options).flatMap(([name, value]) => (value === undefined ? [] : [typedFlag(name)]));
}

/** A network: its plan options, and the description of its weights file if it has one. */
export interface NamedNetwork {
  plan: Plan;
  architecture: Architecture;
  /** The options of planNetwork without an auxiliary head. */
  options: PlanOptions;
  /** The description in the weights file. */
  description?: ModelDescription;
}

/**
 * Returns the network of MODEL and the flags. The network of a MODEL string has an auxiliary head if the image is large
 * enough; that of a weights file has none, and accepts only `--input`.
 * @throws InputError if it cannot be read or built
 */
export async function readNetwork(model: string, flags: ModelFlags): Promise<NamedNetwork> {
  if (/\.safetensors$/i.test(model)) return readWeightsFile(model, flags);
  const trial = parseTrial(model);
  if (trial) return readTrialNetwork(trial, flags);
  const name = parseModelName(model);
  const architecture = await readArchitecture(name.source);
  const options = modelOptions(name, architecture, flags);
  const auxiliary = auxiliaryFits(options.input!, options.layout);
  return { plan: planNetwork(architecture, { ...options, auxiliary }), architecture, options };
}

/** Returns the network of a trial without N, which is as large as the final network of its study. */
async function readTrialNetwork(trial: TrialSource, flags: ModelFlags): Promise<NamedNetwork> {
  const { finalNetworkOf } = await import('./study-images.ts'); // loads SQLite
  const architecture = await readArchitecture(trial);
  const { input, classes, filters, stemChannels, skipReductionInput } = flags;
  const [flag] = typedFlags({ ...(flags.layout && { layout: flags.layout }) });
  if (flag) throw new InputError(`${flag}: expected N with it, as in ${trial.path}#best:2, got none`);
  const options = {
    ...finalNetworkOf(trial.path).options,
    ...(input !== undefined && { input }),
    ...(classes !== undefined && { classes }),
    ...(filters !== undefined && { filters }),
    ...(stemChannels !== undefined && { stemChannels }),
    ...(skipReductionInput !== undefined && { skipReductionInput }),
  };
  const auxiliary = auxiliaryFits(options.input!, options.layout);
  return { plan: planNetwork(architecture, { ...options, auxiliary }), architecture, options };
}

async function readWeightsFile(path: string, { input, ...others }: ModelFlags): Promise<NamedNetwork> {
  const [flag] = typedFlags(others);
  if (flag) throw new InputError(`${flag}: expected no such flag with ${path}, which describes its network`);
  // loads the engine, which published cells do not need
  const { readModelDescription } = await import('../../model/model-file.ts');
  const description = readModelDescription(path);
  const { architecture, network, classes } = description;
  const options = { ...network, classes: classes.length, ...(input !== undefined && { input }) };
  return { plan: planNetwork(architecture, options), architecture, options, description };
}
