// The pictures of `nasnet evaluate` that are streamed: of an archive or shards, and the test pictures of a folder that
// the network was trained on by streaming it.

import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { decodersOf } from '../children/streamed-images.ts';
import { ClassNames, fewNames } from '../data/class-names.ts';
import { datasetFraming } from '../data/framing.ts';
import { cpu } from '../engine/device.ts';
import { InputError } from '../failure.ts';
import { type ModelDescription, planOf } from '../model/model-file.ts';
import { evaluationPictures } from '../streams/evaluation-stream.ts';
import type { ImageSource } from '../streams/open-source.ts';
import { openEvaluationSource, openTrainingSource, trainingName } from '../streams/training-source.ts';
import type { EvaluatedImages } from '../train/image-source.ts';
import { whole } from '../words.ts';
import type { LiveBlock } from './terminal/live-block.ts';

export interface StreamedEvaluation {
  devkit?: string | undefined;
  batchSize: number;
  threads: number;
}

/** Whether a network was trained on streamed pictures of a folder: its pictures are framed as no prepared ones are. */
export const wasStreamed = ({ preprocessing: { centralFraction, aspect } }: ModelDescription): boolean =>
  centralFraction !== datasetFraming.centralFraction || aspect !== datasetFraming.aspect;

/** Whether a network was trained on a source of this name. */
export const wasTrainedOn = ({ origin }: ModelDescription, name: string): boolean =>
  origin.startsWith('trained by nasnet ') && origin.endsWith(` on ${name}`);

/**
 * Opens pictures to evaluate a network on: of a source that it was trained on those held out for the test, else those
 * of the part `validation`, or all.
 * @throws InputError if the network does not have the source's classes
 */
export async function streamedPictures(
  model: string,
  path: string,
  description: ModelDescription,
  options: StreamedEvaluation,
  block: LiveBlock,
): Promise<Omit<EvaluatedImages, 'name'>> {
  const { classes, network, preprocessing } = description;
  const [size, width] = network.input;
  if (size !== width)
    throw new InputError(`${model}: expected a square input for streamed pictures, got ${size} × ${width}`);
  const { source, places } = await openPictures(path, description, options, block);
  const classOf = placesOf(source.classes, new ClassNames(classes), path);
  const shown = {
    size,
    preprocessing,
    batchSize: options.batchSize,
    threads: decodersOf(options.threads, cpu, planOf(description).multiplyAdds / 3), // without a backward pass
    classOf,
  };
  return {
    count: places.length,
    choose(wanted) {
      const chosen = wanted.toSorted().map((place) => places[place]!); // in the source's order, which reads fastest
      return {
        count: chosen.length,
        identity: JSON.stringify([source.identity, createHash('sha256').update(chosen).digest('hex')]),
        nameOf: (place) => source.nameOf(chosen[place]!),
        batches: (from) => evaluationPictures(source, { ...shown, places: chosen }, from),
      };
    },
  };
}

async function openPictures(
  path: string,
  description: ModelDescription,
  { devkit }: StreamedEvaluation,
  block: LiveBlock,
): Promise<{ source: ImageSource; places: Int32Array }> {
  const onListed = (count: number) => block.draw([`  listing ${path}: ${whole(count)} pictures`]);
  const training = wasTrainedOn(description, trainingName(path))
    ? await openTrainingSource(path, { devkit, onListed }).catch((error) => {
        if (error instanceof InputError) return undefined; // it may have a part to evaluate on only
        throw error;
      })
    : undefined;
  if (training) {
    block.draw([]);
    const what = statSync(path).isDirectory() ? 'folder' : 'file';
    block.log(`${path}: the network was trained on this ${what}, so its test images are used`);
    return training.test;
  }
  const source = await openEvaluationSource(path, { devkit, onListed });
  block.draw([]);
  for (const remark of source.remarks) block.log(remark);
  return { source, places: Int32Array.from({ length: source.count }, (_, place) => place) };
}

/** Returns the network's class of each class of a source: by name, by wnid, or by number where all are numbers. */
function placesOf(found: readonly string[], names: ClassNames, path: string): number[] {
  const numbered = found.every((name) => /^\d+$/.test(name) && names.place(name) === undefined);
  const places = found.map((name) => (numbered ? names.numbered(Number(name), 'sorted') : names.place(name)));
  const strangers = found.filter((_, place) => places[place] === undefined);
  if (strangers.length === 0) return places as number[];
  throw new InputError(
    `${path}: expected the network's classes (${fewNames(names.classes)}), got also ${fewNames(strangers)}`,
  );
}
