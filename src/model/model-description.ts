// What a model file says about its network, as text: written in the newest format, read in every format there ever was.
// A description that was damaged or edited by hand is refused in one sentence.

import { z } from 'zod';
import { augmentations } from '../data/augmentations.ts';
import { InputError } from '../failure.ts';
import { type PlanOptions, planNetwork } from '../plan/plan.ts';
import type { Architecture } from '../space/architecture.ts';
import { parseArchitecture } from '../space/parse.ts';
import { type Preprocessing, trainedPreprocessing } from './preprocessing.ts';

export interface ModelDescription {
  architecture: Architecture;
  /** What planNetwork takes beside the architecture, its input in full; the classes are counted below. */
  network: Omit<PlanOptions, 'auxiliary' | 'classes' | 'input'> & { input: readonly [height: number, width: number] };
  /** Names in the order of the logits: 1,001 with 'background' first where the source has it. */
  classes: string[];
  preprocessing: Preprocessing;
  /** Factor by which its training images were enlarged (data/augmentation.ts); absent where that is not known. */
  trainedEnlarge?: number;
  /** One sentence: 'trained by nasnet 0.1.0 on cifar10'. */
  origin: string;
}

const format = 3;
/** Format 2 says nothing of the test view: what nasnet trained in its time was shown training images enlarged as the paper's, and tests as stored. */
const enlargedBeforeFormat3 = augmentations.enlarge.enlarge;

export function printDescription(description: ModelDescription): string {
  return JSON.stringify({ format, ...description });
}

/** @throws InputError that names the part which cannot be used; `where` stands in front */
export function parseDescription(text: string, where: string): ModelDescription {
  const document = parseJson(text, where);
  const found = check(z.looseObject({ format: count }), document, where).format;
  if (found > format)
    throw new InputError(`${where}: expected a network of format ${format} or older, got ${found}: update nasnet`);
  const described = found === 1 ? fromFirst(check(firstFormat, document, where)) : check(newest, document, where);
  const description =
    found < 3 && described.origin.startsWith('trained by nasnet')
      ? { ...described, trainedEnlarge: enlargedBeforeFormat3 }
      : described;
  const architecture = parseArchitecture(description.architecture, where);
  const parsed = { ...description, architecture };
  try {
    planNetwork(architecture, { ...parsed.network, classes: parsed.classes.length });
  } catch (error) {
    throw error instanceof InputError ? new InputError(`${where}: ${error.message}`) : error;
  }
  return parsed;
}

const count = z.int().positive();
/** More would leave a quarter of a side. */
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
    }),
    trainedEnlarge: enlargement.exactOptional(),
    origin: z.string(),
  })
  .transform(({ format: _, ...description }) => description);

/** Of the first versions: CIFAR's layout and square images only. */
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

/** The value, or one sentence about the first part of it that does not fit. */
function check<T>(schema: z.ZodType<T>, value: unknown, where: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const { path, message } = result.error.issues[0]!;
  const place = ['description', ...path].join('.');
  throw new InputError(`${where}: ${place}: ${message.charAt(0).toLowerCase()}${message.slice(1)}`);
}
