// The flags that name a dataset with boxes, and its parts.

import type { Command } from 'commander';
import type { DetectionDataset } from '../../detection-data/detection-dataset.ts';
import { type DetectionFormat, detectionFormats } from '../../detection-data/detection-format.ts';
import type { Faults } from '../../detection-data/faults.ts';
import { type DetectionPart, readDetectionData } from '../../detection-data/read-detection-data.ts';
import { InputError } from '../../failure.ts';
import { whole } from '../../words.ts';
import type { LiveBlock } from '../terminal/live-block.ts';
import { logFaults, partWords } from './fault-words.ts';

export interface DetectionDataFlags {
  pictures?: string;
  format?: DetectionFormat;
  mend?: boolean;
}

export function addDetectionDataFlags(command: Command): Command {
  return command
    .option('--pictures <dir>', 'the folder of the pictures, where it cannot be found from the annotations')
    .option('--format <name>', `${detectionFormats.join(', ')} (default: what the files look like)`, formatOf)
    .option('--mend', 'accept conflicts that are refused else, as nasnet convert reports them');
}

function formatOf(text: string): DetectionFormat {
  if (detectionFormats.includes(text as DetectionFormat)) return text as DetectionFormat;
  throw new InputError(`--format: expected ${detectionFormats.join(', ')}, got ${JSON.stringify(text)}`);
}

/** A dataset without pictures that are absent, and what was wrong with it. */
export interface ReadDataset {
  parts: DetectionPart[];
  faults: Faults;
}

/** Reads all parts of a dataset and says what was found and mended. */
export async function readDataset(path: string, flags: DetectionDataFlags, block: LiveBlock): Promise<ReadDataset> {
  const { format, pictures, mend = false } = flags;
  const { parts, faults } = await readDetectionData(path, {
    format,
    pictures,
    mend,
    onProgress: (done, total) => block.draw([`  Reading ${path}: ${whole(done)} of ${whole(total)} pictures`]),
    onFaults: (found) => logFaults(block, found, mend),
  });
  for (const part of parts) block.log(`${path}: ${partWords(part)}`);
  return { parts: parts.map(({ name, dataset }) => ({ name, dataset: withoutAbsent(dataset) })), faults };
}

const withoutAbsent = ({ categories, pictures }: DetectionDataset): DetectionDataset => ({
  categories,
  pictures: pictures.filter(({ absent }) => !absent),
});

/** The parts of a dataset by their purpose. */
export interface SplitParts {
  training: DetectionDataset;
  /** Absent if no part is for tests. */
  test?: DetectionDataset;
}

/** Returns the part for training, the only one or train, and the one for tests: val, else test. */
export function splitParts(path: string, parts: readonly DetectionPart[]): SplitParts {
  const named = (pattern: RegExp) => parts.find(({ name }) => pattern.test(name))?.dataset;
  const training = parts.length === 1 ? parts[0]!.dataset : named(/^train/i);
  if (!training || training.pictures.length === 0) {
    const got = parts.map(({ name }) => name).join(', ');
    throw new InputError(`${path}: expected a part for training with pictures, got ${got || 'no parts'}`);
  }
  const test = parts.length === 1 ? undefined : (named(/^val/i) ?? named(/^test/i));
  return { training, ...(test && { test }) };
}

/** Returns the part to evaluate: the only one, val, or test. */
export function evaluatedPart<Dataset = DetectionDataset>(
  path: string,
  parts: readonly { name: string; dataset: Dataset }[],
  wanted?: string,
): Dataset {
  const named = (test: (name: string) => boolean) => parts.find(({ name }) => test(name))?.dataset;
  const chosen =
    wanted !== undefined
      ? named((name) => name === wanted)
      : parts.length === 1
        ? parts[0]!.dataset
        : (named((name) => /^val/i.test(name)) ?? named((name) => /^test/i.test(name)));
  if (chosen) return chosen;
  const got = parts.map(({ name }) => name).join(', ');
  throw new InputError(`${path}: expected a part ${wanted ?? 'val or test'}, got ${got}`, { code: 'no-part' });
}
