// Determines which network a file's tensors belong to, by name and shape: every tensor of our network must have one in
// the file, otherwise the error says which are missing, left over or of another shape. No element is read.

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
  /** The plan of the network, with its number of classes. */
  readonly plan: Plan;
  /** The tensors to read: all of the plan, or all except the classifier's if that is new. */
  readonly pairs: readonly Correspondence[];
  /** Whether the file's classifier is used. */
  readonly classifier: boolean;
  /**
   * Known tensors of the file that are not used: counters, an auxiliary head, the layers that a new classifier
   * replaces.
   */
  readonly unused: readonly string[];
}

export interface MatchOptions {
  /** Default: recognised by the names. */
  from?: SourceName | undefined;
  /** Default: the number of the file's classifier. Another number starts a new classifier. */
  classes?: number | undefined;
}

const isHead = ({ ours }: Correspondence) => ours.startsWith('head.');

/** Matches a file's tensors to a network. @throws InputError unless they are those of a released network */
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

  const used = new Set(pairs.map(({ theirs }) => theirs));
  const others = [...file.tensors.keys()].filter((name) => !used.has(name));
  const leftOver = classifier ? others.filter((name) => !naming.superfluous.test(name)) : [];
  refuseDifferences(path, file, title, pairs, leftOver);
  return { source, model, plan: planOf(model, count), pairs, classifier, unused: others };
}

const planOf = (model: ReleasedModel, classes: number) => planNetwork(nasnetA, { ...namedModels[model], classes });

function correspondencesOf(model: ReleasedModel, naming: Naming, classes: number): Correspondence[] {
  return correspondences(planOf(model, classes), namedModels[model].cells, naming);
}

/**
 * Returns the naming and the network of which the file has most tensors by name and shape; of equals the one with
 * fewest missing.
 */
function nearest(path: string, file: WeightFile, from: SourceName | undefined) {
  const namings = from ? [sources[from].naming] : [kerasNaming, torchNaming];
  const candidates = namings.flatMap((naming) =>
    (['mobile', 'large'] as const).map((model) => {
      const body = correspondencesOf(model, naming, 1).filter((pair) => !isHead(pair));
      const nameMatches = body.filter(({ theirs }) => file.tensors.has(theirs));
      const shapeMatches = nameMatches.filter((pair) => sameShape(file, pair));
      return {
        naming,
        model,
        body,
        nameMatches: nameMatches.length,
        shapeMatches: shapeMatches.length,
        missing: body.length - shapeMatches.length,
      };
    }),
  );
  const [best] = candidates.sort(
    (a, b) => b.shapeMatches - a.shapeMatches || b.nameMatches - a.nameMatches || a.missing - b.missing,
  );
  if (best!.nameMatches > 0) return best!;
  const titles = (from ? [sources[from]] : Object.values(sources)).map(({ title }) => title).join(', ');
  throw new InputError(
    `${path}: expected NASNet-A's weights under the names of ${titles}, got ${file.tensors.size} tensors of other names ` +
      `(${firstFew([...file.tensors.keys()])}): another model's weights`,
  );
}

/** Returns the number of classes of the file's classifier; undefined without one. */
function fileClasses(file: WeightFile, pairs: readonly Correspondence[]): number | undefined {
  const matrix = pairs.find((pair) => isHead(pair) && pair.axes.length === 2)!;
  return file.tensors.get(matrix.theirs)?.shape[matrix.axes[0]!];
}

/**
 * Returns the source. timm and Cadene use the same names. timm has only the large model, with 1,000 classes; Cadene's
 * file has 1,001, or 1,000 only after Cadene's code has saved it again.
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
    `${theirs} is [${file.tensors.get(theirs)!.shape}] instead of [${storedShape}]`;
  const differences = [
    missing.length > 0 && `${missing.length} missing (${firstFew(missing)})`,
    misshapen.length > 0 && `${misshapen.length} of another shape (${firstFew(misshapen.map(shape))})`,
    leftOver.length > 0 && `${leftOver.length} left over (${firstFew(leftOver)})`,
  ].filter((part) => part !== false);
  if (differences.length === 0) return;
  throw new InputError(
    `${path}: expected the ${pairs.length} tensors of NASNet-A ${model}, got ${differences.join(', ')}`,
  );
}

const longestName = 160; // characters

function firstFew(names: readonly string[]): string {
  const few = names
    .slice(0, 3)
    .map((name) => (name.length > longestName ? `${name.slice(0, longestName)}…` : name))
    .join(', ');
  return names.length > 3 ? `${few} …` : few;
}
