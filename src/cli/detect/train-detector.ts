// `nasnet detect train MODEL`: trains a detector in this process, and evaluates it.

import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, dirname, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { type ArtifactKey, FolderArtifacts } from '../../artifacts.ts';
import { numberNames } from '../../coco/twelve-numbers.ts';
import { contentIdentity } from '../../content-identity.ts';
import { anchorFit } from '../../detect/anchor-fit.ts';
import {
  type DetectionRecipe,
  type DetectionRecipeName,
  detectionRecipeNames,
  detectionRecipes,
} from '../../detect/detection-recipe.ts';
import type { Detector } from '../../detect/detector.ts';
import { buildDetector } from '../../detect/detector.ts';
import { type DetectorDescription, writeDetector } from '../../detect/detector-file.ts';
import { detectorTrainingBytes } from '../../detect/detector-memory.ts';
import { type DetectorPlan, planDetector } from '../../detect/detector-plan.ts';
import { type DetectorSettings, detectorSettings, type HeadName, headNames } from '../../detect/detector-settings.ts';
import { type DetectionEpoch, EpochSums, trainDetector } from '../../detect/detector-training.ts';
import { evaluateDetector } from '../../detect/evaluate-detector.ts';
import type { DetectionDataset, DetectionPicture } from '../../detection-data/detection-dataset.ts';
import { shareWords } from '../../detection-report/number-words.ts';
import type { Computing } from '../../engine/device.ts';
import { cpu, prepareDevice } from '../../engine/device.ts';
import { setThreads } from '../../engine/machine.ts';
import { InputError, Interruption } from '../../failure.ts';
import { freeGpuMemory } from '../../forecast/gpu-memory.ts';
import { memoryLeft } from '../../forecast/machine-memory.ts';
import { readModel, readModelDescription } from '../../model/model-file.ts';
import { modelOptions, parseModelName } from '../../plan/model-name.ts';
import { overwriteHelp, ResultFiles } from '../../result-files.ts';
import type { Architecture } from '../../space/architecture.ts';
import { Checkpoints } from '../../train/checkpoint.ts';
import { defaultOptimizer, type OptimizerName, optimizerNames } from '../../train/recipe-choices.ts';
import { nasnetVersion } from '../../version.ts';
import { writeWhole } from '../../whole-file.ts';
import { bytesWords, duration, percent, whole } from '../../words.ts';
import { addDeviceFlags, computingOf, type DeviceFlags } from '../flags/device-flags.ts';
import { readArchitecture } from '../flags/model-source.ts';
import { countFromZero, numberFromZero, positiveNumber, share, weightsFile, wholeNumber } from '../flags/parsers.ts';
import { printDocument, printWords } from '../terminal/answer.ts';
import { onInterrupt } from '../terminal/interrupt.ts';
import { LiveBlock } from '../terminal/live-block.ts';
import { addDetectionDataFlags, type DetectionDataFlags, readDataset, splitParts } from './detection-flags.ts';
import { pictureSize } from './picture-size-flag.ts';
import { type EpochRow, trainingPage } from './training-page.ts';

interface Flags extends DetectionDataFlags, DeviceFlags {
  dataset: string;
  test?: string;
  head: HeadName;
  filters?: number;
  size?: readonly [number, number];
  channels?: number;
  hidden?: number;
  proposals?: number;
  anchor?: number;
  frozenNorms?: boolean;
  recipe: DetectionRecipeName;
  epochs?: number;
  batchSize?: number;
  learningRate?: number;
  warmup?: number;
  weightDecay?: number;
  optimizer?: OptimizerName;
  jitter?: readonly [number, number];
  flip: boolean;
  evaluateEvery: number;
  checkpointSeconds: number;
  seed: number;
  threads: number;
  output: string;
  ignoreMemory?: boolean;
  overwrite?: boolean;
  json?: boolean;
}

const headHelp =
  'fpn: a feature pyramid and two fully connected layers; paper: the last stage of the network on a crop of every proposal, as released';
const recipeHelp =
  'fast: warm-up, batches of 4, pictures of varying size; paper: as released; the following flags replace its values';
const frozenHelp =
  'batch norms keep their statistics and parameters (default with weights of a classifier and the recipe paper)';

export function registerTrainDetector(detect: Command): void {
  const command = detect
    .command('train')
    .description('train a detector on pictures with boxes, evaluate it, keep its weights; run again to resume')
    .argument('<model>', 'a classifier’s weights, or SOURCE:N@P, SOURCE:N with --filters, SOURCE:mobile|large')
    .requiredOption('--dataset <path>', 'COCO JSON, Pascal VOC XML or YOLO text: a file of annotations, or a folder')
    .option('--test <path>', 'evaluate on this dataset (default: the part val or test of --dataset)');
  addDetectionDataFlags(command)
    .addOption(new Option('--head <name>', headHelp).choices(headNames).default('fpn'))
    .option('--filters <f>', 'F, filters of the first cells, instead of @P', wholeNumber('--filters', 'filters'))
    .option('--size <pixels>', 'H or HxW to which pictures are brought (default: 600)', pictureSize('--size'))
    .option('--channels <n>', 'of the pyramid, or of the proposals of paper', wholeNumber('--channels', 'filters'))
    .option('--hidden <n>', 'units of the fully connected layers of fpn', wholeNumber('--hidden', 'filters'))
    .option('--proposals <n>', 'of a picture (default: 300)', wholeNumber('--proposals'))
    .option(
      '--anchor <pixels>',
      'side of the smallest anchor (default: 32 for fpn from 800 pixels on, 64 for paper from 600 on, in proportion below)',
      wholeNumber('--anchor', 'pixels'),
    )
    .option('--frozen-norms', frozenHelp)
    .option('--no-frozen-norms', 'batch norms learn')
    .addOption(new Option('--recipe <name>', recipeHelp).choices(detectionRecipeNames).default('fast'))
    .option('--epochs <n>', 'number of epochs', positiveNumber('--epochs', 'epochs'))
    .option('--batch-size <n>', 'pictures a step', wholeNumber('--batch-size', 'batch'))
    .option('--learning-rate <x>', 'at its peak', positiveNumber('--learning-rate'))
    .option('--warmup <share>', 'share of the steps in which the learning rate rises', share('--warmup'))
    .addOption(new Option('--optimizer <name>', '(default: momentum)').choices(optimizerNames))
    .option('--weight-decay <x>', 'L2 of the weights', numberFromZero('--weight-decay'))
    .option('--jitter <least,greatest>', 'factors of a picture’s size, such as 0.5,1.5; 1,1: none', jitterOf)
    .option('--no-flip', 'do not mirror pictures')
    .option('--evaluate-every <epochs>', '0: only at the end', countFromZero('--evaluate-every'), 0)
    .option('--checkpoint-seconds <n>', 'between two checkpoints', countFromZero('--checkpoint-seconds'), 30)
    .option('--seed <n>', 'equal seeds give equal weights on the same machine', wholeNumber('--seed'), 1)
    .option('--threads <n>', 'default: all cores', wholeNumber('--threads', 'threads'), availableParallelism());
  addDeviceFlags(command)
    .option('-o, --output <file>', 'weights; the page beside it', weightsFile('--output'), 'detector.safetensors')
    .option('--ignore-memory', 'start although more memory is predicted than is free; the system may then end it')
    .option('--overwrite', overwriteHelp)
    .option('--json', 'one JSON document')
    .addHelpText('after', examples)
    .action(train);
}

const examples = `
A classifier's weights, which train, search or import wrote, bring their cells and sizes. Batch norms are frozen with them, since
batches of pictures are small. Kill it at any moment: the same command goes on at the latest checkpoint, to the same bits.

Examples:
  nasnet detect train nasnet-mobile.safetensors --dataset coco/annotations/instances_train2017.json --size 600
  nasnet detect train nasnet-a:1 --filters 8 --dataset boxes/ --size 128 --epochs 20 --optimizer adam --learning-rate 0.002
  nasnet detect train nasnet-large.safetensors --head paper --recipe paper --size 1200 --dataset coco --device cuda`;

function jitterOf(text: string): readonly [number, number] {
  const numbers = text.split(',').map(Number);
  const [least, greatest] = numbers as [number, number];
  if (numbers.length === 2 && least > 0 && greatest >= least && greatest <= 10) return [least, greatest];
  throw new InputError(`--jitter: expected two factors such as 0.5,1.5, got ${JSON.stringify(text)}`);
}

async function train(model: string, flags: Flags): Promise<void> {
  const block = new LiveBlock(process.stderr);
  const computing = computingOf(flags);
  const { architecture, network, weights } = await networkOf(model, flags);
  const settings = settingsOf(flags, network, weights !== undefined);
  const recipe = recipeOf(flags);
  const { training, test } = await datasetsOf(flags, block);
  const categories = training.categories;
  const plan = planDetector(architecture, settings, categories.length);
  requireMemory(detectorTrainingBytes(plan, recipe.batchSize), computing, flags, block);
  const artifacts = new FolderArtifacts({ final: dirname(flags.output) });
  const key: ArtifactKey = `final/${basename(flags.output)}.checkpoint`;
  const checkpoint = artifacts.path(key);
  const page = flags.output.replace(/\.safetensors$/i, '.html');
  const { seed, threads } = flags;
  const of = `detect train ${JSON.stringify({ model, settings, recipe, seed, dataset: flags.dataset })}`;
  const inputs = weights === undefined ? [] : [weights];
  const results = new ResultFiles({ of, inputs, overwrite: flags.overwrite });
  results.claim(flags.output, page);
  setThreads(threads);
  prepareDevice(computing.device);
  const dropPathKeep = recipe.dropPathKeep;
  const detector = buildDetector(architecture, settings, categories.length, { seed, dropPathKeep, ...computing });
  if (weights !== undefined) loadClassifier(detector, weights, block);
  block.log(
    `Trains ${whole(plan.parameters)} parameters on ${whole(training.pictures.length)} pictures, ${(plan.multiplyAdds / 1e9).toPrecision(3)} G multiply-adds a picture`,
  );
  logAnchorFit(plan, training.pictures, block);
  const sums = new EpochSums();
  const identity = contentIdentity({
    model,
    architecture,
    settings,
    recipe,
    seed,
    computing,
    pictures: identityOf(training),
  });
  const checkpoints = new Checkpoints(artifacts, key, {
    identity,
    whenStopped: true,
    seconds: flags.checkpointSeconds,
    extra: sums.checkpointed,
  });
  if (existsSync(checkpoint)) block.log(`Resuming from ${checkpoint} if it belongs to the same training`);
  using interrupt = onInterrupt(
    () => block.log('Stopping; repeat to stop immediately.'),
    `${checkpoint}, if it is there, keeps the state of half a minute ago: run the same command to resume`,
  );
  const names = categories.map(({ name }) => name);
  const measure = (dataset: DetectionDataset) =>
    evaluateDetector(detector, names, dataset, {
      signal: interrupt.signal,
      onProgress: (done) => block.draw([`  evaluating: ${whole(done)} of ${whole(dataset.pictures.length)} pictures`]),
    });
  const epochs: EpochRow[] = [];
  const began = performance.now();
  const stopped = (error: unknown) => {
    if (error !== interrupt.signal.reason) throw error;
    throw new Interruption(`stopped; ${checkpoint} keeps the state, run the same command to resume`);
  };
  await trainDetector(detector, training, recipe, {
    seed,
    checkpoints,
    sums,
    signal: interrupt.signal,
    onProgress: (done, losses) => {
      const seconds = (performance.now() - began) / 1000;
      block.draw([
        `  ${percent(done)} of ${recipe.epochs} epochs, loss ${losses.total.toFixed(3)}, ${duration(seconds)} so far`,
      ]);
    },
    onEpoch: async (figures) => {
      const looks =
        flags.evaluateEvery > 0 && figures.epoch % flags.evaluateEvery === 0 && figures.epoch < recipe.epochs;
      const measured = looks ? await measure(test ?? training) : undefined;
      epochs.push({ ...figures, ...(measured && { AP: measured.numbers.AP }) });
      block.log(epochLine(figures, measured?.numbers.AP));
    },
  }).catch(stopped);
  const seconds = (performance.now() - began) / 1000;
  const measured = await measure(test ?? training).catch(stopped);
  block.draw([]);
  const description: DetectorDescription = {
    architecture,
    settings,
    categories: categories.map(({ id, name }) => ({ id, name })),
    origin: `trained by nasnet ${nasnetVersion()} on ${basename(resolve(flags.dataset))}`,
  };
  writeDetector(flags.output, detector, description);
  const { numbers, picturesPerSecond } = measured!;
  const summary = {
    model,
    weights: flags.output,
    page,
    parameters: plan.parameters,
    multiplyAdds: plan.multiplyAdds,
    settings,
    recipe,
    epochs,
    seconds,
    evaluatedOn: test ? 'test pictures' : 'training pictures',
    picturesPerSecond,
    numbers,
  };
  writeWhole(page, trainingPage(summary, names, measured!.evaluation));
  await artifacts.remove(key);
  results.keep();
  if (flags.json) printDocument(summary);
  else
    printWords(
      `${flags.output}: trained in ${duration(seconds)}; on the ${summary.evaluatedOn}, ${picturesPerSecond.toPrecision(3)} a second:\n${numberNames.map((name) => `  ${name.padEnd(6)} ${shareWords(numbers[name])}\n`).join('')}${page}: losses, numbers and precision of every category\n`,
    );
}

function epochLine({ epoch, losses, picturesPerSecond }: DetectionEpoch, precision: number | undefined): string {
  const parts = `anchors ${losses.anchors.toFixed(3)}, their boxes ${losses.anchorBoxes.toFixed(3)}, classes ${losses.classes.toFixed(3)}, boxes ${losses.boxes.toFixed(3)}`;
  const found = precision === undefined ? '' : `, AP ${percent(precision)}`;
  return `epoch ${Number(epoch.toFixed(2))}: loss ${losses.total.toFixed(3)} (${parts}), ${picturesPerSecond.toPrecision(3)} pictures/s${found}`;
}

interface NamedNetwork {
  architecture: Architecture;
  network: DetectorSettings['network'];
  /** The classifier's file. */
  weights?: string;
}

/** Returns the network that MODEL names. @throws InputError for CIFAR's layout, whose strides are too small */
async function networkOf(model: string, { filters }: Flags): Promise<NamedNetwork> {
  if (/\.safetensors$/i.test(model)) {
    if (filters !== undefined) throw new InputError(`--filters: expected none with ${model}, which has its own`);
    const { architecture, network } = readModelDescription(model);
    if (network.layout !== 'imagenet')
      throw new InputError(
        `${model}: expected a network in the ImageNet layout, got CIFAR's, which shrinks a picture only by 4`,
      );
    return { architecture, network: sizesOf(network), weights: model };
  }
  const name = parseModelName(model);
  const architecture = await readArchitecture(name.source);
  const options = modelOptions(name, architecture, { layout: 'imagenet', ...(filters !== undefined && { filters }) });
  return { architecture, network: sizesOf(options) };
}

const sizesOf = ({ cells, filters, stemChannels, skipReductionInput }: DetectorSettings['network']) => ({
  cells,
  filters,
  ...(stemChannels !== undefined && { stemChannels }),
  ...(skipReductionInput !== undefined && { skipReductionInput }),
});

function settingsOf(flags: Flags, network: DetectorSettings['network'], hasWeights: boolean): DetectorSettings {
  const { head, size, channels, hidden, proposals, anchor } = flags;
  if (hidden !== undefined && head === 'paper')
    throw new InputError('--hidden: expected the head fpn with it, got paper');
  return detectorSettings({
    head,
    network,
    ...(size && { input: size }),
    ...(channels !== undefined && { channels }),
    ...(hidden !== undefined && { hidden }),
    ...(proposals !== undefined && { proposals }),
    ...(anchor !== undefined && { anchor }),
    frozenNorms: flags.frozenNorms ?? hasWeights,
  });
}

function recipeOf(flags: Flags): DetectionRecipe {
  const { epochs, batchSize, learningRate, warmup, weightDecay, optimizer, jitter, flip } = flags;
  const named: DetectionRecipe = detectionRecipes[flags.recipe];
  return {
    ...named,
    ...(epochs !== undefined && { epochs }),
    ...(batchSize !== undefined && { batchSize }),
    ...(learningRate !== undefined && { learningRate }),
    ...(warmup !== undefined && { warmup }),
    ...(weightDecay !== undefined && { weightDecay }),
    ...(optimizer && { optimizer: defaultOptimizer(optimizer) }),
    ...(jitter && { jitter }),
    flip: named.flip && flip,
  };
}

async function datasetsOf(flags: Flags, block: LiveBlock) {
  const parts = splitParts(flags.dataset, (await readDataset(flags.dataset, flags, block)).parts);
  if (flags.test === undefined) return parts;
  const { format: _, ...others } = flags;
  const named = splitParts(flags.test, (await readDataset(flags.test, others, block)).parts);
  return { training: parts.training, test: named.test ?? named.training };
}

/** The part of a dataset that decides a training. */
const identityOf = ({ categories, pictures }: DetectionDataset) => ({
  categories: categories.map(({ name }) => name),
  pictures: pictures.map(({ name, boxes }) => [
    name,
    ...boxes.map(({ x, y, width, height, category }) => [x, y, width, height, category]),
  ]),
});

/** States the memory, and refuses what does not fit. */
function requireMemory(predicted: number, { device }: Computing, { ignoreMemory }: Flags, block: LiveBlock): void {
  const free = device === cpu ? memoryLeft() : freeGpuMemory(device);
  block.log(
    `Memory: at most ${bytesWords(predicted)} predicted${free === undefined ? '' : `, ${bytesWords(free)} free`}`,
  );
  if (free === undefined || predicted <= free || ignoreMemory) return;
  throw new InputError(
    `--size: expected a training that fits ${bytesWords(free)} of free memory, got a predicted ${bytesWords(predicted)}: ` +
      'smaller pictures, --batch-size, --filters or --channels take less; --ignore-memory starts it all the same',
    { code: 'too-little-memory', fields: { predicted, free } },
  );
}

/** States how well the anchors fit the objects, and what helps if they do not. */
function logAnchorFit(plan: DetectorPlan, pictures: readonly DetectionPicture[], block: LiveBlock): void {
  const fit = anchorFit(plan, pictures);
  if (!fit) return;
  const { anchor, input } = plan.settings;
  const help =
    fit.poor > manyPoor
      ? `: another --anchor (side of the smallest: ${anchor}) or --size (${input.join(' × ')}) may fit more`
      : '';
  block.log(
    `Anchors: the best one overlaps an object by half (IoU 0.5) in ${percent(fit.good)}, by less than 0.3 in ${percent(fit.poor)} of ${whole(fit.objects)} objects${help}`,
  );
}

/** Share of objects without an anchor that fits from which other anchors are advised. */
const manyPoor = 0.2;

function loadClassifier(detector: Detector, path: string, block: LiveBlock): void {
  const { network } = readModel(path);
  const copied = detector.loadClassifier(network.stateDict());
  network.dispose();
  block.log(`${path}: ${whole(copied.length)} tensors of the classifier taken over`);
}
