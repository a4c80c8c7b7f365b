// `nasnet search`: runs a complete search on one study. It prepares the images, runs the experiment with a live
// display, and writes a folder with the results. Running it again resumes it.

import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import { bestWeightsName, checkpointName, lastWeightsName, weightsName } from '../../children/study-artifacts.ts';
import { type ExperimentEvent, runExperiment } from '../../experiment/experiment.ts';
import { keepSameImages } from '../../experiment/same-images.ts';
import { SearchControl } from '../../experiment/search-control.ts';
import { Interruption } from '../../failure.ts';
import { plannedSettings } from '../../forecast/budget-costs.ts';
import { countsOf } from '../../forecast/start.ts';
import { findingsOf, lackWords, sentences } from '../../report/findings.ts';
import { figuresName, reportNames } from '../../report/report-names.ts';
import { ResultFiles } from '../../result-files.ts';
import { finalistRace } from '../../selection/finalist-race.ts';
import { shellPath } from '../../shell-path.ts';
import { matchesTestView, testViewWarning } from '../../study/older-studies.ts';
import { presets } from '../../study/presets.ts';
import type { SearchSettings } from '../../study/settings.ts';
import { Study } from '../../study/study.ts';
import { aimAt, fixedTarget, targetOf } from '../../study/target.ts';
import { prepareDataset } from '../flags/dataset-flags.ts';
import { precisionLine } from '../flags/device-flags.ts';
import { queueWords } from '../flags/queue-flags.ts';
import { datasetOf } from '../flags/study-images.ts';
import { type UserFlags, userFlagsOf } from '../flags/user-flags.ts';
import { lockOutputs } from '../output-lock.ts';
import { resultFilesOf } from '../study-results.ts';
import { printDocument, printWords } from '../terminal/answer.ts';
import { onInterrupt } from '../terminal/interrupt.ts';
import { dashboardBeside } from './dashboard-beside.ts';
import { defaultStudy } from './default-study.ts';
import { SearchDisplay } from './display.ts';
import { stateSearch } from './dry-run.ts';
import { asksForEvaluator, searchWithEvaluator } from './evaluator-search.ts';
import { addSearchFlags, type SearchFlags } from './flags.ts';
import { newSearch, reopen } from './open-study.ts';
import { joinQueue, openQueueSearch } from './queue-search.ts';
import { searchComputing } from './search-computing.ts';
import { forecastLines, insteadLines, statement } from './statement.ts';
import { closingWords, resumeCommand, whatNext } from './what-next.ts';

export function registerSearch(program: Command): void {
  const presetList = Object.entries(presets).map(([name, { description }]) => `  ${name.padEnd(8)} ${description}`);
  const command = program
    .command('search')
    .description(
      'search cells, race the best ones, train and test a larger network of the winner; run again to resume',
    );
  addSearchFlags(command)
    .addHelpText(
      'after',
      `\nPresets:\n${presetList.join('\n')}\n\nExamples:\n  nasnet search\n  nasnet search --strategy ppo,random --trials 160 --study runs/both/study.db\n  nasnet search --dataset photos --size 64 --trials 40\n  nasnet search --finalists 5 --finalist-epochs 3 --study runs/finalists/study.db\n  nasnet search --rungs 1,3,9 --trials 200 --study runs/ladder/study.db\n  nasnet search --space b --study runs/space-b/study.db\n  nasnet search --max-latency 3 --max-memory 800M --study runs/fast/study.db\n  nasnet search --evaluator 'python3 train.py' --workers 4 --trials 500\n  nasnet search --queue redis://head:6379 --trials 500\n  nasnet search --preset paper --dry-run`,
    )
    .action((flags: SearchFlags, command: Command) => search(flags, userFlagsOf(command)));
}

async function search(flags: SearchFlags, userFlags: UserFlags): Promise<void> {
  if (asksForEvaluator(flags)) return searchWithEvaluator(flags, userFlags);
  searchComputing(flags); // a device that is not there is refused before anything else
  const path = flags.study ?? defaultStudy(flags);
  const directory = flags.output ?? dirname(path);
  const place = { study: path, directory };
  const display = new SearchDisplay(process.stderr);
  const note = (line: string) => display.log(line);
  const imagesOf = (settings: SearchSettings) => {
    const filter = matchesTestView(settings) ? 'area' : 'lanczos';
    return prepareDataset({ ...settings, filter, data: flags.data }, display);
  };
  const countsIn = async (settings: SearchSettings) => countsOf(await imagesOf(settings));
  if (flags.dryRun) return stateSearch(path, flags, userFlags, imagesOf, note);

  await using joined = await joinQueue(flags, userFlags, note);
  const known = existsSync(path) ? await reopen(path, flags, userFlags) : undefined;
  if (known?.settings.evaluator) return searchWithEvaluator(flags, userFlags, known);
  const models = [weightsName, bestWeightsName, lastWeightsName];
  const resultPaths = [...reportNames, figuresName, ...models, checkpointName].map((name) => join(directory, name));
  if (!known) new ResultFiles({ of: 'a new study', overwrite: flags.overwrite }).check(...resultPaths);
  const created = known ? undefined : await newSearch(flags, userFlags, countsIn, note);
  using study = created ? Study.create(path, created.settings) : known!;
  const computing = searchComputing(flags, known);
  const { settings } = study;
  const outdated = created ? undefined : testViewWarning(settings);
  if (outdated) note(outdated);
  if (study.mayLackChanges) note(lackWords);
  const files = await imagesOf({ ...settings, dataset: datasetOf(study) });
  keepSameImages(study, files);
  aimAt(study, flags.trials);
  const results = resultFilesOf(study, directory, flags.overwrite);
  using _alone = lockOutputs(results, join(directory, weightsName));
  results.claim(...resultPaths);
  if (created) {
    const planned = created.plan ? plannedSettings(settings, created.plan) : settings;
    for (const line of [...statement(planned, countsOf(files)), ...insteadLines(created.instead)]) note(line);
  }

  const inBits = precisionLine(computing, flags);
  if (inBits) note(inBits);
  const again = resumeCommand(place, ...(flags.queue ? queueWords({ ...flags, queue: flags.queue }, shellPath) : []));
  const resume = `Run the same command to resume, or: ${again}`;
  using control = new SearchControl(path, settings);
  using _dashboard = await dashboardBeside(path, flags, note);
  using interrupt = onInterrupt(
    () =>
      display.note(
        flags.queue === undefined
          ? 'Stopping; finished work is saved. Repeat to stop immediately.'
          : 'Stopping; finished work is saved. Children that workers train go on, and their results wait for this search.',
      ),
    'finished work is saved: run the same command to resume',
  );
  const onEvent = (event: ExperimentEvent) => {
    if (event.kind !== 'forecast') return display.on(event);
    const { forecast, outlook } = event;
    for (const line of forecastLines(forecast, settings)) note(line);
    display.begin(study, forecast.trials, forecast.workers, outlook);
  };
  const queue = joined && (await openQueueSearch(joined, study, files, { flags, userFlags, computing, note }));
  let finished = false;
  const end = await runExperiment({
    study,
    files,
    trials: fixedTarget(study, flags.trials),
    workers: userFlags.has('workers') ? flags.workers : undefined,
    computing,
    start: created?.start,
    directory,
    signal: AbortSignal.any([interrupt.signal, control.signal]),
    control,
    onEvent,
    ...queue?.options,
  })
    .then((end) => {
      finished = end === 'finished';
      return end;
    })
    .finally(() => {
      display.end();
      return queue?.close({ finished });
    });
  if (end === 'interrupted')
    throw new Interruption(`stopped with ${finishedWords(study, targetOf(study))} finished, all saved. ${resume}`);

  const { writeFigures, writeReport } = await import('../../report/report-files.ts'); // not loaded by --help
  results.keep();
  const findings = findingsOf(study);
  const written = [...writeReport(study, directory, results), ...writeFigures(findings, directory, results)];
  if (flags.json) printDocument(findings);
  else {
    const next = whatNext({ ...place, settings, trials: targetOf(study) });
    const other = settings.final.recipe.patience === undefined ? bestWeightsName : lastWeightsName;
    const models = study.result('final model')?.best ? [weightsName, other] : [weightsName];
    printWords(closingWords(sentences(findings), [...written, ...models], place, next));
  }
}

function finishedWords(study: Study<SearchSettings>, trials: number): string {
  const children = `${study.summary().trials.done} of ${trials} children`;
  const runs = finalistRace(study)?.runs.filter(({ accuracy }) => accuracy !== null).length;
  return runs === undefined ? children : `${children} and ${runs} runs of finalists`;
}
