// A whole search on one study: the children, the race of finalists, then the network built from the best cell. Each part begins where an earlier
// process left it. What is printed and drawn about it is the command line's.

import type { z } from 'zod';
import { type Artifacts, FolderArtifacts } from '../artifacts.ts';
import { checked } from '../checked.ts';
import { childJob } from '../children/child-job.ts';
import {
  clearUnfinished,
  finalCheckpoint,
  finalWeights,
  studyFolders,
  unfinishedFinalist,
  weightsName,
} from '../children/study-artifacts.ts';
import type { FinalMessage, TrainingJob, TrainingSetup } from '../children/training-job.ts';
import { contentIdentity } from '../content-identity.ts';
import { type DatasetFiles, referenceTo } from '../data/dataset-files.ts';
import type { Computing } from '../engine/device.ts';
import { Failure } from '../failure.ts';
import { limitCheck } from '../forecast/limits.ts';
import { thisMachine } from '../forecast/this-machine.ts';
import { createStrategy } from '../search/strategy.ts';
import { bestTrials } from '../selection/finalist-race.ts';
import { ladderOptions } from '../selection/ladder-options.ts';
import { decode } from '../space/decisions.ts';
import type { EpochReport } from '../study/outcome.ts';
import type { TrialRecord } from '../study/records.ts';
import { finalResult } from '../study/result-schemas.ts';
import type { FinalModel } from '../study/results.ts';
import type { SearchSettings, Training } from '../study/settings.ts';
import type { Study } from '../study/study.ts';
import { evaluateIn } from './evaluator.ts';
import { type FinalistEvent, type FinalistToTrain, raceFinalists } from './finalists.ts';
import { remembering } from './remembered.ts';
import { runSearch, type SearchEvent } from './search-loop.ts';
import { localRunners, type OpenRunner, type WantedTrainings } from './training-runners.ts';
import { withinLimits } from './within-limits.ts';

export interface ExperimentOptions {
  study: Study<SearchSettings>;
  files: DatasetFiles;
  /** How many trials the study shall have in all. */
  trials: number;
  /** Children trained at once. */
  workers: number;
  /** Where this machine trains networks. Default: on the CPU. */
  computing?: Computing | undefined;
  /** Where the final network's weights go. */
  directory: string;
  /** What jobs leave. Default: files beside the study and in `directory`. */
  artifacts?: Artifacts;
  /** Who does the trainings. Default: worker processes of this machine, which leave the default's files. */
  openRunner?: OpenRunner;
  /** Stops at once; what is finished is kept. */
  signal: AbortSignal;
  onEvent: (event: ExperimentEvent) => void;
}

export type ExperimentEvent =
  | SearchEvent
  | FinalistEvent
  | { kind: 'final-started'; trial: number }
  | { kind: 'final-progress'; progress: number }
  | { kind: 'final-epoch'; report: EpochReport };

/** With all that has a default. */
type Experiment = ExperimentOptions & Required<Pick<ExperimentOptions, 'artifacts' | 'openRunner'>>;

/** Searches, lets the best trials race, and trains the network of the best cell, as far as each is not done yet. */
export async function runExperiment(options: ExperimentOptions): Promise<'finished' | 'interrupted'> {
  const { study, files } = options;
  const experiment = { ...defaultsOf(options), ...options };
  study.keep('dataset', { name: files.name, source: files.source, classes: files.classes });
  study.keep('machine', thisMachine(options.computing));
  if ((await searchCells(experiment)) === 'interrupted') return 'interrupted';
  if (study.best().length === 0)
    throw new Failure(`${study.path}: no child was trained, so there is no cell to build from`);
  if ((await raceCells(experiment)) === 'interrupted') return 'interrupted';
  const [best] = bestTrials(study) as [TrialRecord];
  if (study.result('final model')?.trial === best.number) return 'finished';
  return trainFinal(experiment, best);
}

function defaultsOf({ study, files, computing, directory }: ExperimentOptions) {
  const folders = studyFolders(study.path, directory);
  const resources = { datasets: [files], artifacts: folders, ...(computing && { computing }) };
  return { artifacts: new FolderArtifacts(folders), openRunner: localRunners(resources) };
}

async function searchCells(experiment: Experiment) {
  const { study, files, trials, workers, artifacts, signal, onEvent } = experiment;
  const { settings } = study;
  const { strategy, strategyOptions, inOrder, remember, known, limits, space, blocks, seed, child } = settings;
  await using runner = runnerFor(experiment, child, { workers, threads: 'one' });
  const trained = evaluateIn(runner, (trial) => childJob(settings, trial));
  const check = limits && limitCheck(limits, settings, { images: files.train.count, classes: files.classes.length });
  const resample = check && limits.beyond === 'resample';
  const evaluate = check && !resample ? withinLimits(trained, check) : trained;
  const accepts = resample ? (decisions: readonly number[]) => check(decisions) === undefined : undefined;
  const end = await runSearch({
    study,
    strategy: createStrategy(strategy, { space, blocks, seed, options: strategyOptions, known, accepts }),
    evaluate: remember ? remembering(evaluate, study, space) : evaluate,
    trials,
    workers,
    inOrder,
    ladder: ladderOptions(settings),
    artifacts,
    signal,
    onEvent,
  });
  if (end === 'finished') await clearUnfinished(artifacts);
  return end;
}

async function raceCells(experiment: Experiment) {
  const { study, workers, artifacts, signal, onEvent } = experiment;
  const { finalists, space, seed } = study.settings;
  if (!finalists) return 'finished';
  const { count, training } = finalists;
  await using runner = runnerFor(experiment, training, { workers, threads: 'one' });
  const jobOf = ({ decisions, trial, run }: FinalistToTrain): TrainingJob => ({
    architecture: decode(decisions, space),
    training,
    seed: `${seed}, finalists, run ${run}`, // one seed for all of a run
    checkpoint: { key: unfinishedFinalist(trial, run) },
  });
  const end = await raceFinalists({ study, count, evaluate: evaluateIn(runner, jobOf), signal, onEvent });
  if (end === 'finished') await clearUnfinished(artifacts);
  return end;
}

async function trainFinal(experiment: Experiment, best: TrialRecord) {
  const { study, artifacts, signal, onEvent } = experiment;
  const { final, space, seed } = study.settings;
  await using runner = runnerFor(experiment, final, { workers: 1, threads: 'all' });
  const job: TrainingJob = {
    architecture: decode(best.decisions, space),
    training: final,
    seed: `${seed}, final`,
    checkpoint: { key: finalCheckpoint },
    keepModel: { weights: finalWeights },
  };
  onEvent({ kind: 'final-started', trial: best.number });
  const epochs: EpochReport[] = [];
  const onMessage = (message: unknown) => {
    const said = message as FinalMessage;
    if ('progress' in said) return onEvent({ kind: 'final-progress', progress: said.progress });
    epochs.push(said);
    onEvent({ kind: 'final-epoch', report: said });
  };
  try {
    const outcome = await runner.run(job, { signal, onMessage });
    if ('failure' in outcome) {
      throw new Failure(`The network of trial ${best.number} could not be trained: ${outcome.failure.message}`);
    }
    const result = checked(finalResult, outcome.result, study.path, 'result of the final training');
    study.keep('final model', finalModelOf(best.number, result, epochs));
    await artifacts.remove(finalCheckpoint);
    return 'finished' as const;
  } catch (error) {
    if (signal.aborted) return 'interrupted' as const;
    throw error;
  }
}

function finalModelOf(trial: number, result: z.infer<typeof finalResult>, epochs: EpochReport[]): FinalModel {
  const { trainableParameters, multiplyAdds, trainingSeconds, test } = result.details;
  return {
    trial,
    trainableParameters,
    multiplyAdds,
    validationAccuracy: result.reward,
    testAccuracy: test.accuracy,
    testLoss: test.loss,
    testImages: test.images,
    classAccuracies: test.classAccuracies,
    trainingSeconds,
    trainingImagesPerSecond: epochs.at(-1)?.imagesPerSecond ?? 0,
    weights: weightsName,
    epochs,
  };
}

function runnerFor(
  { study, files, openRunner }: Experiment,
  { resolution, trainingImages }: Training,
  how: Omit<WantedTrainings, 'setup' | 'identity'>,
) {
  const { validationImages, seed } = study.settings;
  const setup: TrainingSetup = {
    dataset: referenceTo(files),
    training: { resolution, ...(trainingImages !== undefined && { trainingImages }) },
    ...(validationImages !== undefined && { validationImages }),
    splitSeed: seed,
  };
  return openRunner({ setup, identity: contentIdentity(setup), ...how });
}
