// `nasnet simulate`: simulates strategies with hundreds of workers on a simulated clock, before a real search.

import type { Command } from 'commander';
import { InputError } from '../failure.ts';
import { createStrategy, strategyNames } from '../search/strategy.ts';
import { type Landscape, landscapes } from '../simulation/landscape.ts';
import { type SimulatedTrial, simulate } from '../simulation/simulated-search.ts';
import { decisionSizes } from '../space/decisions.ts';
import { defaultSpace, parseSpace, type SpaceName, spaceNames, spaces } from '../space/search-space.ts';
import { duration, percent, whole } from '../words.ts';
import { positiveNumber, wholeNumber } from './flags/parsers.ts';
import { printDocument, printWords } from './terminal/answer.ts';
import { alignColumns } from './terminal/columns.ts';
import { LiveBlock } from './terminal/live-block.ts';

interface Flags {
  strategy: string;
  trials: number;
  workers: number;
  landscape: string;
  space: SpaceName;
  minutes: number;
  rounds?: boolean;
  seed: number;
  json?: boolean;
}

/**
 * Seconds of the controller for an ask, and for a tell with its share of an update, measured by bench/controller.ts.
 */
const controllerSeconds = { askSeconds: 0.002, tellSeconds: 0.005 };
const childSpread = 0.6;
const failureRate = 0.01;

export function registerSimulate(program: Command): void {
  program
    .command('simulate')
    .description('strategies on a simulated clock and simulated rewards: how they learn, and what many workers cost')
    .option('--strategy <names>', `some of ${strategyNames.join(', ')}, with commas`, strategyNames.join(','))
    .option('--trials <n>', 'architectures', wholeNumber('--trials', 'trials'), 20_000)
    .option('--workers <n>', 'children trained at once', wholeNumber('--workers', 'simulatedWorkers'), 500)
    .option('--landscape <name>', `simulated rewards: ${Object.keys(landscapes).join(', ')}`, 'kind')
    .option(
      '--space <name>',
      `${spaceNames.join(', ')}: decisions of the cells of NASNet-A, -B or -C`,
      (text) => parseSpace(text, '--space'),
      defaultSpace,
    )
    .option('--minutes <n>', 'median training time of a child', positiveNumber('--minutes'), 60)
    .option('--rounds', 'wait for all children of a round before the next (default: workers never wait for others)')
    .option('--seed <n>', 'the same seed gives the same figures', wholeNumber('--seed'), 1)
    .option('--json', 'one JSON document')
    .addHelpText('after', '\nExample:\n  nasnet simulate --strategy ppo,random --trials 2000 --workers 50')
    .action((flags: Flags) => {
      const landscape = landscapeOf(flags.landscape);
      const block = new LiveBlock(process.stderr);
      const results = flags.strategy.split(',').map((name) => simulateOne(name.trim(), flags, landscape, block));
      block.draw([]);
      if (flags.json) printDocument(results);
      else printWords(table(results, flags));
    });
}

function landscapeOf(name: string): Landscape {
  if (Object.hasOwn(landscapes, name)) return landscapes[name as keyof typeof landscapes];
  throw new InputError(`--landscape: expected one of ${Object.keys(landscapes).join(', ')}, got "${name}"`);
}

function simulateOne(name: string, flags: Flags, landscape: Landscape, block: LiveBlock) {
  const { trials: count, workers, minutes, rounds, seed, space } = flags;
  const { blocks } = spaces[space];
  const started = performance.now();
  const { trials, ...figures } = simulate({
    strategy: createStrategy(name, { space, blocks, seed }),
    sizes: decisionSizes(blocks, space),
    trials: count,
    workers,
    landscape,
    seed,
    childSeconds: 60 * minutes,
    timeSpread: childSpread,
    failureRate,
    ...controllerSeconds,
    mode: rounds ? 'rounds' : 'asynchronous',
    onProgress: (reported) => block.draw([`  ${name}: ${whole(reported)} of ${whole(count)} trials`]),
  });
  const ranked = trials.filter(({ measured }) => measured !== undefined).sort((a, b) => b.measured! - a.measured!);
  const lastFifth = trials.slice(-Math.ceil(trials.length / 5));
  return {
    strategy: name,
    space,
    ...figures,
    /** Mean true rewards of the trials with the best measured rewards, and of the last fifth of the trials. */
    rewards: { top1: truth(ranked, 1), top5: truth(ranked, 5), top25: truth(ranked, 25), lastFifth: truth(lastFifth) },
    realSeconds: (performance.now() - started) / 1000,
  };
}

function truth(trials: readonly SimulatedTrial[], count = trials.length): number {
  const some = trials.slice(0, count);
  return some.reduce((sum, trial) => sum + trial.truth, 0) / some.length;
}

function table(results: ReturnType<typeof simulateOne>[], { trials, workers, minutes, space }: Flags): string {
  const header = [
    '',
    'simulated',
    'busy',
    'busy to the end',
    'stale updates',
    'waiting',
    'top 1',
    'top 5',
    'top 25',
    'last fifth',
    'took',
  ];
  const rows = results.map(({ strategy, seconds, utilisation, staleness, waiting, rewards, realSeconds }) => [
    strategy,
    duration(seconds),
    percent(utilisation.whileAsking, 2),
    percent(utilisation.overall),
    `${staleness.mean.toFixed(1)} (${staleness.most})`,
    `${waiting.mean.toFixed(2)} s`,
    ...[rewards.top1, rewards.top5, rewards.top25, rewards.lastFifth].map((reward) => percent(reward, 2)),
    `${realSeconds.toFixed(1)} s`,
  ]);
  return [
    `${whole(trials)} architectures of space ${space.toUpperCase()} on ${whole(workers)} workers, ${minutes} min a child (simulated):`,
    ...alignColumns([header, ...rows], 'lr'),
    '',
    'busy: share of the workers’ time in training, until the last architecture was asked for, and until the last was trained.',
    'stale updates: of the strategy between an ask and its reward, mean and maximum. Rewards are the true ones,',
    'without noise, of the trials with the best measured rewards.',
    '',
  ].join('\n');
}
