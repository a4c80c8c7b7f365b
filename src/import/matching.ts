// Which network a file's tensors are, by name and shape: every tensor of ours has one of theirs, or a sentence says what is
// missing, left over or of another shape. Only names and shapes are looked at; no element is read.

import { InputError } from '../failure.ts';
import { namedModels } from '../plan/named-models.ts';
import { type Plan, planNetwork } from '../plan/plan.ts';
import { nasnetA } from '../space/published.ts';
import { type Correspondence, correspondences, type Naming } from './naming.ts';
import { kerasNaming, torchNaming } from './namings.ts';
import { type SourceName, sources } from './sources.ts';
import type { WeightFile } from './weight-file.ts';

/** The networks whose weights were published. */
export type ReleasedModel = 'mobile' | 'large';

export interface Match {
  readonly source: SourceName;
  readonly model: ReleasedModel;
  /** Of the network to be, with its class count. */
  readonly plan: Plan;
  /** What is to be read: every tensor of the plan, but the classifier's where a new one starts. */
  readonly pairs: readonly Correspondence[];
  /** Whether the file's classifier is taken. */
  readonly classifier: boolean;
  /** Tensors of the file that are known and not taken: counters, an auxiliary head, what stood on top of a new classifier's input. */
  readonly notTaken: readonly string[];
}

export interface MatchOptions {
  /** Absent: recognised. */
  from?: SourceName | undefined;
  /** Absent: as many as the file's classifier has. Another number starts a new classifier. */
  classes?: number | undefined;
}

const isHead = ({ ours }: Correspondence) => ours.startsWith('head.');

/** @throws InputError unless the tensors are those of a released network */
export function matchWeights(path: string, file: WeightFile, { from, classes }: MatchOptions = {}): Match {
  const { model, naming, body } = nearest(path, file, from);
  const inFile = fileClasses(file, correspondencesOf(model, naming, 1));
  const source = from ?? sourceOf(naming, model, inFile);
  const title = `${model} (${sources[source].title})`;
  const count = classes ?? inFile;
  if (count === undefined) {
    refuseDifferences(path, file, title, body, []);
    throw new InputError(
      `${path}: expected a classifier, got weights without one (no top); a number N of classes starts a new one of N classes`,
      { code: 'no-classifier' },
    );
  }
  const all = correspondencesOf(model, naming, count);
  const classifier = count === inFile;
  const pairs = classifier ? all : all.filter((pair) => !isHead(pair));

  const taken = new Set(pairs.map(({ theirs }) => theirs));
  const others = [...file.tensors.keys()].filter((name) => !taken.has(name));
  const leftOver = classifier ? others.filter((name) => !naming.superfluous.test(name)) : [];
  refuseDifferences(path, file, title, pairs, leftOver);
  return { source, model, plan: planOf(model, count), pairs, classifier, notTaken: others };
}

const planOf = (model: ReleasedModel, classes: number) => planNetwork(nasnetA, { ...namedModels[model], classes });

function correspondencesOf(model: ReleasedModel, naming: Naming, classes: number): Correspondence[] {
  return correspondences(planOf(model, classes), namedModels[model].cells, naming);
}

/** The naming and the network of which the file holds most, by name and shape; of equals the one that lacks least. */
function nearest(path: string, file: WeightFile, from: SourceName | undefined) {
  const namings = from ? [sources[from].naming] : [kerasNaming, torchNaming];
  const candidates = namings.flatMap((naming) =>
    (['mobile', 'large'] as const).map((model) => {
      const body = correspondencesOf(model, naming, 1).filter((pair) => !isHead(pair));
      const named = body.filter(({ theirs }) => file.tensors.has(theirs));
      const shaped = named.filter((pair) => sameShape(file, pair));
      return { naming, model, body, named: named.length, shaped: shaped.length, lacking: body.length - shaped.length };
    }),
  );
  const [best] = candidates.sort((a, b) => b.shaped - a.shaped || b.named - a.named || a.lacking - b.lacking);
  if (best!.named > 0) return best!;
  const titles = (from ? [sources[from]] : Object.values(sources)).map(({ title }) => title).join(', ');
  throw new InputError(
    `${path}: expected NASNet-A's weights under the names of ${titles}, got ${file.tensors.size} tensors of other names ` +
      `(${firstFew([...file.tensors.keys()])}): another model's weights`,
  );
}

/** The number of classes of the file's own classifier; undefined without one. */
function fileClasses(file: WeightFile, pairs: readonly Correspondence[]): number | undefined {
  const matrix = pairs.find((pair) => isHead(pair) && pair.axes.length === 2)!;
  return file.tensors.get(matrix.theirs)?.shape[matrix.axes[0]!];
}

/**
 * timm and Cadene give the same names. timm has only the large model, with 1,000 classes; Cadene's file of it has 1,001, and
 * becomes one of 1,000 only when its own code saves it again.
 */
function sourceOf(naming: Naming, model: ReleasedModel, classes: number | undefined): SourceName {
  if (naming === kerasNaming) return 'keras';
  return model === 'mobile' || classes === 1001 ? 'cadene' : 'timm';
}

function sameShape(file: WeightFile, { theirs, storedShape }: Correspondence): boolean {
  return file.tensors.get(theirs)?.shape.join() === storedShape.join();
}

function refuseDifferences(
  path: string,
  file: WeightFile,
  model: string,
  pairs: readonly Correspondence[],
  leftOver: readonly string[],
): void {
  const missing = pairs.filter(({ theirs }) => !file.tensors.has(theirs)).map(({ theirs }) => theirs);
  const misshapen = pairs.filter((pair) => file.tensors.has(pair.theirs) && !sameShape(file, pair));
  const shape = ({ theirs, storedShape }: Correspondence) =>
    `${theirs} is [${file.tensors.get(theirs)!.shape}] in place of [${storedShape}]`;
  const found = [
    missing.length > 0 && `${missing.length} missing (${firstFew(missing)})`,
    misshapen.length > 0 && `${misshapen.length} of another shape (${firstFew(misshapen.map(shape))})`,
    leftOver.length > 0 && `${leftOver.length} left over (${firstFew(leftOver)})`,
  ].filter((part) => part !== false);
  if (found.length === 0) return;
  throw new InputError(`${path}: expected the ${pairs.length} tensors of NASNet-A ${model}, got ${found.join(', ')}`);
}

const longestName = 160; // characters

function firstFew(names: readonly string[]): string {
  const few = names
    .slice(0, 3)
    .map((name) => (name.length > longestName ? `${name.slice(0, longestName)}…` : name))
    .join(', ');
  return names.length > 3 ? `${few} …` : few;
}
