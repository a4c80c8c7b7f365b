// The flags of commands that compute: on which device, in how many bits. What they mean is decided by the machine (engine/device.ts).

import { type Command, Option } from 'commander';
import { type Computing, computingOn, deviceForms } from '../../engine/device.ts';

export interface DeviceFlags {
  device: string;
  precision?: 'float32' | 'bf16';
}

export function addDeviceFlags(command: Command): Command {
  return command
    .option('--device <name>', `${deviceForms}; auto takes the first GPU where there is one`, 'auto')
    .addOption(
      new Option(
        '--precision <name>',
        'of images and convolutions; on the CPU bf16 pays with AVX512-BF16 only (default: bf16 on a GPU, float32 on the CPU)',
      ).choices(['float32', 'bf16']),
    );
}

/** @throws InputError for a device that this machine lacks */
export function computingOf({ device, precision }: DeviceFlags): Computing {
  return computingOn(device, precision === 'bf16' ? 'bfloat16' : precision);
}
