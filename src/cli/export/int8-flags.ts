// The flags of `nasnet export --int8`, with their defaults. int8.ts, which needs the engine, does what they say.

import { type Command, Option } from 'commander';
import { type RangeMethod, rangeMethods } from '../../export/onnx/int8/ranges.ts';
import { type WeightBits, weightBits } from '../../export/onnx/int8/weights.ts';
import { InputError } from '../../failure.ts';
import { wholeNumber } from '../flags/parsers.ts';
import { typedFlag, type UserFlags } from '../flags/user-flags.ts';

/** How a network is written in 8 bits. */
export interface Int8Settings {
  /** Where the images are. Default: CIFAR-10, for its classes. */
  calibrate?: string;
  /** Images that ranges are measured on, at most. */
  calibrationImages: number;
  /** Other images that the accuracy is measured on, at most. */
  testImages: number;
  ranges: RangeMethod;
  weightBits: WeightBits;
}

export interface Int8Flags extends Int8Settings {
  int8?: boolean;
}

/** The range methods gave the same accuracy, min-max the least error of the logits (docs/onnx.md). */
const defaults = { calibrationImages: 256, testImages: 2000, ranges: 'min-max', weightBits: 8 } as const;

export function addInt8Flags(command: Command): Command {
  return command
    .option('--int8', 'onnx, html: in 8 bits instead of float32; states what that costs and gains')
    .option(
      '--calibrate <images>',
      'with --int8: images such as it will see, named as for evaluate (default: cifar10 for its classes)',
    )
    .option(
      '--calibration-images <n>',
      'with --int8: so many of them, for the ranges of activations',
      wholeNumber('--calibration-images', 'calibrationImages'),
      defaults.calibrationImages,
    )
    .option(
      '--test-images <n>',
      'with --int8: so many others, for the accuracy',
      wholeNumber('--test-images'),
      defaults.testImages,
    )
    .addOption(
      new Option('--ranges <method>', 'with --int8: how ranges follow from what activations were')
        .choices(rangeMethods)
        .default(defaults.ranges),
    )
    .addOption(
      new Option('--weight-bits <n>', 'with --int8: 7 if 8 lose accuracy on a processor without VNNI')
        .choices(weightBits.map(String))
        .argParser(bitsOf)
        .default(defaults.weightBits),
    );
}

function bitsOf(text: string): WeightBits {
  const bits = weightBits.find((each) => String(each) === text);
  if (bits !== undefined) return bits;
  throw new InputError(`--weight-bits: expected ${weightBits.join(' or ')}, got ${JSON.stringify(text)}`);
}

/**
 * Takes these flags out of a command's.
 * @returns the settings, undefined for float32, and the other flags
 * @throws InputError for such a flag without --int8
 */
export function takeInt8Flags<Flags extends Int8Flags>(
  flags: Flags,
  userFlags: UserFlags,
): { int8: Int8Settings | undefined; others: Omit<Flags, keyof Int8Flags> } {
  const { int8, calibrate, calibrationImages, testImages, ranges, weightBits, ...others } = flags;
  const other = ['calibrate', ...Object.keys(defaults)].find((name) => userFlags.has(name));
  if (!int8 && other !== undefined) throw new InputError(`${typedFlag(other)}: expected --int8 with it`);
  const images = calibrate === undefined ? {} : { calibrate };
  return { int8: int8 ? { ...images, calibrationImages, testImages, ranges, weightBits } : undefined, others };
}
