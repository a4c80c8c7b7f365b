// Trains with one seed in this process: shows its progress, keeps checkpoints, and says how to go on after a stop.

import { basename } from 'node:path';
import type { ArtifactKey, FolderArtifacts } from '../../artifacts.ts';
import {
  type EpochDetails,
  type FinalMessage,
  isCheckpointOf,
  type TrainingJob,
  type TrainingSetup,
} from '../../children/training-job.ts';
import { contentIdentity } from '../../content-identity.ts';
import type { Precision } from '../../engine/device.ts';
import type { JoinedReplicas } from '../../replicas/join-replicas.ts';
import { numbersOfFirst } from '../../replicas/replicas.ts';
import type { EpochReport } from '../../study/outcome.ts';
import { removeCheckpoints, storedPrecision } from '../../train/checkpoint.ts';
import { atSide, epochWord, percent, rate } from '../../words.ts';
import type { EvaluateJob } from '../../workers/messages.ts';
import type { LiveBlock } from '../terminal/live-block.ts';
import { ProgressLine } from './progress-line.ts';
import { following, resumable } from './stoppable.ts';
import type { TimedTraining } from './timed-training.ts';
import { type EndedRun, endedRun, type FinalDetails, keepRun, trainingFiles } from './training-files.ts';

/** The resources that the trainings of all seeds share. */
export interface SeedWork {
  run: EvaluateJob;
  block: LiveBlock;
  artifacts: FolderArtifacts;
  setup: TrainingSetup;
  precision: Precision;
  /** The precision of seeds that ended in an earlier version, which does not say it. */
  older: Precision;
  checkpoint: { seconds: number; keep: number };
  /** The processes that train together. */
  replicas: JoinedReplicas | undefined;
  /** The time of a training that has one. */
  timed: TimedTraining | undefined;
}

const keyOf = (path: string): ArtifactKey => `final/${basename(path)}`;

/** The key of the checkpoint of a training that writes these weights. */
export const checkpointKeyOf = (weights: string): ArtifactKey => `${keyOf(weights)}.checkpoint`;

/** Identifies the images of a training and how they are split. */
const imagesOf = ({ dataset, validationImages, splitSeed }: TrainingSetup): string =>
  contentIdentity([dataset.content, validationImages, splitSeed]);

/** Says of which training a seed's record is. */
const identityOf = (setup: TrainingSetup, job: TrainingJob): string => JSON.stringify({ setup, job });

/** Returns whether a checkpoint with an identity is of a job with these images. */
export const ownCheckpointOf = (setup: TrainingSetup, job: TrainingJob) => (identity: string) =>
  isCheckpointOf(job, imagesOf(setup), identity);

/**
 * Returns the precision in which trainings began: that of a checkpoint, or of one of several that has ended; undefined
 * if all of them begin.
 * @param older the precision where files of earlier versions do not say it
 */
export async function precisionBegun(
  artifacts: FolderArtifacts,
  setup: TrainingSetup,
  runs: readonly { job: TrainingJob & { seed: number }; weights: string }[],
  older: Precision,
): Promise<Precision | undefined> {
  for (const { job, weights } of runs) {
    const ended = runs.length > 1 ? endedRun(weights, job.seed, identityOf(setup, job)) : undefined;
    if (ended) return ended.precision ?? older;
    const isOwn = ownCheckpointOf(setup, job);
    const stored = await storedPrecision(artifacts, checkpointKeyOf(weights), { isOwn, older });
    if (stored) return stored;
  }
  return undefined;
}

/**
 * Trains with one seed. Of several ones, one that has ended before is not trained again; of a single one the caller
 * removes the checkpoint when its results are on disk.
 */
export async function trainSeed(
  { run, block, artifacts, setup, precision, older, checkpoint: often, replicas, timed }: SeedWork,
  job: Omit<TrainingJob, 'seed'> & { seed: number },
  weights: string,
  isOneOfSeveral: boolean,
): Promise<EndedRun> {
  const { seed } = job;
  const identity = identityOf(setup, job);
  const ended = isOneOfSeveral ? endedRun(weights, seed, identity) : undefined;
  const earlier = ended && (ended.precision ?? older) === precision ? ended : undefined;
  if (replicas) numbersOfFirst(replicas, [Number(earlier !== undefined)]);
  if (earlier) {
    block.log(`  trained before: validation accuracy ${percent(earlier.reward, 2)}, ${weights}`);
    return earlier;
  }
  const { best, last } = trainingFiles(weights);
  const checkpointKey = checkpointKeyOf(weights);
  const checkpoint = artifacts.path(checkpointKey);
  const epochs: EpochReport[] = [];
  const progress = new ProgressLine();
  const onMessage = (message: unknown) => {
    if ('epoch' in (message as FinalMessage)) epochs.push(message as EpochReport);
    timed?.tick();
    report(message as FinalMessage, block, progress);
  };
  const keepModel = { weights: keyOf(weights), best: keyOf(best), last: keyOf(last) };
  const whole: TrainingJob = {
    ...job,
    checkpoint: { key: checkpointKey, ...often, images: imagesOf(setup) },
    ...timed?.deadline(),
    keepModel,
  };
  const result = (await resumable({ checkpoint, seconds: often.seconds, block }, (signal) =>
    run(whole, onMessage, signal),
  )) as { reward: number; details: FinalDetails };
  block.draw([]);
  const now: EndedRun = { seed, weights, precision, reward: result.reward, details: result.details, epochs };
  if (isOneOfSeveral) {
    keepRun(now, identity);
    await removeCheckpoints(artifacts, checkpointKey);
  }
  return now;
}

/** Trains with one seed as a replica that is not the first one, unless that one has trained it before. */
export async function followSeed({ run, replicas }: SeedWork, job: TrainingJob): Promise<void> {
  const [isTrained] = numbersOfFirst(replicas!, [0]);
  if (isTrained) return;
  await following((signal) => run(job, () => {}, signal));
}

function report(message: FinalMessage, block: LiveBlock, progress: ProgressLine): void {
  if ('progress' in message) {
    block.draw([progress.words(message.progress)]);
    return;
  }
  if ('remark' in message) {
    block.log(message.remark);
    return;
  }
  const { epoch, loss, accuracy, imagesPerSecond, details } = message;
  const { unaveragedAccuracy, waitingShare, validationSide } = details as EpochDetails;
  const last = unaveragedAccuracy === undefined ? '' : ` (of the last weights ${percent(unaveragedAccuracy, 2)})`;
  const seen =
    accuracy === undefined ? '' : `, validation accuracy ${percent(accuracy, 2)}${atSide(validationSide)}${last}`;
  const waited = waitingShare === undefined ? '' : `, ${percent(waitingShare)} of the time waiting for pictures`;
  block.log(
    `epoch ${epochWord(epoch)}: loss ${loss?.toFixed(4)}${seen}, ${rate(imagesPerSecond ?? 0)} images/s${waited}`,
  );
}
