// `nasnet train --from WEIGHTS`: the network whose training goes on, a model file of ours or published weights, and
// what is taken from it.

import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { InitialWeights } from '../../children/training-job.ts';
import { datasetFraming } from '../../data/framing.ts';
import { InputError } from '../../failure.ts';
import { hashOfFile } from '../../file-hash.ts';
import { importWeights } from '../../import/import-weights.ts';
import { type ModelDescription, readModelDescription, writeModel } from '../../model/model-file.ts';
import { imagenetPreprocessing } from '../../model/preprocessing.ts';
import { readSafetensorsMetadata } from '../../nn/safetensors.ts';
import type { Recipe } from '../../train/recipe.ts';
import { temporaryFolder } from '../../whole-file.ts';
import { percent, whole } from '../../words.ts';
import type { LiveBlock } from '../terminal/live-block.ts';

export interface SourceWeights {
  /** As the user named it. */
  path: string;
  description: ModelDescription;
  /** The model file with its weights. */
  file: string;
  /** SHA-256 of the named file. */
  content: string;
  /** Removes the model file if it was made for this training. */
  remove(): void;
}

/** The kind of the artifact that holds these weights. */
export const sourceKind = 'source';

/**
 * Reads the weights of a network. Published ones are written as a model file to a temporary folder first.
 * @throws InputError if the file holds no network that we know
 */
export async function readSource(path: string, block: LiveBlock): Promise<SourceWeights> {
  if (isOurs(path))
    return { path, description: readModelDescription(path), file: path, content: hashOfFile(path), remove() {} };
  const progress = (share: number) => block.draw([`  read ${percent(share, 0)} of ${path}`]);
  const { network, description } = await importWeights(path, {}, progress).catch((error) => {
    if ((error as InputError).code !== 'no-classifier') throw error;
    return importWeights(path, { classes: 2 }, progress); // its head is replaced
  });
  block.draw([]);
  const folder = temporaryFolder(tmpdir());
  const remove = () => rmSync(folder, { recursive: true, force: true });
  const file = join(folder, 'source.safetensors');
  try {
    writeModel(file, network, description);
  } catch (error) {
    remove();
    throw error;
  } finally {
    network.dispose();
  }
  return { path, description, file, content: hashOfFile(path), remove };
}

function isOurs(path: string): boolean {
  try {
    return readSafetensorsMetadata(path).nasnet !== undefined;
  } catch (error) {
    if (error instanceof InputError) return false; // another format, which the import reads or refuses
    throw error;
  }
}

/** Returns what a training takes from these weights, for images of these classes. */
export function initialWeights(
  { description, file, content }: SourceWeights,
  classes: readonly string[],
): InitialWeights {
  const { mean, deviation } = description.preprocessing;
  return {
    weights: `${sourceKind}/${basename(file)}`,
    content,
    head: description.classes.join('\n') === classes.join('\n'),
    whitening: { mean, deviation },
  };
}

export const sourceFolder = ({ file }: SourceWeights): string => dirname(file);

interface ShownImages {
  recipe: Recipe;
  isStreamed: boolean;
}

/** Whether a training shows random parts of pictures, which it never enlarges. */
const showsParts = ({ recipe, isStreamed }: ShownImages): boolean => isStreamed && recipe.randomParts !== undefined;

/** Returns the recipe with the enlargement that the network is used to, unless it shows random parts of pictures. */
export function asSourceShows(shown: ShownImages, { description }: SourceWeights): Recipe {
  const { enlarge } = description.preprocessing;
  return enlarge === undefined || showsParts(shown) ? shown.recipe : { ...shown.recipe, enlarge, translate: 0 };
}

/** Returns sentences on what is taken from the weights, and on where this training shows images in another way. */
export function sourceSentences(
  { path, description }: SourceWeights,
  { head }: InitialWeights,
  { classes, side, ...how }: ShownImages & { classes: number; side: number },
): string[] {
  const { preprocessing, origin, network } = description;
  const { enlarge: shown = 1, centralFraction, aspect, interpolation } = preprocessing;
  const numbers = (values: readonly number[]) => values.map((value) => value.toFixed(1)).join(', ');
  const inParts = showsParts(how);
  const { enlarge } = how.recipe;
  const framing = inParts ? imagenetPreprocessing : datasetFraming;
  const isFramedAlike =
    centralFraction === framing.centralFraction && aspect === framing.aspect && interpolation === framing.interpolation;
  return [
    `Beginning with the weights of ${path} (${origin}), ${head ? 'its head too' : `with a new head for ${whole(classes)} classes`}`,
    `Images are normalised as for these weights: mean ${numbers(preprocessing.mean)}, deviation ${numbers(preprocessing.deviation)}`,
    ...(shown === enlarge
      ? []
      : [`These weights saw images enlarged by ${shown}, this training shows them enlarged by ${enlarge}`]),
    ...(network.input[0] === side
      ? []
      : [`These weights saw images of ${network.input[0]} pixels, this training shows ${side}`]),
    ...(isFramedAlike
      ? []
      : [
          `These weights saw ${centralFraction === 1 ? 'whole images' : `the central ${centralFraction} of images`}, ${aspect === 'stretch' ? 'stretched' : 'with their proportions'}; this training shows ${inParts ? `the central ${framing.centralFraction}, stretched` : 'their central square'}`,
        ]),
  ];
}
