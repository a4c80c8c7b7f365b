// `nasnet classify MODEL IMAGE…`: classifies images with a network.

import { existsSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import type { Command } from 'commander';
import { ClassNames } from '../data/class-names.ts';
import { imageFilesBelow, OmittedFiles } from '../data/image-files.ts';
import { otherDecoderSentence } from '../data/picture-decoder.ts';
import { imageBatch } from '../data/prepare-image.ts';
import { readAhead } from '../data/read-ahead.ts';
import { setThreads } from '../engine/machine.ts';
import { Failure, InputError } from '../failure.ts';
import { type Answer, likeliestClasses } from '../model/classification.ts';
import { readModel, readModelDescription } from '../model/model-file.ts';
import { batchWithinMemory } from '../plan/evaluation-batch.ts';
import { visible } from '../visible.ts';
import { percent, whole } from '../words.ts';
import { modelFileOf } from './flags/model-file-of.ts';
import { wholeNumber } from './flags/parsers.ts';
import { printDocument, printWords } from './terminal/answer.ts';
import { LiveBlock } from './terminal/live-block.ts';

interface Flags {
  top: number;
  batch?: number;
  threads: number;
  json?: boolean;
}

interface Classified {
  file: string;
  classes: { name: string; wnid?: string; probability: number }[];
}

export function registerClassify(program: Command): void {
  program
    .command('classify')
    .description('the most probable classes of images, by a trained or imported network')
    .argument('<model>', 'weights that search, train or import wrote, such as runs/laptop/network.safetensors')
    .argument('<images...>', 'image files, and folders: every image below them, at any depth')
    .option('--top <n>', 'classes an image', wholeNumber('--top'), 5)
    .option('--batch <n>', 'batch size (default: as 2 GB of memory allow, at most 64)', wholeNumber('--batch', 'batch'))
    .option('--threads <n>', 'default: all cores', wholeNumber('--threads', 'threads'), availableParallelism())
    .option('--json', 'one JSON document')
    .addHelpText(
      'after',
      `
Images are prepared as the model file says. One that cannot be read is named on stderr and stops nothing.

Examples:
  nasnet classify runs/laptop/network.safetensors photo.jpg
  nasnet classify nasnet-mobile.safetensors holidays/ --top 1`,
    )
    .action(classify);
}

async function classify(text: string, paths: string[], { top, batch, threads, json }: Flags): Promise<void> {
  const model = await modelFileOf(text);
  readModelDescription(model); // so that its errors come before those of images
  const omitted = new OmittedFiles();
  const files = paths.flatMap((path) => imagesOf(path, omitted));
  setThreads(threads);
  const { network, description, checksum } = readModel(model);
  const { preprocessing, network: sizes, classes } = description;
  const names = new ClassNames(classes);
  const block = new LiveBlock(process.stderr);
  if (omitted.counts.size > 0) block.log(`Omitted ${omitted.words()}`);
  const other = otherDecoderSentence(preprocessing.decoder);
  if (other) block.log(other);
  const classified: Classified[] = [];
  const unreadable: string[] = [];
  const batchSize = batch ?? batchWithinMemory(network.plan);
  for await (const { files: read, pixels, unreadable: failed } of readAhead(
    files,
    preprocessing,
    sizes.input,
    batchSize,
  )) {
    for (const sentence of failed) block.log(sentence);
    unreadable.push(...failed);
    if (read.length === 0) continue;
    const images = imageBatch(pixels, sizes.input, preprocessing);
    const answers = likeliestClasses(network, images, Math.min(top, classes.length));
    images.dispose();
    const results = read.map(({ path }, index) => ({
      file: path,
      classes: answers[index]!.map((answer) => named(answer, names)),
    }));
    classified.push(...results);
    block.draw([]);
    if (!json) printWords(results.map(words).join(''));
    if (files.length > batchSize)
      block.draw([`  ${whole(classified.length + unreadable.length)} of ${whole(files.length)} images`]);
  }
  block.draw([]);
  if (classified.length === 0)
    throw new Failure(
      unreadable.length === 1 ? unreadable[0]! : `none of the ${unreadable.length} images could be read`,
    );
  if (unreadable.length > 0) block.log(`${unreadable.length} of ${files.length} images could not be read`);
  if (json) printDocument({ model, checksum, images: classified, unreadable });
}

/** Lists the images of a path. @throws InputError for a missing path or a folder without images */
function imagesOf(path: string, omitted: OmittedFiles): { path: string }[] {
  if (!existsSync(path)) throw new InputError(`${path}: expected an image or a folder of images, got no such file`);
  if (!statSync(path).isDirectory()) return [{ path }];
  const files = imageFilesBelow(path, omitted);
  const left = omitted.counts.size > 0 ? ` (omitted: ${omitted.words()})` : '';
  if (files.length === 0) throw new InputError(`${path}: expected images in this folder, found none${left}`);
  return files;
}

function named({ place, probability }: Answer, names: ClassNames): Classified['classes'][number] {
  const wnid = names.wnid(place);
  return { name: names.title(place), ...(wnid && { wnid }), probability };
}

/** Formats a file with its most probable class, and the others below. */
function words({ file, classes: [best, ...others] }: Classified): string {
  const rows = others.map(({ name, probability }) => `  ${percent(probability).padStart(6)}  ${visible(name)}\n`);
  return `${visible(file)}: ${visible(best!.name)} ${percent(best!.probability)}\n${rows.join('')}`;
}
