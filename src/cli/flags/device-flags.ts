// The flags for device and precision; engine/device.ts interprets them.

import { type Command, Option } from 'commander';
import { type Computing, computingOn, cpu, deviceForms, type Precision, trainingOn } from '../../engine/device.ts';

export interface DeviceFlags {
  device: string;
  precision?: 'float32' | 'bf16';
}

/** @param trains whether `trainingComputing` reads the flags */
export function addDeviceFlags(command: Command, { trains = false } = {}): Command {
  const usual = trains
    ? 'bf16 on a GPU, and where one machine trains alone on a CPU with AVX512-BF16; else float32'
    : 'bf16 on a GPU, float32 on the CPU';
  return command
    .option('--device <name>', `${deviceForms}; auto takes the first GPU if there is one`, 'auto')
    .addOption(
      new Option(
        '--precision <name>',
        `of images and convolutions; on the CPU bf16 is only faster with AVX512-BF16 (default: ${usual})`,
      ).choices(['float32', 'bf16']),
    );
}

/** Parses device and precision. @throws InputError if this machine does not have the device */
export function computingOf({ device, precision }: DeviceFlags): Computing {
  return computingOn(device, precisionOf(precision));
}

/**
 * Returns device and precision of trainings: by the flags, else in the precision in which they last trained, else in
 * what this machine is fastest in if it trains alone.
 * @param typed what the flags alone say
 */
export function trainingComputing(
  typed: Computing,
  { precision }: Pick<DeviceFlags, 'precision'>,
  { last, alone }: { last: Precision | undefined; alone: boolean },
): Computing {
  if (precision !== undefined) return typed;
  if (last !== undefined) return { ...typed, precision: last };
  return alone ? trainingOn(typed.device) : typed;
}

const precisionOf = (word: DeviceFlags['precision']) => (word === 'bf16' ? 'bfloat16' : word);

/**
 * Says that trainings on the CPU are in bfloat16 though no flag asks for it; undefined if they are not.
 */
export function precisionLine({ device, precision }: Computing, flags: DeviceFlags): string | undefined {
  if (flags.precision !== undefined || device !== cpu || precision !== 'bfloat16') return undefined;
  return trainingOn(cpu).precision === 'bfloat16'
    ? 'Trains in bfloat16, in which this processor is faster; --precision float32 is the other'
    : 'Goes on in bfloat16, in which it has trained so far; on this processor --precision float32 is faster';
}

/** Returns the word of a precision. */
export const precisionWord = (precision: Precision) => (precision === 'bfloat16' ? 'bf16' : precision);
