// `nasnet transfer STUDY --to imagenet-mobile`: the paper's claim as one command. The best cells of a study become
// networks within given costs; each is trained on a short schedule, the best one goes on, and the costs and accuracies
// are drawn into the paper's Figure 5.

import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { type Command, Option } from 'commander';
import { heldOutOf } from '../../children/streamed-images.ts';
import { InputError } from '../../failure.ts';
import { within } from '../../largest.ts';
import { filterStep } from '../../plan/fit-filters.ts';
import { namedModels } from '../../plan/named-models.ts';
import { type PlanOptions, planNetwork } from '../../plan/plan.ts';
import { writeFigure5 } from '../../report/figures/cost.ts';
import { overwriteHelp, ResultFiles } from '../../result-files.ts';
import { namedCells } from '../../space/named-cells.ts';
import { printArchitecture } from '../../space/print.ts';
import { openSearch } from '../../study/parse-settings.ts';
import { type RecipeName, recipeNames } from '../../train/recipe.ts';
import { writeWhole } from '../../whole-file.ts';
import { millisecondsWords, whole } from '../../words.ts';
import { addDeviceFlags, type DeviceFlags } from '../flags/device-flags.ts';
import { countFromZero, positiveNumber, quantity, wholeNumber } from '../flags/parsers.ts';
import { printDocument, printWords } from '../terminal/answer.ts';
import { alignColumns } from '../terminal/columns.ts';
import { LiveBlock } from '../terminal/live-block.ts';
import { bestCells, type NamedCells, type SizedCells, sizedCells, type TransferLimits } from './sized-cells.ts';
import { architectureFile, commandLine, finalStep, type Schedule, shortStep } from './steps.ts';
import { type Target, type TargetName, targetNames, targetOptions, targets } from './targets.ts';
import { type Trained, Trainings } from './trainings.ts';
import {
  comparability,
  figureModels,
  type TransferFound,
  transferPage,
  transferSentences,
  transferTable,
} from './transfer-page.ts';

interface Flags extends DeviceFlags {
  to: TargetName;
  dataset?: string;
  budget?: number;
  maxParameters?: number;
  maxLatency?: number;
  top: number;
  compare?: string;
  cells?: number;
  size?: number;
  recipe?: RecipeName;
  shortEpochs?: number;
  epochs?: number;
  batchSize?: number;
  seed: number;
  threads: number;
  output?: string;
  overwrite?: boolean;
  dryRun?: boolean;
  json?: boolean;
}

const examples = `
Run again to resume: what has been trained is not trained again.

Examples:
  nasnet transfer runs/laptop/study.db --to imagenet-mobile --dataset ILSVRC2012_img_train.tar --budget 600M
  nasnet transfer runs/laptop/study.db --to imagenet-mobile --dataset photos --budget 100M --size 96 --epochs 50
  nasnet transfer runs/laptop/study.db --to cifar --max-parameters 3.4M --dry-run`;

export function registerTransfer(program: Command): void {
  const command = program
    .command('transfer')
    .description('the best cells of a study as larger networks: sized, trained briefly, the best one trained on')
    .argument('<study>', 'the study file, such as runs/laptop/study.db')
    .addOption(
      new Option('--to <network>', 'the published network whose layout, depth and recipe to take')
        .choices(targetNames)
        .makeOptionMandatory(),
    )
    .option(
      '--dataset <name|path>',
      'images to train on: cifar10, a folder, a tar, shards or Parquet files (default with cifar: cifar10)',
    )
    .option('--budget <n>', 'most multiply-adds of one image, such as 600M', quantity('--budget'))
    .option('--max-parameters <n>', 'most trainable parameters, such as 5.3M', quantity('--max-parameters'))
    .option('--max-latency <ms>', 'most milliseconds for one image on one thread here', positiveNumber('--max-latency'))
    .option('--top <n>', 'number of cells of the study', wholeNumber('--top'), 3)
    .addOption(new Option('--compare <name>', 'a named cell to train with them').choices(Object.keys(namedCells)))
    .option('--cells <n>', 'N, normal cells in a row (default: 4 for imagenet-mobile, else 6)', (text) =>
      within('cells', countFromZero('--cells')(text), '--cells'),
    )
    .option(
      '--size <pixels>',
      'side of the images (default: 224 for imagenet-mobile, 331 for imagenet-large, 32 for cifar)',
      wholeNumber('--size', 'pixels'),
    )
    .addOption(new Option('--recipe <name>', "of all trainings (default: the network's)").choices(recipeNames))
    .option(
      '--short-epochs <n>',
      'epochs of every cell before one is chosen (default: a tenth of --epochs, or more of them for 500 steps)',
      positiveNumber('--short-epochs', 'epochs'),
    )
    .option('--epochs <n>', "epochs of the chosen one (default: the recipe's)", positiveNumber('--epochs', 'epochs'))
    .option('--batch-size <n>', "images per step (default: the recipe's)", wholeNumber('--batch-size', 'batch'))
    .option('--seed <n>', 'equal seeds give equal weights on the same machine', wholeNumber('--seed'), 1)
    .option('--threads <n>', 'default: all cores', wholeNumber('--threads', 'threads'), availableParallelism());
  addDeviceFlags(command, { trains: true })
    .option('-o, --output <dir>', 'folder to write to (default: transfer-NETWORK next to the study)')
    .option('--overwrite', overwriteHelp)
    .option('--dry-run', 'print the networks and the commands that train them, and end')
    .option('--json', 'one JSON document')
    .addHelpText('after', examples)
    .action(transfer);
}

async function transfer(path: string, flags: Flags): Promise<void> {
  const target: Target = targets[flags.to];
  const dataset = flags.dataset ?? (flags.to === 'cifar' ? 'cifar10' : undefined);
  if (dataset === undefined)
    throw new InputError(
      '--dataset: expected images to train on, such as photos or ILSVRC2012_img_train.tar, got none',
    );
  const block = new LiveBlock(process.stderr);
  const { classes, images } = await imagesIn(dataset);
  const limits = limitsOf(target, flags);
  const networks = await sizedBest(path, target, { flags, classes, limits });
  const folder = flags.output ?? join(dirname(path), `transfer-${flags.to}`);
  const schedule: Schedule = { ...flags, folder, dataset, images, target, recipe: flags.recipe ?? target.recipe };
  if (flags.dryRun) return printPlan(networks, schedule, flags);

  for (const line of sizeLines(networks)) block.log(line);
  const of = `transfer ${JSON.stringify({ study: path, to: flags.to, dataset })}`;
  const results = new ResultFiles({ of, inputs: [path], overwrite: flags.overwrite });
  const summary = join(folder, 'transfer.json');
  const page = join(folder, 'transfer.html');
  const architectures = networks.map((cells) => architectureFile(folder, cells));
  results.claim(Trainings.stateFile(folder), summary, page, ...architectures);
  for (const cells of networks) writeWhole(architectureFile(folder, cells), [printArchitecture(cells.architecture)]);
  const trainings = new Trainings(folder, block, flags.overwrite ?? false);
  const short: Trained[] = [];
  for (const cells of networks) short.push(await trainings.run(shortStep(cells, schedule)));
  const accuracies = short.map(({ validationAccuracy }) => validationAccuracy);
  const chosen = accuracies.indexOf(Math.max(...accuracies));
  const final = await trainings.run(finalStep(networks[chosen]!, schedule));

  const found: TransferFound = {
    study: path,
    dataset,
    recipe: schedule.recipe,
    size: flags.size ?? namedModels[target.network].input,
    networks: networks.map((cells, place) => ({ cells, short: short[place]! })),
    chosen,
    final,
  };
  const figures = writeFigure5(folder, figureModels(found), results);
  writeWhole(page, [transferPage(found, readFileSync(figures[0]!, 'utf8'))]);
  const files = [page, ...figures, summary];
  const document = {
    ...found,
    to: flags.to,
    limits,
    networks: found.networks.map(({ cells, short }) => ({ ...sizesOf(cells), short })),
    chosen: networks[chosen]!.name,
    weights: final.weights,
    files,
  };
  writeWhole(summary, [`${JSON.stringify(document, null, 1)}\n`]);
  results.keep();
  if (flags.json) return printDocument(document);
  const { head, rows } = transferTable(found);
  const lines = [...transferSentences(found), '', ...alignColumns([head, ...rows], 'lr'), ''];
  printWords([...lines, ...comparability(classes, dataset), `weights in ${final.weights}`, ...files, ''].join('\n'));
}

/** Returns the number of classes, and of the images that are not held out of the training. */
async function imagesIn(dataset: string): Promise<{ classes: number; images: number }> {
  const counts = (classes: number, all: number) => ({ classes, images: all - heldOutOf(all, classes) });
  if (dataset === 'cifar10') return counts(10, 50_000);
  const { openTrainingSource } = await import('../../streams/training-source.ts');
  using source = await openTrainingSource(dataset);
  return counts(source.classes.length, source.train.places.length);
}

function limitsOf(target: Target, { budget, maxParameters, maxLatency }: Flags): TransferLimits {
  const stated = [budget, maxParameters, maxLatency].some((limit) => limit !== undefined);
  return stated ? { multiplyAdds: budget, parameters: maxParameters, latency: maxLatency } : target.limits;
}

interface SizedFor {
  flags: Flags;
  classes: number;
  limits: TransferLimits;
}

/** Returns the best cells of the study, and those to compare with, as networks within the limits. */
async function sizedBest(path: string, target: Target, { flags, classes, limits }: SizedFor): Promise<SizedCells[]> {
  const { cells, size: input, top, compare } = flags;
  const options = targetOptions(target, { classes, ...(cells !== undefined && { cells }), ...(input && { input }) });
  using study = openSearch(path, { readOnly: true });
  const named = [
    ...bestCells(study, top),
    ...(compare === undefined ? [] : [{ name: compare, architecture: namedCells[compare]! }]),
  ];
  if (named.length === (compare === undefined ? 0 : 1))
    throw new InputError(`${path}: expected a finished trial, got none yet`);
  const sized: SizedCells[] = [];
  for (const each of named) {
    const found = await sizedCells(each, options, limits);
    if (!found) throw tooSmall(each, options, limits);
    sized.push(found);
  }
  return sized;
}

function tooSmall({ name, architecture }: NamedCells, options: Omit<PlanOptions, 'filters'>, limits: TransferLimits) {
  const { trainableParameters, multiplyAdds } = planNetwork(architecture, { ...options, filters: filterStep });
  const smallest = `N = ${options.cells}, F = ${filterStep}, with ${whole(trainableParameters)} parameters and ${whole(multiplyAdds)} multiply-adds`;
  return new InputError(
    `${name}: expected limits that its smallest network meets (${smallest}), got ${limitWords(limits)}`,
  );
}

const limitWords = ({ multiplyAdds, parameters, latency }: TransferLimits): string =>
  [
    ...(multiplyAdds === undefined ? [] : [`${whole(multiplyAdds)} multiply-adds`]),
    ...(parameters === undefined ? [] : [`${whole(parameters)} parameters`]),
    ...(latency === undefined ? [] : [millisecondsWords(latency)]),
  ].join(' and ');

const sizesOf = ({ architecture: _, ...sizes }: SizedCells) => sizes;

function sizeLines(networks: readonly SizedCells[]): string[] {
  const timed = networks.some(({ latency }) => latency !== undefined);
  const head = ['cells', 'N', 'F', 'N @ P', 'parameters', 'multiply-adds', ...(timed ? ['one image'] : [])];
  const rows = networks.map(({ name, cells, filters, penultimate, parameters, multiplyAdds, latency }) => [
    name,
    String(cells),
    String(filters),
    `${cells} @ ${penultimate}`,
    whole(parameters),
    whole(multiplyAdds),
    ...(latency === undefined ? [] : [millisecondsWords(latency)]),
  ]);
  return alignColumns([head, ...rows], 'lr');
}

function printPlan(networks: readonly SizedCells[], schedule: Schedule, { json }: Flags): void {
  const steps = networks.map((cells) => shortStep(cells, schedule));
  const last = finalStep(networks[0]!, schedule);
  if (json) {
    printDocument({ networks: networks.map(sizesOf), trainings: steps, final: last });
    return;
  }
  const commands = [
    'Each cell at first:',
    ...steps.map((step) => `  ${commandLine(step)}`),
    'Then the one with the highest validation accuracy, here the first:',
    `  ${commandLine(last)}`,
  ];
  printWords([...sizeLines(networks), '', ...commands, ''].join('\n'));
}
