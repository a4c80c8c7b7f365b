// Trains with one seed in this process: shows its progress, keeps checkpoints, and says how to go on after a stop.

import { basename } from 'node:path';
import type { ArtifactKey, FolderArtifacts } from '../../artifacts.ts';
import type { EpochDetails, FinalMessage, TrainingJob, TrainingSetup } from '../../children/training-job.ts';
import type { JoinedReplicas } from '../../replicas/join-replicas.ts';
import { numbersOfFirst } from '../../replicas/replicas.ts';
import type { EpochReport } from '../../study/outcome.ts';
import { removeCheckpoints } from '../../train/checkpoint.ts';
import { percent, rate } from '../../words.ts';
import type { EvaluateJob } from '../../workers/messages.ts';
import type { LiveBlock } from '../terminal/live-block.ts';
import { ProgressLine } from './progress-line.ts';
import { following, resumable } from './stoppable.ts';
import { type EndedRun, endedRun, type FinalDetails, keepRun, trainingFiles } from './training-files.ts';

/** The resources that the trainings of all seeds share. */
export interface SeedWork {
  run: EvaluateJob;
  block: LiveBlock;
  artifacts: FolderArtifacts;
  setup: TrainingSetup;
  checkpoint: { seconds: number; keep: number };
  /** The processes that train together. */
  replicas: JoinedReplicas | undefined;
}

const keyOf = (path: string): ArtifactKey => `final/${basename(path)}`;

/** The key of the checkpoint of a training that writes these weights. */
export const checkpointKeyOf = (weights: string): ArtifactKey => `${keyOf(weights)}.checkpoint`;

/** Trains with one seed. Of several ones, one that has ended before is not trained again. */
export async function trainSeed(
  { run, block, artifacts, setup, checkpoint: often, replicas }: SeedWork,
  job: Omit<TrainingJob, 'seed'> & { seed: number },
  weights: string,
  isOneOfSeveral: boolean,
): Promise<EndedRun> {
  const { seed } = job;
  const identity = JSON.stringify({ setup, job });
  const earlier = isOneOfSeveral ? endedRun(weights, seed, identity) : undefined;
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
    report(message as FinalMessage, block, progress);
  };
  const keepModel = { weights: keyOf(weights), best: keyOf(best), last: keyOf(last) };
  const whole: TrainingJob = { ...job, checkpoint: { key: checkpointKey, ...often }, keepModel };
  const result = (await resumable({ checkpoint, seconds: often.seconds, block }, (signal) =>
    run(whole, onMessage, signal),
  )) as { reward: number; details: FinalDetails };
  block.draw([]);
  const ended: EndedRun = { seed, weights, reward: result.reward, details: result.details, epochs };
  if (isOneOfSeveral) keepRun(ended, identity);
  await removeCheckpoints(artifacts, checkpointKey);
  return ended;
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
  const { unaveragedAccuracy, waitingShare } = details as EpochDetails;
  const last = unaveragedAccuracy === undefined ? '' : ` (of the last weights ${percent(unaveragedAccuracy, 2)})`;
  const seen = accuracy === undefined ? '' : `, validation accuracy ${percent(accuracy, 2)}${last}`;
  const waited = waitingShare === undefined ? '' : `, ${percent(waitingShare)} of the time waiting for pictures`;
  block.log(
    `epoch ${Number(epoch.toFixed(2))}: loss ${loss?.toFixed(4)}${seen}, ${rate(imagesPerSecond ?? 0)} images/s${waited}`,
  );
}
