// The description of a network in its model file, as text: written in the newest format, read in every earlier one.
// A description that is damaged or wrongly edited is refused in one sentence.

import { z } from 'zod';
import { augmentations } from '../data/augmentations.ts';
import { pictureDecoders } from '../data/picture-decoder.ts';
import { InputError } from '../failure.ts';
import { type PlanOptions, planNetwork } from '../plan/plan.ts';
import type { Architecture } from '../space/architecture.ts';
import { parseArchitecture } from '../space/parse.ts';
import { type Preprocessing, trainedPreprocessing } from './preprocessing.ts';

export interface ModelDescription {
  architecture: Architecture;
  /** The options of planNetwork, with the input as height and width; the number of classes follows from `classes`. */
  network: Omit<PlanOptions, 'auxiliary' | 'classes' | 'input'> & { input: readonly [height: number, width: number] };
  /** Names in the order of the logits: 1,001 with 'background' first if the source has it. */
  classes: string[];
  preprocessing: Preprocessing;
  /** The factor by which training images were enlarged (data/augmentation.ts); absent if unknown. */
  trainedEnlarge?: number;
  /** One sentence: 'trained by nasnet 0.1.0 on cifar10'. */
  origin: string;
}

const format = 3;
/**
 * Format 2 does not store the test view. At that time nasnet enlarged training images as in the paper, and showed test
 * images as stored.
 */
const enlargeBeforeFormat3 = augmentations.enlarge.enlarge;

/** Returns the description as text in the newest format. */
export function printDescription(description: ModelDescription): string {
  return JSON.stringify({ format, ...description });
}

/**
 * Parses a description.
 * @param where the name of its source, put in front of every message
 * @throws InputError that names the invalid part
 */
export function parseDescription(text: string, where: string): ModelDescription {
  const document = parseJson(text, where);
  const version = check(z.looseObject({ format: count }), document, where).format;
  if (version > format)
    throw new InputError(`${where}: expected a network of format ${format} or older, got ${version}: update nasnet`);
  const content = version === 1 ? fromFirst(check(firstFormat, document, where)) : check(newest, document, where);
  const fields =
    version < 3 && content.origin.startsWith('trained by nasnet')
      ? { ...content, trainedEnlarge: enlargeBeforeFormat3 }
      : content;
  const architecture = parseArchitecture(fields.architecture, where);
  const description = { ...fields, architecture };
  try {
    planNetwork(architecture, { ...description.network, classes: description.classes.length });
  } catch (error) {
    throw error instanceof InputError ? new InputError(`${where}: ${error.message}`) : error;
  }
  return description;
}

const count = z.int().positive();
/** A factor of 4 leaves a quarter of each side visible. */
const enlargement = z.number().min(1).max(4);
const threeNumbers = z.array(z.number()).length(3);
const threeDeviations = z.array(z.number().positive()).length(3);
const classes = z.array(z.string()).min(1);

const networkFields = {
  layout: z.enum(['cifar', 'imagenet']).exactOptional(),
  cells: z.int().nonnegative(),
  filters: count,
  input: z.tuple([count, count]),
  inputChannels: z.literal(3).exactOptional(),
  stemChannels: count.exactOptional(),
  skipReductionInput: z.boolean().exactOptional(),
} satisfies Record<keyof ModelDescription['network'], z.ZodType>;

const newest = z
  .strictObject({
    format: z.int().min(2).max(format),
    architecture: z.unknown(),
    network: z.strictObject(networkFields),
    classes,
    preprocessing: z.strictObject({
      mean: threeNumbers,
      deviation: threeDeviations,
      centralFraction: z.number().positive().max(1),
      aspect: z.enum(['shorter-side', 'stretch']),
      interpolation: z.enum(['bilinear', 'bicubic', 'area']),
      enlarge: enlargement.exactOptional(),
      decoder: z.enum(pictureDecoders).exactOptional(),
    }),
    trainedEnlarge: enlargement.exactOptional(),
    origin: z.string(),
  })
  .transform(({ format: _, ...description }) => description);

/** The format of the first versions, which had only CIFAR's layout and square images. */
const firstFormat = z.object({
  architecture: z.unknown(),
  cells: z.int().nonnegative(),
  filters: count,
  resolution: count,
  classes,
  whitening: z.object({ mean: threeNumbers, deviation: threeDeviations }),
});

function fromFirst({ architecture, cells, filters, resolution, classes, whitening }: z.infer<typeof firstFormat>) {
  return {
    architecture,
    network: { layout: 'cifar' as const, cells, filters, input: [resolution, resolution] as [number, number] },
    classes,
    preprocessing: trainedPreprocessing(whitening),
    origin: 'trained by nasnet 0.1.0',
  };
}

function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new InputError(`${where}: expected a description in JSON, got ${(error as Error).message}`);
  }
}

/** Returns the parsed value. @throws InputError about the first part that does not match the schema */
function check<T>(schema: z.ZodType<T>, value: unknown, where: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const { path, message } = result.error.issues[0]!;
  const place = ['description', ...path].join('.');
  throw new InputError(`${where}: ${place}: ${message.charAt(0).toLowerCase()}${message.slice(1)}`);
}
