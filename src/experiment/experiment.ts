// A complete search on one study: forecast, children, race of finalists, final network. Each part resumes an earlier
// process's work. The command line prints it.

import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, join, resolve } from 'node:path';
import type { z } from 'zod';
import { type Artifacts, FolderArtifacts } from '../artifacts.ts';
import { checked } from '../checked.ts';
import { childJob } from '../children/child-job.ts';
import {
  clearUnfinished,
  finalCheckpoint,
  finalModels,
  studyFolders,
  unfinishedFinalist,
  weightsName,
} from '../children/study-artifacts.ts';
import type { FinalMessage, TrainingJob, TrainingSetup } from '../children/training-job.ts';
import { contentIdentity } from '../content-identity.ts';
import { type DatasetFiles, readLabels, referenceTo } from '../data/dataset-files.ts';
import { type Computing, onCpu } from '../engine/device.ts';
import { Failure } from '../failure.ts';
import { workersOn } from '../forecast/device-workers.ts';
import { childTrainings, finalistTraining } from '../forecast/equal-cost.ts';
import { measureFinalLatency } from '../forecast/final-latency.ts';
import { acceptedBy, limitCheck, predictedLatency } from '../forecast/limits.ts';
import { fitsHere } from '../forecast/plan-final.ts';
import { epochRatio } from '../forecast/probe.ts';
import { type Forecast, forecastOf } from '../forecast/search-forecast.ts';
import { costOptions, countsOf, type Start } from '../forecast/start.ts';
import { thisMachine } from '../forecast/this-machine.ts';
import { createStrategy } from '../search/strategy.ts';
import { bestTrials, hasFinalNetwork } from '../selection/finalist-race.ts';
import { ladderOptions } from '../selection/ladder-options.ts';
import { Candidate } from '../study/candidate.ts';
import { decidedTraining } from '../study/final-training.ts';
import type { EpochReport } from '../study/outcome.ts';
import type { TrialRecord } from '../study/records.ts';
import { finalResult } from '../study/result-schemas.ts';
import type { FinalModel } from '../study/results.ts';
import type { SearchSettings, Training } from '../study/settings.ts';
import type { Study } from '../study/study.ts';
import { targetOf } from '../study/target.ts';
import { writeWhole } from '../whole-file.ts';
import type { JobRunner } from '../workers/job-runner.ts';
import { BudgetCourse, unboundedTrials } from './budget-course.ts';
import { evaluateIn } from './evaluator.ts';
import { chooseFinalists, type FinalistEvent, type FinalistToTrain, raceFinalists } from './finalists.ts';
import { SearchOutlook } from './outlook.ts';
import { predictedCosts } from './predicted-costs.ts';
import { remembering } from './remembered.ts';
import type { SearchControl } from './search-control.ts';
import { type MachinesThere, type Order, orderOf, runSearch, type SearchEvent } from './search-loop.ts';
import { localRunners, type OpenRunner, type TrainingGroup } from './training-runners.ts';
import { withinLimits, withLatency } from './within-limits.ts';

export interface ExperimentOptions {
  study: Study<SearchSettings>;
  files: DatasetFiles;
  /** The target number of trials. Absent: that of the study's budget plan or settings. */
  trials?: number | undefined;
  /**
   * Number of children trained at once. Default: one per core, as memory allows; on a GPU as many as fit in its memory.
   */
  workers?: number | undefined;
  /** The initial prediction of a new study. */
  start?: Start | undefined;
  /** Device and precision on this machine. Default: the CPU. */
  computing?: Computing | undefined;
  /** Folder of the final network's weights. */
  directory: string;
  /** The jobs' artifacts. Default: files next to the study and in `directory`. */
  artifacts?: Artifacts;
  /** Opens the runners of trainings. Default: worker processes on this machine. */
  openRunner?: OpenRunner;
  /** With runners whose workers come and go. Default: always `workers`. */
  machines?: MachinesThere;
  /** Whether the lookahead of a new in-order study follows `machines`. Default: no. */
  followWorkers?: boolean;
  /** Stops the search immediately; finished work is stored. */
  signal: AbortSignal;
  /** The requests of a person to the running search. Its `signal` should be a part of `signal`. */
  control?: SearchControl | undefined;
  onEvent: (event: ExperimentEvent) => void;
}

export type ExperimentEvent =
  /** The forecast, before anything is trained; `outlook` then follows the search. */
  | { kind: 'forecast'; forecast: Forecast; outlook: SearchOutlook }
  /** A message about a slow step before the forecast, or about a choice made for the user. */
  | { kind: 'note'; line: string }
  | SearchEvent
  /** With a budget: the total number of trials by the current prediction. */
  | { kind: 'planned'; trials: number }
  | FinalistEvent
  | { kind: 'final-started'; trial: number; training: Training }
  | { kind: 'final-retried'; reason: string }
  | { kind: 'final-progress'; progress: number }
  | { kind: 'final-epoch'; report: EpochReport };

/** Options with defaults filled in. */
type Experiment = ExperimentOptions &
  Required<Pick<ExperimentOptions, 'artifacts' | 'openRunner'>> & { workers: number; trials: number };

/** The objects that follow a running search. */
interface Followers {
  outlook: SearchOutlook;
  /** Undefined without a budget. */
  course: BudgetCourse | undefined;
}

type End = 'finished' | 'interrupted';

/**
 * Makes a forecast, searches, runs the race of finalists, trains the final network and, if its latency is limited,
 * measures it; each unless it is done already. Learned training times are stored in the study.
 */
export async function runExperiment(options: ExperimentOptions): Promise<End> {
  const { study, files, onEvent } = options;
  const counts = countsOf(files);
  study.keep('dataset', { name: files.name, source: files.source, classes: files.classes });
  study.keep('machine', thisMachine(options.computing));
  const forecast = await forecastHere(options);
  const { trials, workers } = forecast;
  const outlook = new SearchOutlook(study, { counts, trials, forecast });
  const course = courseOf(options, forecast, outlook);
  onEvent({ kind: 'forecast', forecast, outlook });
  const order = orderOf({
    study,
    inOrder: study.settings.inOrder,
    workers,
    followWorkers: options.followWorkers,
    ladder: ladderOptions(study.settings),
  });
  if (options.machines) followMachines(outlook, options.machines, order, onEvent);
  const experiment = {
    ...defaultsOf(options),
    ...options,
    workers,
    trials,
    onEvent: (event: ExperimentEvent) => {
      course?.afterEvent();
      onEvent(event);
    },
  };
  const end = await runParts(experiment, { outlook, course }).finally(() => {
    outlook.keep();
    course?.count();
  });
  if (end === 'finished') await measureFinalLatency(study, counts);
  return end;
}

/** Lets the time left follow the workers that are there, as far as the order has work for them. */
function followMachines(
  outlook: SearchOutlook,
  machines: MachinesThere,
  { inOrder, followsWorkers, lookahead }: Order,
  onEvent: ExperimentOptions['onEvent'],
): void {
  const most = inOrder && !followsWorkers ? lookahead : Number.POSITIVE_INFINITY;
  const follow = () => {
    const { count, kinds } = machines;
    outlook.changeWorkers(Math.min(count, most), kinds);
    const line = `This search decides in order and has at most ${most} children open, so some workers wait: how many are expected is stated when a study is begun`;
    if (count > most) onEvent({ kind: 'note', line });
  };
  machines.onChange(follow);
  follow();
}

function forecastHere({
  study,
  files,
  trials,
  workers: requested,
  machines,
  computing = onCpu,
  start,
  onEvent,
}: ExperimentOptions) {
  const note = (line: string) => onEvent({ kind: 'note', line });
  const counts = countsOf(files);
  const workers = requested ?? workersOn(computing, study.settings, counts, availableParallelism(), note);
  const place = { workers, isRequested: requested !== undefined, computing, elsewhere: machines !== undefined };
  return forecastOf(study, { counts, trials, ...place, start }, note);
}

/** Returns the course of a search whose budget determines its trials; undefined for other searches. */
function courseOf(
  { study, files, trials, start, openRunner, computing = onCpu }: ExperimentOptions,
  { prediction, workers }: Forecast,
  outlook: SearchOutlook,
): BudgetCourse | undefined {
  const { settings } = study;
  if (!settings.budget || trials !== undefined) return undefined;
  const searching = { settings, counts: countsOf(files), workers, computing };
  const threads = availableParallelism();
  const trainsHere = !openRunner; // else perhaps on another machine, whose clock and speed differ
  const measures = trainsHere && computing.device === onCpu.device;
  return new BudgetCourse(study, {
    budget: settings.budget,
    outlook,
    costs: () => costOptions(searching, prediction.laws),
    before: start?.seconds,
    trainsHere,
    machine: {
      measure: measures
        ? (candidate, training, epochSeconds, most) =>
            epochRatio(candidate, training, searching, { threads, epochSeconds, most })
        : undefined,
      fits: trainsHere ? (candidate, training) => fitsHere(candidate, training, searching) : undefined,
    },
  });
}

async function runParts(experiment: Experiment, followers: Followers): Promise<End> {
  const { study, control, onEvent } = experiment;
  if ((await searchCells(experiment, followers)) === 'interrupted') return 'interrupted';
  control?.endTrials();
  const take = () => {
    for (const request of control?.take() ?? []) {
      study.log.request(request);
      onEvent({ kind: 'requested', request });
    }
  };
  take();
  control?.follow(take);
  if (study.best().length === 0)
    throw new Failure(`${study.path}: no child was trained, so there is no cell to build from`);
  if ((await raceCells(experiment, followers)) === 'interrupted') return 'interrupted';
  if (hasFinalNetwork(study)) return 'finished';
  const [best] = bestTrials(study) as [TrialRecord];
  return trainFinal(experiment, best, followers);
}

function defaultsOf({ study, files, computing, directory }: ExperimentOptions) {
  const folders = studyFolders(study.path, directory);
  const resources = { datasets: [files], artifacts: folders, ...(computing && { computing }) };
  return { artifacts: new FolderArtifacts(folders), openRunner: localRunners(resources) };
}

async function searchCells(experiment: Experiment, { outlook, course }: Followers) {
  const { study, files, trials, workers, machines, followWorkers, artifacts, signal, control, onEvent } = experiment;
  const { settings } = study;
  const { strategy, strategyOptions, inOrder, remember, known, limits, space, blocks, seed, child, final } = settings;
  await using runner = runnerFor(experiment, child, { workers, threads: 'one' });
  followPauses(experiment, course, runner);
  const counts = countsOf(files);
  const costs = predictedCosts(study, counts, machines ? 1 : workers);
  const trainings = childTrainings(settings, counts);
  const trained = evaluateIn(
    runner,
    (trial) => {
      const own = trainings.map((trainingOf) => trainingOf(trial.candidate));
      return childJob(settings, trial, own);
    },
    ({ number, candidate, rung = 0 }) => ({
      key: `t${number}-r${rung}`,
      next: rung > 0,
      ...costs.trial(candidate, rung),
    }),
  );
  const check = limits && limitCheck(limits, settings, counts);
  const resample = check && limits.beyond === 'resample';
  const latency = limits?.latency;
  const evaluated = latency
    ? withLatency(trained, (candidate) => predictedLatency(latency, candidate.usedPlan(final, counts.classes)))
    : trained;
  const evaluate = check && !resample ? withinLimits(evaluated, check) : evaluated;
  const accepts = resample ? acceptedBy(check, space) : undefined;
  const end = await runSearch({
    study,
    space,
    strategy: createStrategy(strategy, { space, blocks, seed, options: strategyOptions, known, accepts }),
    evaluate: remember ? remembering(evaluate, study) : evaluate,
    trials: course ? unboundedTrials : trials,
    mayAsk: course?.mayAsk,
    workers,
    machines,
    followWorkers,
    inOrder,
    ladder: ladderOptions(settings),
    artifacts,
    signal,
    control,
    onEvent: (event) => {
      if (event.kind === 'requested' && event.request.action === 'add') outlook.expect(targetOf(study));
      outlook.on(event);
      onEvent(event);
      if (course && (event.kind === 'done' || event.kind === 'failed')) {
        const planned = course.planned(study.asked);
        outlook.expect(planned);
        onEvent({ kind: 'planned', trials: planned });
      }
    },
  });
  if (end === 'finished') await clearUnfinished(artifacts);
  return end;
}

/** Lets pauses hold the runner's trainings and the budget's clock. */
function followPauses({ control }: Experiment, course: BudgetCourse | undefined, runner: JobRunner): void {
  control?.pauses({
    pause(paused) {
      runner.pause?.(paused);
      course?.pause(paused);
    },
  });
}

async function raceCells(experiment: Experiment, { course }: Followers) {
  const { study, files, workers, machines, artifacts, signal, onEvent } = experiment;
  const { finalists, seed } = study.settings;
  if (!finalists) return 'finished';
  const { training } = finalists;
  const count = course
    ? course.finalists(likelyFinalists(study, finalists.count))
    : (decidedFinalists(study) ?? finalists.count);
  if (count === 0) return 'finished';
  await using runner = runnerFor(experiment, training, { workers, threads: 'one' });
  followPauses(experiment, course, runner);
  const counts = countsOf(files);
  const trainingOf = finalistTraining(study.settings, counts);
  const jobOf = ({ candidate, trial, run }: FinalistToTrain): TrainingJob => ({
    architecture: candidate.architecture,
    training: trainingOf(candidate),
    seed: `${seed}, finalists, run ${run}`, // the same seed for all finalists in a run
    checkpoint: { key: unfinishedFinalist(trial, run) },
  });
  const costs = predictedCosts(study, counts, machines ? 1 : workers);
  const evaluate = evaluateIn(runner, jobOf, ({ candidate, trial, run }) => ({
    key: `f${trial}-${run}`,
    ...costs.training(trainingOf(candidate), candidate),
  }));
  const end = await raceFinalists({ study, count, evaluate, signal, onEvent });
  if (end === 'finished') await clearUnfinished(artifacts);
  return end;
}

const decidedFinalists = (study: Study<SearchSettings>) => study.result('budget decisions')?.finalists;

/** Returns the cells that would race now, to predict the costs of the race. */
function likelyFinalists(study: Study<SearchSettings>, count: number): Candidate[] {
  const { space } = study.settings;
  return chooseFinalists(study, count).trials.map((number) => new Candidate(study.trial(number)!.decisions, space));
}

async function trainFinal(experiment: Experiment, best: TrialRecord, { course }: Followers) {
  const { study, files, artifacts, directory, signal, control, onEvent } = experiment;
  const { space, seed } = study.settings;
  const candidate = new Candidate(best.decisions, space);
  const final = course ? await course.final(candidate) : decidedTraining(study);
  await using runner = runnerFor(experiment, final, { workers: 1, threads: 'all' });
  followPauses(experiment, course, runner);
  await control?.resumed(signal).catch(() => {}); // its time begins when it does
  if (signal.aborted) return 'interrupted';
  const seconds = course?.finalSeconds(candidate);
  const job: TrainingJob = {
    architecture: candidate.architecture,
    training: final,
    ...(seconds !== undefined && { deadline: Date.now() + 1000 * seconds }),
    seed: `${seed}, final`,
    checkpoint: { key: finalCheckpoint },
    keepModel: finalModels,
  };
  onEvent({ kind: 'final-started', trial: best.number, training: final });
  const epochs: EpochReport[] = [];
  const onMessage = (message: unknown) => {
    const report = message as FinalMessage;
    if ('progress' in report) return onEvent({ kind: 'final-progress', progress: report.progress });
    if ('remark' in report) return onEvent({ kind: 'note', line: report.remark });
    epochs.push(report);
    onEvent({ kind: 'final-epoch', report });
  };
  try {
    const costs = predictedCosts(study, countsOf(files), 1).training(final, candidate);
    const onRetry = (reason: string) => {
      epochs.length = 0; // the next attempt reports all of them, those of the checkpoint as well
      onEvent({ kind: 'final-retried', reason });
    };
    const outcome = await runner.run(job, { key: 'final', signal, onMessage, onRetry, ...costs });
    if ('failure' in outcome) {
      throw new Failure(`The network of trial ${best.number} could not be trained: ${outcome.failure.message}`);
    }
    const result = checked(finalResult, outcome.result, study.path, 'result of the final training');
    await bringModels(artifacts, directory);
    study.keep('final model', finalModelOf(best.number, result, epochs, largestClass(files)));
    outcome.recorded?.();
    await artifacts.remove(finalCheckpoint);
    return 'finished' as const;
  } catch (error) {
    if (signal.aborted) return 'interrupted' as const;
    throw error;
  }
}

/** Copies the models of the final network into the results, if they are not there already. */
async function bringModels(artifacts: Artifacts, directory: string): Promise<void> {
  for (const key of Object.values(finalModels)) {
    const path = join(directory, basename(key));
    const stored = await artifacts.get(key);
    if (stored === undefined && key === finalModels.weights)
      throw new Failure(`${path}: the store does not have the weights of the final network`);
    if (stored !== undefined && resolve(stored) !== resolve(path)) writeWhole(path, [readFileSync(stored)]);
  }
}

/** Returns the share of test images of the most frequent class, which is the accuracy of a constant prediction. */
function largestClass({ test, classes }: DatasetFiles): number {
  const counts = classes.map(() => 0);
  for (const label of readLabels(test)) counts[label]! += 1;
  return counts.reduce((most, count) => Math.max(most, count), 0) / test.count;
}

function finalModelOf(
  trial: number,
  result: z.infer<typeof finalResult>,
  epochs: EpochReport[],
  largestClass: number,
): FinalModel {
  const { trainableParameters, multiplyAdds, trainingSeconds, scheduledEpochs, best, test } = result.details;
  const { balancedAccuracy, classImages, confusions } = test;
  return {
    trial,
    trainableParameters,
    multiplyAdds,
    validationAccuracy: result.reward,
    testAccuracy: test.accuracy,
    testLoss: test.loss,
    testImages: test.images,
    largestClass,
    ...(balancedAccuracy !== undefined && { balancedAccuracy }),
    ...(classImages && { classImages }),
    ...(confusions && { confusions }),
    ...(best && { best }),
    ...(scheduledEpochs !== undefined && { scheduledEpochs }),
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
  how: Omit<TrainingGroup, 'setup' | 'identity'>,
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
