// The flags for device and precision; engine/device.ts interprets them.

import { type Command, Option } from 'commander';
import { type Computing, computingOn, deviceForms } from '../../engine/device.ts';

export interface DeviceFlags {
  device: string;
  precision?: 'float32' | 'bf16';
}

export function addDeviceFlags(command: Command): Command {
  return command
    .option('--device <name>', `${deviceForms}; auto takes the first GPU if there is one`, 'auto')
    .addOption(
      new Option(
        '--precision <name>',
        'of images and convolutions; on the CPU bf16 is only faster with AVX512-BF16 (default: bf16 on a GPU, float32 on the CPU)',
      ).choices(['float32', 'bf16']),
    );
}

/** Parses device and precision. @throws InputError if this machine does not have the device */
export function computingOf({ device, precision }: DeviceFlags): Computing {
  return computingOn(device, precision === 'bf16' ? 'bfloat16' : precision);
}
