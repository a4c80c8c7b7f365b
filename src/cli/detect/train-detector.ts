// `nasnet detect train MODEL`: trains a detector in this process or in several, and evaluates it.

import { availableParallelism } from 'node:os';
import { basename, dirname, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { type ArtifactKey, FolderArtifacts } from '../../artifacts.ts';
import type { ReplicaSettings } from '../../children/training-job.ts';
import { contentIdentity } from '../../content-identity.ts';
import { anchorFit } from '../../detect/anchor-fit.ts';
import { detectionOptimizers, detectionRecipeNames } from '../../detect/detection-recipe.ts';
import { buildDetector, type Detector } from '../../detect/detector.ts';
import { type DetectorDescription, writeDetector } from '../../detect/detector-file.ts';
import { detectorTrainingBytes } from '../../detect/detector-memory.ts';
import type { DetectorPlan } from '../../detect/detector-plan.ts';
import { headNames } from '../../detect/detector-settings.ts';
import { trainDetector } from '../../detect/detector-training.ts';
import { type DetectorEvaluation, evaluateDetector } from '../../detect/evaluate-detector.ts';
import { type DetectionEpoch, TrainingLog } from '../../detect/training-log.ts';
import type { DetectionPicture } from '../../detection-data/detection-dataset.ts';
import { cpu, prepareDevice } from '../../engine/device.ts';
import { setThreads } from '../../engine/machine.ts';
import { InputError } from '../../failure.ts';
import { hashOfFile } from '../../file-hash.ts';
import { freeFor } from '../../forecast/training-memory.ts';
import { readModel } from '../../model/model-file.ts';
import { type Replicas, sumOverOn } from '../../replicas/replicas.ts';
import { overwriteHelp, ResultFiles } from '../../result-files.ts';
import { shellPath } from '../../shell-path.ts';
import { Checkpoints, isCheckpoint } from '../../train/checkpoint.ts';
import { replicaImages } from '../../train/recipe.ts';
import { nasnetVersion } from '../../version.ts';
import { writeWhole } from '../../whole-file.ts';
import { bytesWords, duration, epochWord, percent, whole } from '../../words.ts';
import { addDeviceFlags, type DeviceFlags } from '../flags/device-flags.ts';
import { countFromZero, numberFromZero, positiveNumber, share, weightsFile, wholeNumber } from '../flags/parsers.ts';
import { lockOutputs } from '../output-lock.ts';
import { printDocument, printWords } from '../terminal/answer.ts';
import type { LiveBlock } from '../terminal/live-block.ts';
import { programName } from '../terminal/program-name.ts';
import { ProgressLine } from '../training/progress-line.ts';
import { addReplicaFlags, type ReplicaFlags } from '../training/replica-flags.ts';
import { following, resumable } from '../training/stoppable.ts';
import {
  isFirst,
  joinOthers,
  requireImages,
  type TrainingPlace,
  together,
  trainingPlace,
} from '../training/train-together.ts';
import { addDetectionDataFlags } from './detection-flags.ts';
import { pictureSize } from './picture-size-flag.ts';
import { type PlannedDetector, type PlannedFlags, picturesIdentity, plannedDetector } from './planned-detector.ts';
import { numberLines } from './show-evaluation.ts';
import { type TrainingSummary, trainingPage } from './training-page.ts';

interface Flags extends PlannedFlags, DeviceFlags, ReplicaFlags {
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
const accumulateHelp = 'process a step’s pictures in this many parts, which needs less memory';
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
      'side of the smallest anchor (default: 32 for fpn from 800 pixels on, 64 for paper from 600 on, in proportion below; at least 8 for fpn)',
      wholeNumber('--anchor', 'pixels'),
    )
    .option('--frozen-norms', frozenHelp)
    .option('--no-frozen-norms', 'batch norms learn')
    .addOption(new Option('--recipe <name>', recipeHelp).choices(detectionRecipeNames).default('fast'))
    .option('--epochs <n>', 'number of epochs', positiveNumber('--epochs', 'epochs'))
    .option('--batch-size <n>', 'pictures a step', wholeNumber('--batch-size', 'batch'))
    .option('--accumulate <n>', accumulateHelp, wholeNumber('--accumulate'))
    .option('--learning-rate <x>', 'at its peak', positiveNumber('--learning-rate'))
    .option('--warmup <share>', 'share of the steps in which the learning rate rises', share('--warmup'))
    .addOption(new Option('--optimizer <name>', '(default: momentum)').choices(detectionOptimizers))
    .option('--weight-decay <x>', 'L2 of the weights', numberFromZero('--weight-decay'))
    .option('--jitter <least,greatest>', 'factors of a picture’s size, such as 0.5,1.5; 1,1: none', jitterOf)
    .option('--no-flip', 'do not mirror pictures')
    .option('--evaluate-every <epochs>', '0: only at the end', countFromZero('--evaluate-every'), 0)
    .option('--checkpoint-seconds <n>', 'between two checkpoints', countFromZero('--checkpoint-seconds'), 30)
    .option('--seed <n>', 'equal seeds give equal weights on the same machine', wholeNumber('--seed'), 1)
    .option('--threads <n>', 'default: all cores', wholeNumber('--threads', 'threads'), availableParallelism());
  addReplicaFlags(addDeviceFlags(command))
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
  nasnet detect train nasnet-large.safetensors --head paper --recipe paper --size 1200 --dataset coco --device cuda
  nasnet detect train nasnet-mobile.safetensors --dataset coco --batch-size 16 --replicas 4 --device cuda`;

function jitterOf(text: string): readonly [number, number] {
  const numbers = text.split(',').map(Number);
  const [least, greatest] = numbers as [number, number];
  if (numbers.length === 2 && least > 0 && greatest >= least && greatest <= 10) return [least, greatest];
  throw new InputError(`--jitter: expected two factors such as 0.5,1.5, got ${JSON.stringify(text)}`);
}

/** The training of a detector, in this process or in several. */
interface DetectorTraining {
  model: string;
  flags: Flags;
  planned: PlannedDetector;
  here: TrainingPlace;
  files: ReturnType<typeof filesOf>;
}

/** The files of a training, from the name of its weights. */
const filesOf = (weights: string) => ({
  weights,
  page: weights.replace(/\.safetensors$/i, '.html'),
  artifacts: new FolderArtifacts({ final: dirname(weights) }),
  checkpoint: `final/${basename(weights)}.checkpoint` satisfies ArtifactKey as ArtifactKey,
});

async function train(model: string, flags: Flags): Promise<void> {
  const here = trainingPlace(flags);
  const { part, block, computing } = here;
  const planned = await plannedDetector(model, flags, block);
  const { architecture, settings, recipe, plan, training, weights } = planned;
  requireMemory(planned, here, flags.ignoreMemory);
  if (part) requireImages(part.place, Math.min(recipe.batchSize, training.pictures.length));
  const files = filesOf(flags.output);
  const { seed } = flags;
  const of = `detect train ${JSON.stringify({ model, settings, recipe, seed, dataset: flags.dataset })}`;
  const inputs = weights === undefined ? [] : [weights];
  const identity = {
    ...{ architecture, settings, recipe, seed, precision: computing.precision },
    ...(weights === undefined ? { model } : { weights: hashOfFile(weights) }), // whose path may differ elsewhere
    pictures: picturesIdentity(training),
  };
  const adopts = (path: string) => isCheckpoint(path, (other) => other === contentIdentity(identity));
  const results = new ResultFiles({ of, inputs, overwrite: flags.overwrite, adopts });
  using _alone = isFirst(part) ? lockOutputs(results, files.weights) : undefined;
  if (isFirst(part)) results.claim(files.weights, files.page, files.artifacts.path(files.checkpoint));
  setThreads(here.threads);
  prepareDevice(computing.device);
  const replicas = part && (await joinOthers(part, identity, block));
  const summary = await together(part?.place, replicas, async (settings) => {
    block.log(
      `Trains ${whole(plan.parameters)} parameters on ${whole(training.pictures.length)} pictures, ${operations(plan.multiplyAdds)} multiply-adds a picture`,
    );
    logAnchorFit(plan, training.pictures, block);
    const detector = detectorOf(planned, { seed, here, settings });
    const command: DetectorTraining = { model, flags, planned, here, files };
    if (isFirst(part)) return lead(command, detector, contentIdentity(identity), replicas);
    return void (await following((signal) => trainDetector(detector, training, recipe, { seed, signal, replicas })));
  });
  if (!summary) return;
  results.keep();
  if (flags.json) printDocument(summary);
  else printWords(summaryWords(summary));
}

/** Builds the detector with its initial weights. */
function detectorOf(
  { architecture, settings, plan, recipe, weights }: PlannedDetector,
  { seed, here, settings: replicas }: { seed: number; here: TrainingPlace; settings: ReplicaSettings | undefined },
): Detector {
  const { block, computing } = here;
  const sumOver = replicas?.synchronisesNorms ? sumOverOn(replicas.replicas, computing.device) : undefined;
  const { dropPathKeep } = recipe;
  const options = { seed, dropPathKeep, ...computing, ...(sumOver && { sumOver }) };
  const detector = buildDetector(architecture, settings, plan.classes, options);
  if (weights !== undefined) loadClassifier(detector, weights, block);
  return detector;
}

/** Trains as the process that evaluates and writes. */
async function lead(
  { model, flags, planned, here, files }: DetectorTraining,
  detector: Detector,
  identity: string,
  replicas: Replicas | undefined,
): Promise<WrittenSummary> {
  const { block } = here;
  const { architecture, settings, recipe, plan, training, test } = planned;
  const { seed, checkpointSeconds: seconds, evaluateEvery } = flags;
  const log = new TrainingLog();
  const extra = log.checkpointed;
  const onRemark = (sentence: string) => block.log(sentence);
  const options = { identity, whenStopped: true, whenTrained: true, seconds, extra, onRemark };
  const checkpoints = new Checkpoints(files.artifacts, files.checkpoint, options);
  const names = training.categories.map(({ name }) => name);
  const evaluated = test ?? training;
  const progress = new ProgressLine();
  let trainedSeconds = 0;
  let measured: DetectorEvaluation | undefined;
  const checkpoint = files.artifacts.path(files.checkpoint);
  await resumable({ checkpoint, seconds, block }, async (signal) => {
    const onProgress = (done: number) =>
      block.draw([`  evaluating: ${whole(done)} of ${whole(evaluated.pictures.length)} pictures`]);
    const measure = async (epoch: number, isLast: boolean) => {
      if (isLast) trainedSeconds = checkpoints.trainedSeconds;
      if (!isLast && !(evaluateEvery > 0 && epoch % evaluateEvery === 0)) return undefined;
      measured = await evaluateDetector(detector, names, evaluated, { signal, onProgress });
      return measured.numbers.AP;
    };
    await trainDetector(detector, training, recipe, {
      ...{ seed, checkpoints, log, signal, replicas, measure },
      onUnreadable: (sentence) => block.log(`The next picture takes its place: ${sentence}`),
      onResume: (epochs) => block.log(`Goes on after ${epochWord(epochs)} of ${recipe.epochs} epochs`),
      onEpoch: (figures) => block.log(epochLine(figures)),
      onProgress: (done, { total }) => block.draw([`${progress.words(done)}, loss ${total.toFixed(3)}`]),
    });
  });
  block.draw([]);
  const { numbers, picturesPerSecond, evaluation } = measured!;
  const description: DetectorDescription = {
    architecture,
    settings,
    categories: training.categories.map(({ id, name }) => ({ id, name })),
    origin: `trained by nasnet ${nasnetVersion()} on ${basename(resolve(flags.dataset))}`,
  };
  writeDetector(files.weights, detector, description);
  const summary: WrittenSummary = {
    model,
    weights: files.weights,
    page: files.page,
    parameters: plan.parameters,
    multiplyAdds: plan.multiplyAdds,
    settings,
    recipe,
    epochs: log.epochs,
    seconds: trainedSeconds,
    evaluatedOn: test ? 'test pictures' : 'training pictures',
    picturesPerSecond,
    numbers,
  };
  writeWhole(files.page, trainingPage(summary, names, evaluation));
  await checkpoints.remove();
  return summary;
}

interface WrittenSummary extends TrainingSummary {
  weights: string;
  page: string;
  picturesPerSecond: number;
}

function summaryWords({ weights, page, seconds, evaluatedOn, picturesPerSecond, numbers }: WrittenSummary): string {
  const speed = `${picturesPerSecond.toPrecision(3)} a second`;
  return [
    `${weights}: trained in ${duration(seconds)}; on the ${evaluatedOn}, ${speed}:`,
    ...numberLines(numbers),
    `${page}: losses, numbers and precision of every category`,
    `Next: ${programName} detect run ${shellPath(weights)} PICTURE… -o found\n`,
  ].join('\n');
}

const operations = (count: number) =>
  count < 1e9 ? `${(count / 1e6).toPrecision(3)} M` : `${(count / 1e9).toPrecision(3)} G`;

function epochLine({ epoch, losses, picturesPerSecond, AP }: DetectionEpoch): string {
  const parts = `anchors ${losses.anchors.toFixed(3)}, their boxes ${losses.anchorBoxes.toFixed(3)}, classes ${losses.classes.toFixed(3)}, boxes ${losses.boxes.toFixed(3)}`;
  const found = AP === undefined ? '' : `, AP ${percent(AP)}`;
  return `epoch ${epochWord(epoch)}: loss ${losses.total.toFixed(3)} (${parts}), ${picturesPerSecond.toPrecision(3)} pictures/s${found}`;
}

/** States the memory of the processes here, and refuses what does not fit. */
function requireMemory({ plan, recipe }: PlannedDetector, here: TrainingPlace, ignores = false): void {
  const { part, computing, block } = here;
  const processes = computing.device === cpu ? 1 + (part?.others.length ?? 0) : 1;
  const predicted = processes * detectorTrainingBytes(plan, replicaImages(recipe, part?.place.count ?? 1));
  const free = freeFor(computing.device);
  const stated = `Memory: at most ${bytesWords(predicted)} predicted${processes > 1 ? ` in ${processes} processes` : ''}`;
  block.log(`${stated}${free === undefined ? '' : `, ${bytesWords(free)} free`}`);
  if (free === undefined || predicted <= free || ignores) return;
  throw new InputError(
    `--size: expected a training that fits ${bytesWords(free)} of free memory, got a predicted ${bytesWords(predicted)}: ` +
      'smaller pictures, --batch-size, --accumulate, --filters or --channels take less; --ignore-memory starts it all the same',
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
