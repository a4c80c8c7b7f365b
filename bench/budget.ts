// Compares networks of equal budgets: the accuracy on CIFAR-10's 10,000 test images of networks that each had a whole
// budget, over seeds.
//   node bench/budget.ts --log FILE [--minutes 8,60] [--seeds 3] [--first-seed 1] [--picture FILE.svg]
//     [--contender search,quick,nasnet-a,random,resnet,pytorch,FILE.json] [--held-out]
// search: `nasnet search --minutes`, all of it counted. quick, nasnet-a: the named cell alone, random: a random cell,
// FILE.json: the cell of an architecture file, each trained for the whole budget at the size and for the epochs that
// forecast/budget.ts chooses for it, by a search of which every minute belongs to the final network. resnet: a residual
// network in our engine by the same recipe; pytorch: the same one in PyTorch. Plans and finished runs are lines of the
// log: the bench, its searches and its trainings can be stopped and resumed. Searches and plans need an idle machine;
// what a plan says is then trained, however long it takes: --plan measures the plans that are missing (a minute each)
// and ends. --held-out prints the accuracy on the held-out images: choose among cells by that.
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join, parse, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { readKnown } from '../src/cli/search/known-cells.ts';
import { prepareCifar10 } from '../src/data/cifar10.ts';
import { planFinal } from '../src/forecast/plan-final.ts';
import { epochRatio } from '../src/forecast/probe.ts';
import { costOptions, countsOf, startOf } from '../src/forecast/start.ts';
import { RandomStream } from '../src/random/stream.ts';
import { defaultBlocks } from '../src/space/decisions.ts';
import { sampleDecisions } from '../src/space/sample.ts';
import { defaultSpace } from '../src/space/search-space.ts';
import { fewestForInterval, meanInterval } from '../src/statistics/mean-interval.ts';
import { mean } from '../src/statistics/order.ts';
import { Candidate } from '../src/study/candidate.ts';
import { finalSizes } from '../src/study/final-training.ts';
import { fitted, settingsOf } from '../src/study/presets.ts';
import { budgetPicture } from './budget-picture.ts';
import { type Accuracies, type Plan, planInPyTorch, planResNet, trainInPyTorch, trainResNet } from './budget-resnet.ts';
import { hundredths, meanWords } from './proxy-children.ts';
import { appendToLog, readLog } from './run-log.ts';

const contenders = ['search', 'quick', 'nasnet-a', 'random', 'resnet', 'pytorch'] as const;
/** One of these, or the path of an architecture file. */
type Contender = string;

/** The contender, budget and seed of a line of the log. */
interface Task {
  contender: Contender;
  minutes: number;
  seed: number;
}

/** A finished run, a line of the log. */
interface Run extends Task {
  /** Share of right answers; of the held-out images since the bench tells it, and not of searches. */
  test: number;
  validation?: number;
  /** Wall-clock seconds; with a plan those of the training alone, which other programs may have slowed down. */
  seconds: number;
  /** N:F:pixels:epochs */
  network: string;
}

/** The training that the budget allows a contender on an idle machine, a line of the log. */
interface Planned extends Task {
  /** The same for all seeds, except of random cells. */
  plan: Plan;
}

const { values } = parseArgs({
  options: {
    log: { type: 'string' },
    minutes: { type: 'string', default: '8,60' },
    seeds: { type: 'string', default: '3' },
    'first-seed': { type: 'string', default: '1' },
    contender: { type: 'string', default: contenders.join() },
    picture: { type: 'string' },
    plan: { type: 'boolean', default: false },
    'held-out': { type: 'boolean', default: false },
  },
});
if (!values.log) throw new Error('expected --log FILE');
const log = resolve(values.log);
const budgets = values.minutes.split(',').map(Number);
const chosen: Contender[] = values.contender.split(',');
for (const name of chosen)
  if (!contenders.some((each) => each === name) && !name.endsWith('.json'))
    throw new Error(`--contender: expected ${contenders.join()} or FILE.json, got ${name}`);
/** As many as `search` holds out. */
const heldOut = settingsOf('laptop', { dataset: 'cifar10', seed: 1, strategy: 'random' }).validationImages!;
const nasnet = resolve(import.meta.dirname, '../bin/nasnet');

const measure = values['held-out'] ? 'validation' : 'test';

const read = () => readLog<Run | Planned>(log);
const write = (line: Run | Planned) => appendToLog(log, line);
const runs = () => read().filter((line) => 'test' in line);
const same = (a: Task) => (b: Task) => a.contender === b.contender && a.minutes === b.minutes && a.seed === b.seed;
const named = ({ cells, filters, resolution, epochs }: Plan) => `${cells}:${filters}:${resolution}:${epochs}`;

/** All contenders compute in it: PyTorch and the residual networks have nothing else here. */
const inFloat32 = ['--precision', 'float32'];

/** Returns the output of a command with --json. */
function answer(words: string[]) {
  const { status, stdout } = spawnSync(process.execPath, [nasnet, ...words, '--json'], {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status !== 0) throw new Error(`nasnet ${words.join(' ')} ended with ${status}`);
  return JSON.parse(stdout);
}

function search(task: Task, folder: string): Run {
  const { minutes, seed } = task;
  const study = join(folder, 'study.db');
  const found = answer(['search', '--minutes', `${minutes}`, '--seed', `${seed}`, '--study', study, ...inFloat32]);
  const { recipe, ...size } = found.finalTraining;
  const network = named({ ...size, epochs: recipe.epochs });
  return { ...task, test: found.final.testAccuracy, seconds: found.budget.spent, network };
}

/** A plan's measurement of each size, a long one: unlike a search's, the end of its training is not moved. */
const probe = { steps: 200, seconds: 10 };

/** One cell that has the whole budget. */
async function planCell(task: Task): Promise<Plan> {
  const { minutes, seed } = task;
  const counts = countsOf(await prepareCifar10());
  const laptop = settingsOf('laptop', { dataset: 'cifar10', seed, strategy: 'random', budget: 60 * minutes });
  const settings = fitted(laptop, counts);
  const searching = { settings, counts, trials: 0, workers: availableParallelism() };
  const { laws } = await startOf(searching, true, () => {});
  const candidate = new Candidate(await decisionsOf(task), defaultSpace);
  const time = { budget: 60 * minutes, left: () => 60 * minutes };
  const threads = availableParallelism();
  const { size, epochs } = await planFinal(candidate, costOptions(searching, laws), time, {
    measure: (_, training, epochSeconds) =>
      epochRatio(candidate, training, searching, { threads, epochSeconds, probe }),
  });
  const { cells, filters, resolution } = finalSizes(settings)[size]!;
  return { cells, filters, resolution, epochs };
}

async function trainCell(task: Task, plan: Plan, folder: string): Promise<Accuracies> {
  const cell = join(folder, 'cell.json');
  writeFileSync(cell, JSON.stringify(new Candidate(await decisionsOf(task), defaultSpace).architecture));
  const { cells, filters, resolution, epochs } = plan;
  const { test, last } = answer([
    ...['train', `${cell}:${cells}`, '--filters', `${filters}`, '--size', `${resolution}`, '--epochs', `${epochs}`],
    ...['--recipe', 'fast', '--seed', `${task.seed}`, '--validation-images', `${heldOut}`, ...inFloat32],
    ...['--output', join(folder, 'network.safetensors'), '--overwrite'],
  ]);
  return { test: test.accuracy, validation: last.accuracy };
}

async function decisionsOf({ contender, seed }: Task): Promise<number[]> {
  if (contender === 'random') return sampleDecisions(new RandomStream(`budget, seed ${seed}`));
  return (await readKnown([contender], { space: defaultSpace, blocks: defaultBlocks }))[0]!;
}

function planOf(task: Task, folder: string): Plan | Promise<Plan> {
  if (task.contender === 'resnet') return planResNet(task.minutes, heldOut);
  if (task.contender === 'pytorch') return planInPyTorch(task.minutes, heldOut, folder);
  return planCell(task);
}

function accuracyOf(task: Task, plan: Plan, folder: string): Promise<Accuracies> {
  if (task.contender === 'resnet') return trainResNet(plan, task.seed, heldOut, folder);
  if (task.contender === 'pytorch') return trainInPyTorch(plan, task.seed, heldOut, folder);
  return trainCell(task, plan, folder);
}

/** Trains by the plan of the log, which is made first where it is missing. */
async function runPlan(task: Task, folder: string): Promise<void> {
  const holds = (line: Task) => same(task)(task.contender === 'random' ? line : { ...line, seed: task.seed });
  let planned = read().find((line) => 'plan' in line && holds(line)) as Planned | undefined;
  if (!planned) {
    planned = { ...task, plan: await planOf(task, folder) };
    write(planned);
  }
  if (values.plan) return;
  const began = performance.now();
  const accuracies = await accuracyOf(task, planned.plan, folder);
  write({ ...task, ...accuracies, seconds: (performance.now() - began) / 1000, network: named(planned.plan) });
}

const firstSeed = Number(values['first-seed']);
for (let seed = firstSeed; seed < firstSeed + Number(values.seeds); seed++) {
  for (const minutes of budgets) {
    for (const contender of chosen) {
      const task = { contender, minutes, seed };
      if (runs().some(same(task))) continue;
      const folder = join(dirname(log), `${parse(contender).name}-${minutes}-${seed}`);
      mkdirSync(folder, { recursive: true });
      if (contender !== 'search') await runPlan(task, folder);
      else if (!values.plan) write(search(task, folder));
    }
  }
}

const results = budgets.flatMap((minutes) =>
  chosen.flatMap((contender) => {
    const some = runs().filter((run) => run.contender === contender && run.minutes === minutes);
    const accuracies = some.flatMap((run) => run[measure] ?? []);
    if (accuracies.length === 0) return [];
    const { mean: accuracy, halfWidth } = meanInterval(accuracies);
    const half = accuracies.length < fewestForInterval ? 0 : halfWidth!;
    return [{ minutes, contender, runs: some, accuracies, accuracy, half }];
  }),
);

console.log(`| minutes | contender | seeds | ${measure} accuracy, % | minutes taken | N:F:pixels:epochs |`);
console.log('| --- | --- | --- | --- | --- | --- |');
for (const { minutes, contender, runs, accuracies, accuracy, half } of results) {
  const took = (mean(runs.map(({ seconds }) => seconds)) / 60).toFixed(1);
  const each = accuracies.length < 2 ? '' : ` (${accuracies.map(hundredths).join(', ')})`;
  const shown = `${half > 0 ? meanWords(accuracies) : hundredths(accuracy)}${each}`;
  const networks = runs.map(({ network }) => network).join(', ');
  console.log(`| ${minutes} | ${contender} | ${runs.length} | ${shown} | ${took} | ${networks} |`);
}
if (values.picture) writeFileSync(values.picture, budgetPicture(results));
