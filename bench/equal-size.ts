// Compares cells with NASNet-A in networks of equal size: the same recipe, numbers of parameters within 2% of each
// other, the accuracy on CIFAR-10's 10,000 test images over seeds. Finished runs are lines of a log, so the bench can
// be stopped and resumed.
//   node bench/equal-size.ts --log FILE [--size 1:16:16:4] [--seeds 5] [--first-seed 1] [--threads 1] [--held-out]
//     CELL[@EPOCHS]...
// CELL is an architecture file or STUDY.db#TRIAL. --size is N:F:PIXELS:EPOCHS of NASNet-A, by the recipe `fast`; each
// cell has the filters with which its number of parameters is nearest to NASNet-A's, and as many epochs or its own: a
// cell that takes less time for a step has more of them in the same time, as the processor-seconds show. --held-out
// compares on the 5,000 training images that are held out: choose among cells with that and some seeds, then test one
// with others.
import { parseArgs } from 'node:util';
import { readArchitecture } from '../src/cli/flags/model-source.ts';
import { prepareCifar10 } from '../src/data/cifar10.ts';
import { openTrainingImages } from '../src/data/training-images.ts';
import { cpu, onCpu } from '../src/engine/device.ts';
import { setThreads } from '../src/engine/machine.ts';
import { parseArchitectureSource } from '../src/plan/model-name.ts';
import type { Architecture } from '../src/space/architecture.ts';
import { nasnetA } from '../src/space/published.ts';
import { mean } from '../src/statistics/order.ts';
import { trainedPlan } from '../src/study/training-plan.ts';
import { recipes } from '../src/train/recipe.ts';
import { meanWords } from './proxy-children.ts';
import { appendToLog, readLog } from './run-log.ts';
import { openTrainee, processorSeconds, trainTrainee } from './trainee.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    log: { type: 'string' },
    size: { type: 'string', default: '1:16:16:4' },
    seeds: { type: 'string', default: '5' },
    'first-seed': { type: 'string', default: '1' },
    'held-out': { type: 'boolean', default: false },
    threads: { type: 'string', default: '1' },
  },
});
if (!values.log || positionals.length === 0) throw new Error('expected --log FILE and at least one cell');
const log = values.log;
const [cells, filters, resolution, epochs] = values.size.split(':').map(Number) as [number, number, number, number];
const measure = values['held-out'] ? 'validation' : 'test';
const classes = 10;
const mostDifferent = 0.02;

/** A finished run, a line of the log. */
interface Run {
  cell: string;
  /** N:F:PIXELS:EPOCHS */
  size: string;
  seed: number;
  parameters: number;
  validation: number;
  test: number;
  processorSeconds: number;
}

interface Contender {
  cell: string;
  architecture: Architecture;
  filters: number;
  epochs: number;
}

const trainingOf = ({ filters, epochs }: Pick<Contender, 'filters' | 'epochs'>) => ({
  ...{ cells, filters, resolution, recipe: { ...recipes.fast, epochs } },
});
const parametersOf = (architecture: Architecture, filters: number) =>
  trainedPlan(architecture, trainingOf({ filters, epochs }), classes).trainableParameters;

/** Returns the cell and NASNet-A with the fewest filters, of NASNet-A at least those of --size, of equal parameters. */
function pairOf(cell: string, architecture: Architecture, ownEpochs: number): [Contender, Contender] {
  for (let own = filters; own <= 3 * filters; own++) {
    const wanted = parametersOf(nasnetA, own);
    for (let other = Math.floor(own / 3); other <= 3 * own; other++) {
      if (Math.abs(parametersOf(architecture, other) / wanted - 1) <= mostDifferent)
        return [
          { cell, architecture, filters: other, epochs: ownEpochs },
          { cell: 'nasnet-a', architecture: nasnetA, filters: own, epochs },
        ];
    }
  }
  throw new Error(`${cell}: found no number of filters with as many parameters as NASNet-A within 2%`);
}

async function train(contender: Contender, seed: number): Promise<Run> {
  const { cell, architecture, filters } = contender;
  const training = trainingOf(contender);
  const images = await openTrainingImages(files, { resolution, device: cpu, seed: 1 });
  const began = processorSeconds();
  using trainee = openTrainee(architecture, training, { classes, seed, computing: onCpu });
  const { last, test } = await trainTrainee(trainee, images, training.recipe, seed);
  const used = processorSeconds() - began;
  return {
    ...{ cell, size: sizeOf(contender), seed, parameters: parametersOf(architecture, filters) },
    ...{ validation: last.validation!.accuracy, test: test(), processorSeconds: used },
  };
}

const sizeOf = ({ filters, epochs }: Contender) => `${cells}:${filters}:${resolution}:${epochs}`;

function runOf(contender: Contender, seed: number): Run | undefined {
  const size = sizeOf(contender);
  return readLog<Run>(log).find((run) => run.cell === contender.cell && run.size === size && run.seed === seed);
}

setThreads(Number(values.threads));
const files = await prepareCifar10();
const pairs: [Contender, Contender][] = [];
for (const words of positionals) {
  const [, cell = '', own] = /^(.*?)(?:@([\d.]+))?$/.exec(words)!;
  pairs.push(pairOf(cell, await readArchitecture(parseArchitectureSource(cell)), Number(own ?? epochs)));
}
const seeds = Array.from({ length: Number(values.seeds) }, (_, place) => Number(values['first-seed']) + place);
for (const seed of seeds) {
  for (const contender of pairs.flat()) if (!runOf(contender, seed)) appendToLog(log, await train(contender, seed));
}

console.log(
  `NASNet-A: ${epochs} epochs; ${resolution} × ${resolution} pixels, N = ${cells}; ${seeds.length} seeds, 95% intervals`,
);
console.log(
  `| cell | F | epochs | parameters | ${measure}, % | NASNet-A, F | epochs | parameters | ${measure}, % | difference | processor-seconds |`,
);
console.log('| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |');
for (const [found, published] of pairs) {
  const [own, other] = [found, published].map((contender) => seeds.map((seed) => runOf(contender, seed)!)) as [
    Run[],
    Run[],
  ];
  const accuracies = (runs: Run[]) => runs.map((run) => run[measure]);
  const difference = own.map((run, place) => run[measure] - other[place]![measure]);
  const seconds = [own, other].map((runs) => mean(runs.map(({ processorSeconds }) => processorSeconds)).toFixed(0));
  const half = ({ filters, epochs }: Contender, runs: Run[]) =>
    `${filters} | ${epochs} | ${runs[0]!.parameters} | ${meanWords(accuracies(runs))}`;
  console.log(
    `| ${found.cell} | ${half(found, own)} | ${half(published, other)} | ${meanWords(difference)} | ${seconds.join(', ')} |`,
  );
}
