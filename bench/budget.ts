// Compares networks of equal budgets: the accuracy on CIFAR-10's 10,000 test images of networks that each had a whole
// budget, over seeds.
//   node bench/budget.ts --log FILE [--minutes 8,60] [--seeds 3] [--picture FILE.svg]
//     [--contender search,nasnet-a,random,resnet,pytorch]
// search: `nasnet search --minutes`, all of it counted. nasnet-a: the published cell alone, random: a random cell, each
// trained for the whole budget at the size and for the epochs that forecast/budget.ts chooses for it, by a search of
// which every minute belongs to the final network. resnet: a residual network in our engine by the same recipe;
// pytorch: the same one in PyTorch. Finished runs are lines of the log: the bench and its searches can be stopped and
// resumed. It needs an idle machine, for seeds × budgets × contenders.
import { spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { prepareCifar10 } from '../src/data/cifar10.ts';
import { finalWithin } from '../src/forecast/budget.ts';
import { epochSeconds, finalCosts } from '../src/forecast/budget-costs.ts';
import { epochRatio } from '../src/forecast/probe.ts';
import { costOptions, countsOf, startOf } from '../src/forecast/start.ts';
import { RandomStream } from '../src/random/stream.ts';
import { sampleDecisions } from '../src/space/sample.ts';
import { defaultSpace } from '../src/space/search-space.ts';
import { criticalValue } from '../src/statistics/student-t.ts';
import { Candidate } from '../src/study/candidate.ts';
import { finalSizes } from '../src/study/final-training.ts';
import { fitted, settingsOf } from '../src/study/presets.ts';
import { publishedDecisions } from '../src/study/published-cells.ts';
import { budgetPicture } from './budget-picture.ts';
import { type Found, resnet, resnetInPyTorch } from './budget-resnet.ts';
import { mean, variance } from './proxy-children.ts';

const contenders = ['search', 'nasnet-a', 'random', 'resnet', 'pytorch'] as const;
type Contender = (typeof contenders)[number];

/** A finished run, a line of the log. */
interface Run extends Found {
  contender: Contender;
  minutes: number;
  seed: number;
}

const { values } = parseArgs({
  options: {
    log: { type: 'string' },
    minutes: { type: 'string', default: '8,60' },
    seeds: { type: 'string', default: '3' },
    contender: { type: 'string', default: contenders.join() },
    picture: { type: 'string' },
  },
});
if (!values.log) throw new Error('expected --log FILE');
const log = resolve(values.log);
const budgets = values.minutes.split(',').map(Number);
const chosen = contenders.filter((name) => values.contender.split(',').includes(name));
/** As many as `search` holds out. */
const heldOut = settingsOf('laptop', { dataset: 'cifar10', seed: 1, strategy: 'random' }).validationImages!;
const nasnet = resolve(import.meta.dirname, '../bin/nasnet');

const read = (): Run[] =>
  existsSync(log)
    ? readFileSync(log, 'utf8')
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line))
    : [];

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

function search(minutes: number, seed: number, folder: string): Found {
  const study = join(folder, 'study.db');
  const found = answer(['search', '--minutes', `${minutes}`, '--seed', `${seed}`, '--study', study]);
  const { cells, filters, resolution, recipe } = found.finalTraining;
  return {
    test: found.final.testAccuracy,
    seconds: found.budget.spent,
    network: `${cells}:${filters}:${resolution}:${recipe.epochs}`,
  };
}

/** One cell that has the whole budget, the measuring of its speed included. */
async function alone(decisions: readonly number[], minutes: number, seed: number, folder: string): Promise<Found> {
  const began = performance.now();
  const counts = countsOf(await prepareCifar10());
  const settings = fitted(
    settingsOf('laptop', { dataset: 'cifar10', seed, strategy: 'random', budget: 60 * minutes }),
    counts,
  );
  const searching = { settings, counts, trials: 0, workers: availableParallelism() };
  const { laws } = await startOf(searching, true, () => {});
  const candidate = new Candidate(decisions, defaultSpace);
  const options = costOptions(searching, laws);
  const predicted = finalCosts([candidate], options);
  const left = () => 60 * minutes - (performance.now() - began) / 1000;
  const first = finalSizes(settings)[finalWithin(left(), 60 * minutes, predicted).size]!;
  const ratio =
    (await epochRatio(candidate, first, searching, {
      threads: availableParallelism(),
      epochSeconds: epochSeconds(first, [candidate], options),
    })) ?? 1;
  const costs = predicted.map(({ epoch, once, ...rest }) => ({ ...rest, epoch: ratio * epoch, once: ratio * once }));
  const { size, epochs } = finalWithin(left(), 60 * minutes, costs);
  const training = finalSizes(settings)[size]!;
  const { cells, filters, resolution, recipe } = training;
  const cell = join(folder, 'cell.json');
  writeFileSync(cell, JSON.stringify(candidate.architecture));
  const words = [
    '--recipe',
    'fast',
    '--batch-size',
    `${recipe.batchSize}`,
    '--validation-images',
    `${settings.validationImages}`,
  ];
  const { test } = answer([
    ...['train', `${cell}:${cells}`, '--filters', `${filters}`, '--size', `${resolution}`, '--epochs', `${epochs}`],
    ...[...words, '--seed', `${seed}`, '--output', join(folder, 'network.safetensors'), '--overwrite'],
  ]);
  const seconds = (performance.now() - began) / 1000;
  return { test: test.accuracy, seconds, network: `${cells}:${filters}:${resolution}:${epochs}` };
}

function cellOf(contender: 'nasnet-a' | 'random', seed: number): number[] {
  if (contender === 'random') return sampleDecisions(new RandomStream(`budget, seed ${seed}`));
  return publishedDecisions(defaultSpace, 5)[0]!;
}

function run(contender: Contender, minutes: number, seed: number, folder: string): Found | Promise<Found> {
  if (contender === 'search') return search(minutes, seed, folder);
  if (contender === 'resnet') return resnet(minutes, seed, heldOut);
  if (contender === 'pytorch') return resnetInPyTorch(minutes, seed, heldOut, folder);
  return alone(cellOf(contender, seed), minutes, seed, folder);
}

for (let seed = 1; seed <= Number(values.seeds); seed++) {
  for (const minutes of budgets) {
    for (const contender of chosen) {
      const same = (run: Run) => run.contender === contender && run.minutes === minutes && run.seed === seed;
      if (read().some(same)) continue;
      const folder = join(dirname(log), `${contender}-${minutes}-${seed}`);
      mkdirSync(folder, { recursive: true });
      const found = await run(contender, minutes, seed, folder);
      appendFileSync(log, `${JSON.stringify({ contender, minutes, seed, ...found } satisfies Run)}\n`);
    }
  }
}

/** Half of the 95% interval of a mean; 0 of a single one. */
const halfOf = (values: readonly number[]) =>
  values.length < 2 ? 0 : criticalValue(0.025, values.length - 1) * Math.sqrt(variance(values) / values.length);

const results = budgets.flatMap((minutes) =>
  chosen.flatMap((contender) => {
    const runs = read().filter((run) => run.contender === contender && run.minutes === minutes);
    if (runs.length === 0) return [];
    const tests = runs.map(({ test }) => test);
    return [{ minutes, contender, runs, accuracy: mean(tests), half: halfOf(tests) }];
  }),
);

console.log('| minutes | contender | seeds | test accuracy, % | minutes taken | N:F:pixels:epochs |');
console.log('| --- | --- | --- | --- | --- | --- |');
for (const { minutes, contender, runs, accuracy, half } of results) {
  const took = (mean(runs.map(({ seconds }) => seconds)) / 60).toFixed(1);
  const shown = `${(100 * accuracy).toFixed(2)}${half > 0 ? ` ± ${(100 * half).toFixed(2)}` : ''}`;
  const networks = runs.map(({ network }) => network).join(', ');
  console.log(`| ${minutes} | ${contender} | ${runs.length} | ${shown} | ${took} | ${networks} |`);
}
if (values.picture) writeFileSync(values.picture, budgetPicture(results));
