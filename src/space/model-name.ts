// MODEL strings of the command line: `nasnet-a:6@768`, `FILE.json:4@1056`, `STUDY.db#TRIAL:2@768`; without `:N@P` they
// name an architecture. Reading files and studies is the caller's: its readers are passed in.

import { InputError } from '../failure.ts';
import { type Architecture, outputWidth } from './architecture.ts';
import { parseArchitectureText } from './parse.ts';
import type { PlanOptions } from './plan.ts';
import { published } from './published.ts';

export type ArchitectureSource =
  | { readonly kind: 'published'; readonly name: string }
  | { readonly kind: 'file'; readonly path: string }
  /** A trial of a study; its best one where no number is given. */
  | { readonly kind: 'trial'; readonly path: string; readonly trial: number | undefined };

export interface ModelName {
  readonly source: ArchitectureSource;
  /** N */
  readonly cells: number;
  /** P, the channels of the last cell's output; absent where `--filters` is to say F. */
  readonly penultimate: number | undefined;
}

/** @throws InputError unless the text names a published cell, a .json file or a study */
export function parseArchitectureSource(text: string): ArchitectureSource {
  if (Object.hasOwn(published, text)) return { kind: 'published', name: text };
  const trial = /^(.+)#(\d+)$/.exec(text);
  if (trial) return { kind: 'trial', path: trial[1]!, trial: Number(trial[2]) };
  if (/.\.json$/i.test(text)) return { kind: 'file', path: text };
  if (/.\.(db|sqlite)$/i.test(text)) return { kind: 'trial', path: text, trial: undefined };
  const names = Object.keys(published).join(', ');
  throw new InputError(
    `architecture: expected a published one (${names}), FILE.json, STUDY.db or STUDY.db#TRIAL, got ${JSON.stringify(text)}`,
  );
}

/** @throws InputError unless the text is SOURCE:N@P or SOURCE:N */
export function parseModelName(text: string): ModelName {
  const parts = /^(.+):(\d+)(?:@(\d+))?$/.exec(text);
  if (!parts) {
    throw new InputError(`model: expected SOURCE:N@P such as nasnet-a:6@768, got ${JSON.stringify(text)}`);
  }
  const penultimate = parts[3] === undefined ? undefined : Number(parts[3]);
  return { source: parseArchitectureSource(parts[1]!), cells: Number(parts[2]), penultimate };
}

export interface SourceReaders {
  /** The text of an architecture file. */
  readText(path: string): string | Promise<string>;
  /** The architecture of a study's trial, of its best trial when `trial` is undefined. */
  readTrial(path: string, trial: number | undefined): Architecture | Promise<Architecture>;
}

/** @throws InputError for a file that is no architecture; what the readers throw passes through */
export async function resolveArchitecture(source: ArchitectureSource, readers: SourceReaders): Promise<Architecture> {
  if (source.kind === 'published') return published[source.name]!;
  if (source.kind === 'trial') return readers.readTrial(source.path, source.trial);
  return parseArchitectureText(await readers.readText(source.path), source.path);
}

/** P of the paper's CIFAR-10 table: A 6@768 and 7@2304, B 4@1152, C 4@640. */
const cifarPenultimates = [768, 2304, 1152, 640];

export interface ModelFlags {
  readonly layout?: string;
  readonly input?: number | readonly [number, number];
  readonly classes?: number;
  readonly filters?: number;
}

/**
 * The plan's options that a MODEL string and the flags beside it stand for. Without `--layout` it is CIFAR's for the P of
 * the paper's CIFAR table and ImageNet's for any other.
 * @throws InputError when neither or both of P and `--filters` are given, P does not divide, the layout is unknown
 */
export function modelOptions(model: ModelName, architecture: Architecture, flags: ModelFlags): PlanOptions {
  const { cells, penultimate } = model;
  if ((penultimate === undefined) === (flags.filters === undefined)) {
    const got = penultimate === undefined ? 'neither' : 'both';
    throw new InputError(`model: expected either @P after N or --filters F, got ${got}`);
  }
  const filters = flags.filters ?? filtersFor(architecture, cells, penultimate!);
  const width = penultimate ?? filters * filterMultiple(architecture, cells);
  const layout = flags.layout ?? (cifarPenultimates.includes(width) ? 'cifar' : 'imagenet');
  if (layout === 'imagenet') {
    const reason = flags.layout ? '' : ` (taken because ${width} is no P of the paper's CIFAR table)`;
    throw new InputError(`layout: expected cifar, got imagenet${reason}, which is not built yet; add --layout cifar`);
  }
  if (layout !== 'cifar') throw new InputError(`layout: expected cifar or imagenet, got ${JSON.stringify(layout)}`);
  return { layout, cells, filters, input: flags.input ?? 32, classes: flags.classes ?? 10 };
}

/** P / F: the last cell has 4F filters and its output that many times its width (24 for NASNet-A, 16 for it at N = 0). */
function filterMultiple(architecture: Architecture, cells: number): number {
  return 4 * outputWidth(cells > 0 ? architecture.normal : architecture.reduction);
}

/**
 * F for "N @ P", P being the channels of the last cell's output.
 * @throws InputError with the nearest P when this one is no multiple
 */
export function filtersFor(architecture: Architecture, cells: number, penultimate: number): number {
  const multiple = filterMultiple(architecture, cells);
  const filters = Math.floor(penultimate / multiple);
  if (filters >= 1 && filters * multiple === penultimate) return filters;
  const nearest = [filters, filters + 1].filter((value) => value >= 1).map((value) => value * multiple);
  throw new InputError(
    `model: expected P to be a multiple of ${multiple} for this cell, got ${penultimate}; nearest: ${nearest.join(' and ')}`,
  );
}
