// MODEL strings of the command line: `nasnet-a:6@768`, `FILE.json:4@1056`, `STUDY.db#TRIAL:2@768`, `nasnet-a:mobile`;
// `STUDY.db`, `STUDY.db#best` and `best-of STUDY.db` name a study's best trial;
// the part before the colon alone names an architecture. The caller passes in functions that read files and studies.

import { bestOf } from '../best-of.ts';
import { InputError } from '../failure.ts';
import { within } from '../largest.ts';
import { type Architecture, outputWidth } from '../space/architecture.ts';
import { namedCells } from '../space/named-cells.ts';
import { parseArchitectureText } from '../space/parse.ts';
import { type Layout, layouts } from './layouts.ts';
import { type NamedModel, namedModels } from './named-models.ts';
import type { PlanOptions } from './plan.ts';

export type ArchitectureSource =
  | { readonly kind: 'named'; readonly name: string }
  | { readonly kind: 'file'; readonly path: string }
  | TrialSource;

/** A trial of a study; undefined is the best one. */
export interface TrialSource {
  readonly kind: 'trial';
  readonly path: string;
  readonly trial: number | undefined;
}

export interface ModelName {
  readonly source: ArchitectureSource;
  /** N */
  readonly cells: number;
  /** P, the channels of the last cell's output; undefined if `--filters` gives F, and in a named model. */
  readonly penultimate: number | undefined;
  /** Instead of N @ P: the released network whose N, F, stem and other options to use. */
  readonly named?: NamedModel;
}

/**
 * Parses the SOURCE of a MODEL string. @throws InputError unless the text names a cell, a .json file or a
 * study
 */
export function parseArchitectureSource(text: string): ArchitectureSource {
  if (Object.hasOwn(namedCells, text)) return { kind: 'named', name: text };
  const best = new RegExp(`^${bestOf}\\s+(.+?)(?:#best)?$`).exec(text) ?? /^(.+)#best$/.exec(text);
  if (best) return { kind: 'trial', path: best[1]!, trial: undefined };
  const trial = /^(.+)#(\d+)$/.exec(text);
  if (trial) return { kind: 'trial', path: trial[1]!, trial: Number(trial[2]) };
  if (/.\.json$/i.test(text)) return { kind: 'file', path: text };
  if (/.\.(db|sqlite)$/i.test(text)) return { kind: 'trial', path: text, trial: undefined };
  const names = Object.keys(namedCells).join(', ');
  throw new InputError(
    `architecture: expected a named one (${names}), FILE.json, STUDY.db#TRIAL, STUDY.db#best or ${bestOf} STUDY.db, got ${JSON.stringify(text)}`,
  );
}

/** Returns the trial that a text names without a size; undefined if it names something else, or a size too. */
export function parseTrial(text: string): TrialSource | undefined {
  const source = parseBare(text);
  return source?.kind === 'trial' ? source : undefined;
}

/** Returns what a text names without a size; undefined if it names nothing, or a size too. */
export function parseBare(text: string): ArchitectureSource | undefined {
  try {
    return parseArchitectureSource(text);
  } catch (error) {
    if (error instanceof InputError) return undefined;
    throw error;
  }
}

/**
 * Parses a MODEL string. @throws InputError unless it is SOURCE:N@P, SOURCE:N or SOURCE:NAME, where NAME is cifar,
 * mobile or large
 */
export function parseModelName(text: string): ModelName {
  const [, source, size] = /^(.+):([^:]+)$/.exec(text) ?? [];
  if (size !== undefined && Object.hasOwn(namedModels, size)) {
    const named = size as NamedModel;
    return { source: parseArchitectureSource(source!), cells: namedModels[named].cells, penultimate: undefined, named };
  }
  const numbers = /^(\d+)(?:@(\d+))?$/.exec(size ?? '');
  if (!numbers) {
    throw new InputError(
      `model: expected SOURCE:N@P such as nasnet-a:6@768, or SOURCE:${Object.keys(namedModels).join('|')}, ` +
        `got ${JSON.stringify(text)}`,
    );
  }
  const penultimate = numbers[2] === undefined ? undefined : Number(numbers[2]);
  const cells = within('cells', Number(numbers[1]), 'model: N');
  return { source: parseArchitectureSource(source!), cells, penultimate };
}

export interface SourceReaders {
  /** Returns the text of an architecture file. */
  readText(path: string): string | Promise<string>;
  /** Returns the architecture of a study's trial, of its best trial if `trial` is undefined. */
  readTrial(path: string, trial: number | undefined): Architecture | Promise<Architecture>;
}

/**
 * Returns the architecture that a source names. @throws InputError if a file is not an architecture; also throws what
 * the readers throw
 */
export async function resolveArchitecture(source: ArchitectureSource, readers: SourceReaders): Promise<Architecture> {
  if (source.kind === 'named') return namedCells[source.name]!;
  if (source.kind === 'trial') return readers.readTrial(source.path, source.trial);
  return parseArchitectureText(await readers.readText(source.path), source.path);
}

/** The values of P in the paper's CIFAR-10 table: A 6@768 and 7@2304, B 4@1152, C 4@640. */
const cifarPenultimates = [768, 2304, 1152, 640];
/** The widest of the paper's mobile models, B 4@1536; the next is A 5@1538. */
const widestMobile = 1536;

/** The flags that may accompany a MODEL string. */
export interface ModelFlags {
  readonly layout?: string;
  readonly input?: number | readonly [number, number];
  readonly classes?: number;
  readonly filters?: number;
  readonly stemChannels?: number;
  readonly skipReductionInput?: boolean;
}

/**
 * Returns the plan options for a MODEL string and its flags: those of the released network of that name, or of one with
 * the layout; each flag replaces one option. The default layout is CIFAR's for a study's trial and for the P of the
 * paper's CIFAR table, otherwise ImageNet's: the mobile model's options up to P = 1536, the large model's above.
 * @throws InputError if neither or both of P and `--filters` are present, P is not a multiple, or the layout is unknown
 */
export function modelOptions(model: ModelName, architecture: Architecture, flags: ModelFlags): PlanOptions {
  const { cells } = model;
  const filters = filtersOf(model, architecture, flags);
  const penultimate = filters * filterMultiple(architecture, cells);
  const named = model.named && namedModels[model.named];
  const layout = layoutOf(flags.layout) ?? named?.layout ?? defaultLayout(model.source, penultimate);
  const networkOfLayout = layout === 'cifar' ? 'cifar' : penultimate <= widestMobile ? 'mobile' : 'large';
  const base: PlanOptions = named?.layout === layout ? named : namedModels[networkOfLayout];
  const { input, classes, stemChannels, skipReductionInput } = flags;
  return {
    ...base,
    cells,
    filters,
    ...(input !== undefined && { input }),
    ...(classes !== undefined && { classes }),
    ...(stemChannels !== undefined && { stemChannels }),
    ...(skipReductionInput !== undefined && { skipReductionInput }),
  };
}

function filtersOf({ cells, penultimate, named }: ModelName, architecture: Architecture, flags: ModelFlags): number {
  if (named) return flags.filters ?? namedModels[named].filters;
  if ((penultimate === undefined) === (flags.filters === undefined)) {
    const got = penultimate === undefined ? 'neither' : 'both';
    throw new InputError(`model: expected either @P after N or F, the filters, got ${got}`, { code: 'model-size' });
  }
  return flags.filters ?? filtersFor(architecture, cells, penultimate!);
}

function layoutOf(flag: string | undefined): Layout | undefined {
  if (flag === undefined || Object.hasOwn(layouts, flag)) return flag as Layout | undefined;
  throw new InputError(`layout: expected ${Object.keys(layouts).join(' or ')}, got ${JSON.stringify(flag)}`);
}

const defaultLayout = ({ kind }: ArchitectureSource, penultimate: number): Layout =>
  kind === 'trial' || cifarPenultimates.includes(penultimate) ? 'cifar' : 'imagenet';

/** Returns P / F: 4 times the last cell's output width, because it has 4F filters (24 for NASNet-A, 16 at N = 0). */
export function filterMultiple(architecture: Architecture, cells: number): number {
  return 4 * outputWidth(cells > 0 ? architecture.normal : architecture.reduction);
}

/**
 * Returns F for "N @ P", where P is the number of channels of the last cell's output.
 * @throws InputError with the nearest possible values if P is not a multiple of `filterMultiple`
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
