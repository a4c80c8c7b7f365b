// Stores a detector as one safetensors file with its description: architecture, settings, categories, origin.

import { z } from 'zod';
import { checked, parsedJson } from '../checked.ts';
import type { Computing } from '../engine/device.ts';
import { InputError } from '../failure.ts';
import { readSafetensors, readSafetensorsMetadata, writeSafetensors } from '../nn/safetensors.ts';
import type { Architecture } from '../space/architecture.ts';
import { parseArchitecture } from '../space/parse.ts';
import { buildDetector, type Detector } from './detector.ts';
import { type DetectorSettings, headNames } from './detector-settings.ts';

export interface DetectorDescription {
  architecture: Architecture;
  settings: DetectorSettings;
  /** Names in the order of the detector's classes, and their ids in the dataset. */
  categories: { id: number; name: string }[];
  /** One sentence: "trained by nasnet 0.2.0 on photos". */
  origin: string;
}

const metadataName = 'nasnet-detector';
const format = 1;

const count = z.int().positive();
const pair = z.tuple([count, count]);
const settingsSchema = z.strictObject({
  head: z.enum(headNames),
  network: z.strictObject({
    cells: z.int().nonnegative(),
    filters: count,
    stemChannels: count.exactOptional(),
    skipReductionInput: z.boolean().exactOptional(),
  }),
  input: pair,
  framing: z.enum(['stretch', 'fit']),
  channels: count,
  hidden: z.int().nonnegative(),
  proposals: count,
  anchor: count,
  frozenNorms: z.boolean(),
} satisfies Record<keyof DetectorSettings, z.ZodType>);

const schema = z.strictObject({
  format: z.literal(format),
  architecture: z.unknown(),
  settings: settingsSchema,
  categories: z.array(z.strictObject({ id: z.int(), name: z.string() })).min(1),
  origin: z.string(),
});

/** Writes a detector. @throws Failure if the file cannot be written */
export function writeDetector(path: string, detector: Detector, description: DetectorDescription): void {
  writeSafetensors(path, detector.stateDict(), { [metadataName]: JSON.stringify({ format, ...description }) });
}

/** Reads only the description. @throws InputError if the file is not a detector of nasnet */
export function readDetectorDescription(path: string): DetectorDescription {
  const metadata = readSafetensorsMetadata(path);
  const text = metadata[metadataName];
  if (text === undefined) {
    const got = metadata.nasnet === undefined ? 'a safetensors file of another kind' : 'a network that classifies';
    throw new InputError(`${path}: expected a detector that nasnet trained, got ${got}`);
  }
  const { format: _, ...fields } = checked(schema, parsedJson(text, path, 'description'), path, 'description');
  return { ...fields, architecture: parseArchitecture(fields.architecture, path) };
}

/** Whether the file is a detector of nasnet. @throws InputError if it is no safetensors file */
export const isDetectorFile = (path: string): boolean => readSafetensorsMetadata(path)[metadataName] !== undefined;

/** Reads a detector, in evaluation mode. @throws InputError if the file is not a detector of nasnet, or is damaged */
export function readDetector(
  path: string,
  computing: Partial<Computing> = {},
): { detector: Detector; description: DetectorDescription } {
  const description = readDetectorDescription(path);
  const { architecture, settings, categories } = description;
  const detector = buildDetector(architecture, settings, categories.length, computing);
  try {
    detector.loadStateDict(readSafetensors(path).tensors);
  } catch (error) {
    detector.dispose();
    throw error instanceof InputError && !error.message.startsWith(path)
      ? new InputError(`${path}: ${error.message}`)
      : error;
  }
  detector.train(false);
  return { detector, description };
}
