// Compares networks of equal processor time: cells and residual networks at sizes, each trained by the recipe `fast`
// for as many epochs as the seconds allow it; the accuracy on CIFAR-10 over seeds. Plans and finished runs are lines of
// a log, so the bench can be stopped and resumed.
//   node bench/equal-time.ts --log FILE --seconds 200 [--seeds 1] [--first-seed 1] [--test] CASE...
// A case is CELL@N:F:PIXELS; CELL is nasnet-a, an architecture file, STUDY.db#TRIAL or `resnet`, which has N blocks in
// each of three stages. Fields of the recipe may follow, as +translate=0.125. Seconds are those of one thread; a plan
// measures some steps and is the same for all seeds. Accuracies are those of 5,000 training images that are held out:
// choose by them. --test prints the test images'.
import { parseArgs } from 'node:util';
import { readArchitecture } from '../src/cli/flags/model-source.ts';
import { prepareCifar10 } from '../src/data/cifar10.ts';
import { openTrainingImages } from '../src/data/training-images.ts';
import { cpu, onCpu } from '../src/engine/device.ts';
import { setThreads } from '../src/engine/machine.ts';
import { parseArchitectureSource } from '../src/plan/model-name.ts';
import type { Architecture } from '../src/space/architecture.ts';
import { mean } from '../src/statistics/order.ts';
import { recipes, stepsPerEpoch } from '../src/train/recipe.ts';
import { meanWords } from './proxy-children.ts';
import { appendToLog, readLog } from './run-log.ts';
import { meanStep, openTrainee, processorSeconds, stepSeconds, trainTrainee, withFields } from './trainee.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    log: { type: 'string' },
    seconds: { type: 'string' },
    seeds: { type: 'string', default: '1' },
    'first-seed': { type: 'string', default: '1' },
    test: { type: 'boolean', default: false },
  },
});
if (!values.log || !values.seconds || positionals.length === 0)
  throw new Error('expected --log FILE, --seconds and at least one CELL@N:F:PIXELS');
const log = values.log;
const budget = Number(values.seconds);
const measure = values.test ? 'test' : 'validation';
const probed = 30; // steps

/** The epochs that the seconds allow a case, a line of the log. */
interface Planned {
  case: string;
  seconds: number;
  epochs: number;
}

/** A finished run, a line of the log. */
interface Run extends Planned {
  seed: number;
  parameters: number;
  trainingAccuracy: number;
  /** Shares of right answers after the last epoch. */
  validation: number;
  test: number;
  processorSeconds: number;
}

async function open(words: string) {
  const [sizes, ...fields] = words.split('+') as [string, ...string[]];
  const [, cell = '', ...numbers] = /^(.+)@(\d+):(\d+):(\d+)$/.exec(sizes) ?? [];
  if (!cell) throw new Error(`expected CELL@N:F:PIXELS, got ${words}`);
  const [cells, filters, resolution] = numbers.map(Number) as [number, number, number];
  const kind: Architecture | 'resnet' =
    cell === 'resnet' ? cell : await readArchitecture(parseArchitectureSource(cell));
  const images = await openTrainingImages(files, { resolution, device: cpu, seed: 1 });
  return { kind, images, size: { cells, filters, resolution, recipe: withFields(recipes.fast, fields) } };
}

type Opened = Awaited<ReturnType<typeof open>>;

async function plan(words: string, { kind, images, size }: Opened): Promise<Planned> {
  const step = meanStep(await stepSeconds(kind, size, images, { clock: processorSeconds, probed }), size.recipe);
  const steps = stepsPerEpoch(images.parts.train.length, size.recipe.batchSize);
  return { case: words, seconds: budget, epochs: Math.max(1, Math.floor((20 * budget) / (step * steps))) / 20 };
}

async function train(planned: Planned, seed: number, { kind, images, size }: Opened): Promise<Run> {
  const recipe = { ...size.recipe, epochs: planned.epochs };
  const classes = images.dataset.classes.length;
  const began = processorSeconds();
  using trainee = openTrainee(kind, { ...size, recipe }, { classes, seed, computing: onCpu });
  const { last, test } = await trainTrainee(trainee, images, recipe, seed);
  const used = processorSeconds() - began;
  const parameters = [...trainee.network.parameters()].reduce((sum, { size }) => sum + size, 0);
  const { trainingAccuracy, validation } = last;
  const accuracies = { trainingAccuracy, validation: validation!.accuracy, test: test() };
  return { ...planned, seed, parameters, ...accuracies, processorSeconds: used };
}

const same = (words: string) => (line: Planned) => line.case === words && line.seconds === budget;
const runs = (words: string) =>
  readLog<Run | Planned>(log).filter((line): line is Run => 'seed' in line && same(words)(line));

setThreads(1);
const files = await prepareCifar10();
const firstSeed = Number(values['first-seed']);
for (let seed = firstSeed; seed < firstSeed + Number(values.seeds); seed++) {
  for (const words of positionals) {
    if (runs(words).some((run) => run.seed === seed)) continue;
    const opened = await open(words);
    let planned = readLog<Planned>(log).find((line) => !('seed' in line) && same(words)(line));
    if (!planned) {
      planned = await plan(words, opened);
      appendToLog(log, planned);
    }
    appendToLog(log, await train(planned, seed, opened));
  }
}

console.log(`${budget} processor-seconds each, of one thread; ± is the 95% interval over seeds`);
console.log(
  `| cell, N:F:pixels | seeds | epochs | parameters | on its training images, % | ${measure}, % | processor-seconds |`,
);
console.log('| --- | --- | --- | --- | --- | --- | --- |');
for (const words of positionals) {
  const own = runs(words);
  const seconds = mean(own.map((run) => run.processorSeconds)).toFixed(0);
  const { epochs, parameters } = own[0]!;
  const ofAll = (key: 'trainingAccuracy' | typeof measure) => meanWords(own.map((run) => run[key]));
  console.log(
    `| ${words} | ${own.length} | ${epochs} | ${parameters} | ${ofAll('trainingAccuracy')} | ${ofAll(measure)} | ${seconds} |`,
  );
}
