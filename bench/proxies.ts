// Measures how well a small child ranks cells, and its cost: trains cells several times under several proxies.
//   node bench/proxies.ts [--cells 24] [--cell FILE]... [--like LOG] [--runs 2] [--workers 2] [--seed 1] [--log FILE]
//     [--ladder 4,8] [PROXY...]
// The cells are random ones, or those of architecture files; nasnet-a is a name as good as a file. With --like they are
// those of a log of bench/equal-time.ts that had --seconds 350 at --size 1:8:32: each has epochs in the proportion of
// that log, a proxy's number for the first named cell, and τ is with the log's accuracies of held-out images, seed 1.
// A proxy is N:F:PIXELS:IMAGES:EPOCHS:BATCH:RATE, such as 1:4:8:48000:1:64:0.2@fast; default: those below.
// The suffix @enlarge or @none selects another augmentation than @translate; @enlarge@as-stored shows held-out images
// as nasnet 0.1.0 did; @equal-cost gives each cell the epochs that its cost allows. Reliability is the share of the
// rewards' variance that comes from the cells: the squared correlation of one measurement with the mean of infinitely
// many. τ compares the means of a proxy with those of the last proxy. With --like there is also the correlation of
// rewards with the log's accuracies beyond what the cells' cost, which the log's epochs say, explains of both. --log
// keeps each measured proxy as a line of a file, from which the bench goes on. --ladder 4,8, with --like, takes the
// proxies for the rungs of a ladder, the lowest first, and prints the accuracy of the cell that is chosen by it, and by
// children of the last proxy alone, in the time of four and of eight of these.
import { parseArgs } from 'node:util';
import { readArchitecture } from '../src/cli/flags/model-source.ts';
import { prepareCifar10 } from '../src/data/cifar10.ts';
import { countsOf } from '../src/forecast/start.ts';
import { parseArchitectureSource } from '../src/plan/model-name.ts';
import type { Architecture } from '../src/space/architecture.ts';
import { namedCells } from '../src/space/named-cells.ts';
import { rankCorrelation } from '../src/statistics/kendall.ts';
import { mean } from '../src/statistics/order.ts';
import { withEpochs } from '../src/study/presets.ts';
import type { Training } from '../src/study/settings.ts';
import { correlation, partialCorrelation } from './partial-correlation.ts';
import { measure, randomCells, trainingsOf, variance } from './proxy-children.ts';
import { ladderOutcome } from './proxy-ladder.ts';
import { appendToLog, readLog } from './run-log.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    cells: { type: 'string', default: '24' },
    cell: { type: 'string', multiple: true, default: [] },
    like: { type: 'string' },
    seconds: { type: 'string', default: '350' },
    size: { type: 'string', default: '1:8:32' },
    runs: { type: 'string', default: '2' },
    workers: { type: 'string', default: '2' },
    validation: { type: 'string', default: '2000' },
    seed: { type: 'string', default: '1' },
    log: { type: 'string' },
    ladder: { type: 'string' },
  },
});
const [cells, runs, workers, validationImages] = [values.cells, values.runs, values.workers, values.validation].map(
  Number,
) as [number, number, number, number];
const proxies =
  positionals.length > 0 ? positionals : ['1:4:16:4000:1:64:0.1', '1:8:8:4000:1:64:0.1', '1:8:16:4000:1:64:0.1'];

if (values.ladder && !values.like) throw new Error('--ladder: expected --like LOG with it, which says what is best');

/** The runs of a log of bench/equal-time.ts with the stated seconds and size, without residual networks. */
const long = values.like
  ? readLog<LongRun>(values.like).filter(
      (run) =>
        run.seed === 1 &&
        run.seconds === Number(values.seconds) &&
        run.case.endsWith(`@${values.size}`) &&
        !run.case.startsWith('resnet'),
    )
  : [];
interface LongRun {
  case: string;
  seconds: number;
  epochs: number;
  seed: number;
  validation: number;
}
const names = long.length > 0 ? long.map((run) => run.case.replace(/@[^@]*$/, '')) : values.cell;
const files = await prepareCifar10();
const architectures =
  names.length > 0
    ? await Promise.all(names.map((cell) => readArchitecture(parseArchitectureSource(cell))))
    : randomCells(cells, values.seed);
const reference = long.find((run) => run.case.startsWith(`${Object.keys(namedCells)[0]}@`));

/** Returns the training that a proxy means for each architecture, in the proportion of the log if there is one. */
function trainingsLike(proxy: string): (cell: Architecture) => Training {
  const trainingOf = trainingsOf(proxy, countsOf(files));
  if (!reference) return trainingOf;
  return (cell) => {
    const training = trainingOf(cell);
    const epochs = (training.recipe.epochs * long[architectures.indexOf(cell)]!.epochs) / reference.epochs;
    return withEpochs(training, Number(epochs.toPrecision(3)));
  };
}

/** A measured proxy, a line of the log. */
interface Measured {
  proxy: string;
  /** The cells and runs. */
  of: string;
  /** By cell and run. */
  rewards: number[][];
  /** Mean of a child. */
  seconds: number;
}

async function rewardsOf(proxy: string): Promise<Measured> {
  const of = `${architectures.length} cells of ${values.like ?? names.join()}, ${validationImages} held out, seed ${values.seed}, ${runs} runs${values.like ? `, ${values.seconds} s at ${values.size}` : ''}`;
  const earlier = values.log
    ? readLog<Measured>(values.log).find((line) => line.proxy === proxy && line.of === of)
    : undefined;
  if (earlier) return earlier;
  const { rewards, seconds } = await measure(architectures, {
    files,
    training: trainingsLike(proxy),
    validationImages,
    workers,
    seed: values.seed,
    runs: Array.from({ length: runs }, (_, run) => run),
  });
  const line = { proxy, of, seconds, rewards };
  if (values.log) appendToLog(values.log, line);
  return line;
}

const measured = [];
for (const proxy of proxies) {
  const { rewards, seconds } = await rewardsOf(proxy);
  const noise = Math.sqrt(mean(rewards.map(variance)));
  const between = Math.max(0, variance(rewards.map(mean)) - noise ** 2 / runs);
  const reliability = between / (between + noise ** 2);
  measured.push({
    proxy,
    seconds,
    mean: mean(rewards.flat()),
    deviation: Math.sqrt(between),
    noise,
    reliability,
    rewards,
  });
  process.stderr.write(`${proxy}: ${seconds.toFixed(2)} s per child, reliability ${reliability.toFixed(2)}\n`);
}
console.log(
  `${architectures.length} cells, ${runs} runs each, ${workers} workers; ${validationImages} validation images`,
);
console.log(
  `| N:F:pixels:images:epochs:batch:rate | seconds | reward | deviation of cells | of runs | reliability | τ with the ${long.length > 0 ? 'log' : 'last'} | τ a minute of a child |`,
);
console.log('| --- | --- | --- | --- | --- | --- | --- | --- |');
const longer = long.length > 0 ? long.map(({ validation }) => validation) : measured.at(-1)!.rewards.map(mean);
for (const { proxy, seconds, mean: reward, deviation, noise, reliability, rewards } of measured) {
  const tau = rankCorrelation(rewards.map(mean), longer);
  const words = tau ? `${tau.tau.toFixed(2)} (${tau.low.toFixed(2)} to ${tau.high.toFixed(2)})` : '–';
  const perMinute = tau ? ((60 * tau.tau) / seconds).toFixed(2) : '–';
  console.log(
    `| ${proxy} | ${seconds.toFixed(2)} | ${(100 * reward).toFixed(1)}% | ${(100 * deviation).toFixed(2)} | ${(100 * noise).toFixed(2)} | ${reliability.toFixed(2)} | ${words} | ${perMinute} |`,
  );
}
if (long.length > 0) {
  const costs = long.map(({ epochs }) => -Math.log(epochs)); // of cells that had the same time
  const ofCost = correlation(costs, longer).toFixed(2);
  console.log(`\nCorrelation of the logarithm of a cell's cost with the accuracy of the log: ${ofCost}; of rewards:`);
  for (const { proxy, rewards } of measured) {
    const means = rewards.map(mean);
    const [all, withCost, beyond] = [
      correlation(means, longer),
      correlation(means, costs),
      partialCorrelation(means, longer, costs),
    ].map((value) => value.toFixed(2));
    console.log(
      `${proxy}: ${all} with that accuracy, ${withCost} with the cost, ${beyond} with the accuracy at equal cost`,
    );
  }
}
if (values.ladder) {
  console.log(
    '\n| children, one rung | seconds | with the ladder | seconds | any cell | the best child | the best by the ladder |',
  );
  console.log('| --- | --- | --- | --- | --- | --- | --- |');
  for (const flat of values.ladder.split(',').map(Number)) {
    const { climbing, seconds, chance, withoutLadder, withLadder } = ladderOutcome(measured, longer, flat);
    const all = (flat * measured.at(-1)!.seconds).toFixed(0);
    const accuracies = [chance, withoutLadder, withLadder].map((share) => `${(100 * share).toFixed(2)}%`);
    console.log(`| ${[flat, all, climbing, seconds.toFixed(0), ...accuracies].join(' | ')} |`);
  }
}
