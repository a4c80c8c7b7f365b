// Measures the effect of hyperparameters: a cell trained on CIFAR-10 by different recipes, over seeds, and evaluated on
// 5,000 held-out images. Finished runs are lines of a log, so the bench can be stopped and resumed.
//   node bench/recipes.ts --log FILE [--recipe small] [--seeds 3] [--threads 1] [--each | --without] [--test]
//                         [--precision float32 | bfloat16] CASE...
// A case is N:F:PIXELS:EPOCHS:BATCH:RATE with fields of the recipe behind it, as
// 1:8:16:5:64:0.1+labelSmoothing=0.1+flip=alternate, of NASNet-A or of the cell named before it: quick@1:8:32:6:64:0.2.
// With an R before N it is a ResNet with N blocks in each of three stages, the first of F channels (resnet.ts). --each:
// also the last case without any of the fields, and with each alone. --without: also with all but one of them. Test
// images are only used with --test, for a chosen recipe.
import { parseArgs } from 'node:util';
import { readArchitecture } from '../src/cli/flags/model-source.ts';
import { prepareCifar10 } from '../src/data/cifar10.ts';
import { openTrainingImages } from '../src/data/training-images.ts';
import { computingOn, cpu, type Precision } from '../src/engine/device.ts';
import { setThreads } from '../src/engine/machine.ts';
import { parseArchitectureSource } from '../src/plan/model-name.ts';
import { mean } from '../src/statistics/order.ts';
import { type Recipe, type RecipeName, recipes } from '../src/train/recipe.ts';
import { meanWords } from './proxy-children.ts';
import { appendToLog, readLog } from './run-log.ts';
import { openTrainee, processorSeconds, trainTrainee, withFields } from './trainee.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    log: { type: 'string' },
    recipe: { type: 'string', default: 'small' },
    seeds: { type: 'string', default: '3' },
    threads: { type: 'string', default: '1' },
    each: { type: 'boolean', default: false },
    without: { type: 'boolean', default: false },
    test: { type: 'boolean', default: false },
    precision: { type: 'string', default: 'float32' },
  },
});
if (!values.log || positionals.length === 0) throw new Error('expected --log FILE and at least one case');
setThreads(Number(values.threads));
const files = await prepareCifar10();

/** A finished run, a line of the log. */
interface Run {
  recipe: string;
  case: string;
  seed: number;
  threads: number;
  precision: string;
  /**
   * Share of right answers on the held-out images after the last epoch; with averaged weights where the recipe has
   * them.
   */
  validation: number;
  unaveraged?: number;
  test?: number;
  trainingAccuracy: number;
  /** Seconds of the training alone. */
  seconds: number;
  processorSeconds: number;
}

/** The case as it is, and the variants that --each and --without ask for. */
function variantsOf(text: string): string[] {
  const [sizes, ...fields] = text.split('+') as [string, ...string[]];
  const join = (some: string[]) => [sizes, ...some].join('+');
  const each = values.each ? [join([]), ...fields.map((field) => join([field]))] : [];
  const without = values.without ? fields.map((left) => join(fields.filter((field) => field !== left))) : [];
  return [...new Set([...each, text, ...without])];
}

async function trainingOf(text: string) {
  const [words, ...fields] = text.split('+') as [string, ...string[]];
  const [sizes = '', cell = 'nasnet-a'] = words.split('@').reverse();
  const kind = sizes.startsWith('R') ? 'resnet' : await readArchitecture(parseArchitectureSource(cell));
  const numbers = sizes.replace('R', '').split(':').map(Number);
  const [cells, filters, resolution, epochs, batchSize, learningRate] = numbers;
  const base = { ...recipes[values.recipe as RecipeName], ...{ epochs, batchSize, learningRate } } as Recipe;
  const recipe = withFields(base, fields);
  return { kind, cells: cells!, filters: filters!, resolution: resolution!, recipe } as const;
}

async function train(text: string, seed: number): Promise<Run> {
  const { kind, ...training } = await trainingOf(text);
  const { recipe, resolution } = training;
  const images = await openTrainingImages(files, { resolution, device: cpu, seed: 1 });
  const classes = images.dataset.classes.length;
  const computing = computingOn(cpu, values.precision as Precision);
  using trainee = openTrainee(kind, training, { classes, seed, computing });
  const [started, began] = [performance.now(), processorSeconds()];
  const { last, test } = await trainTrainee(trainee, images, recipe, seed);
  const used = processorSeconds() - began;
  return {
    recipe: values.recipe,
    case: text,
    seed,
    threads: Number(values.threads),
    precision: values.precision,
    validation: last.validation!.accuracy,
    ...(last.unaveraged && { unaveraged: last.unaveraged.accuracy }),
    ...(values.test && { test: test() }),
    trainingAccuracy: last.trainingAccuracy,
    seconds: (performance.now() - started) / 1000,
    processorSeconds: used,
  };
}

const read = () => readLog<Run>(values.log!);

const cases = positionals.flatMap((text, place) => (place === positionals.length - 1 ? variantsOf(text) : [text]));
for (let seed = 1; seed <= Number(values.seeds); seed++) {
  for (const text of cases) {
    const done = read().some(
      (run) =>
        run.recipe === values.recipe &&
        run.case === text &&
        run.seed === seed &&
        run.precision === values.precision &&
        (!values.test || run.test !== undefined),
    );
    if (!done) appendToLog(values.log, await train(text, seed));
  }
}

console.log(`Base: the recipe ${values.recipe}. Accuracy in %, mean ± half of the 95% interval over the seeds.\n`);
console.log(
  '| N:F:pixels:epochs:batch:rate and fields | seeds | held out | of the last weights | test | processor-seconds |',
);
console.log('| --- | --- | --- | --- | --- | --- |');
for (const text of cases) {
  const found = read().filter(
    (run) => run.recipe === values.recipe && run.case === text && run.precision === values.precision,
  );
  const runs = [...new Map(found.map((run) => [run.seed, run])).values()]; // once more with --test is the same run
  const of = (field: 'validation' | 'unaveraged' | 'test') => {
    const some = runs.map((run) => run[field]).filter((value) => value !== undefined);
    return some.length === 0 ? '' : meanWords(some);
  };
  const seconds = mean(runs.map((run) => run.processorSeconds)).toFixed(0);
  console.log(`| ${text} | ${runs.length} | ${of('validation')} | ${of('unaveraged')} | ${of('test')} | ${seconds} |`);
}
