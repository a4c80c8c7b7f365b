// A tiny training of a detector as one of several replicas, or alone with the oracle, accumulated gradients.

import { readFileSync } from 'node:fs';
import { FolderArtifacts } from '../../src/artifacts.ts';
import { detectionRecipes } from '../../src/detect/detection-recipe.ts';
import { buildDetector } from '../../src/detect/detector.ts';
import { detectorSettings, type HeadName } from '../../src/detect/detector-settings.ts';
import { trainDetector } from '../../src/detect/detector-training.ts';
import { type LossFigures, TrainingLog } from '../../src/detect/training-log.ts';
import type { DetectionDataset } from '../../src/detection-data/detection-dataset.ts';
import type { Tensor } from '../../src/engine/tensor.ts';
import { type Replicas, sumOverOn } from '../../src/replicas/replicas.ts';
import { nasnetA } from '../../src/space/published.ts';
import { Checkpoints } from '../../src/train/checkpoint.ts';

export interface RunOptions {
  /** A file with the dataset as JSON. */
  data: string;
  head?: HeadName;
  batchSize?: number;
  accumulate?: number;
  epochs?: number;
  frozenNorms?: boolean;
  /** Whether norms use the pictures of all replicas. */
  synchronised?: boolean;
  /** A folder of checkpoints, one after every step, in which the training stops at this step. */
  folder?: string;
  stopAt?: number;
}

export interface RunResult {
  weights: number[];
  statistics: number[];
  /** Mean losses of each epoch. */
  losses: LossFigures[];
  /** How the training was stopped. */
  stopped?: string;
}

const side = 64;

export async function run(replicas: Replicas | undefined, options: RunOptions): Promise<RunResult> {
  const { data, head = 'fpn', frozenNorms = true, synchronised = false, folder, stopAt } = options;
  const dataset = JSON.parse(readFileSync(data, 'utf8')) as DetectionDataset;
  const settings = detectorSettings({
    head,
    network: { cells: head === 'fpn' ? 0 : 1, filters: 4, stemChannels: 8 },
    input: [side, side],
    channels: 8,
    ...(head === 'fpn' && { hidden: 16 }),
    proposals: 8,
    frozenNorms,
  });
  const sumOver = synchronised && replicas ? sumOverOn(replicas, 'cpu') : undefined;
  const detector = buildDetector(nasnetA, settings, dataset.categories.length, { seed: 1, sumOver });
  const { batchSize = 2, accumulate = 1, epochs = 2 } = options;
  const recipe = { ...detectionRecipes.fast, batchSize, accumulate, epochs, clipNorm: 1 };
  const log = new TrainingLog();
  const stop = new AbortController();
  const isFirst = !replicas || replicas.rank === 0;
  const checkpoints = folder && isFirst && stepCheckpoints(folder, log, stopAt, () => stop.abort(new Error('enough')));
  const numbers = (tensors: Iterable<Tensor>) => [...tensors].flatMap((each) => [...each.detach().toArray()]);
  const result = (): RunResult => ({
    weights: numbers(detector.parameters()),
    statistics: numbers(detector.namedBuffers().values()),
    losses: log.epochs.map(({ losses }) => losses),
  });
  try {
    await trainDetector(detector, dataset, recipe, {
      ...{ seed: 3, log, signal: stop.signal, replicas },
      ...(checkpoints && { checkpoints }),
    });
    return result();
  } catch (error) {
    if (!stopAt) throw error;
    return { ...result(), stopped: `${error}` };
  }
}

function stepCheckpoints(folder: string, log: TrainingLog, stopAt: number | undefined, stop: () => void) {
  const checkpoints = new Checkpoints(new FolderArtifacts({ final: folder }), 'final/tiny', {
    identity: 'tiny',
    seconds: 0,
    extra: log.checkpointed,
  });
  const offer = checkpoints.offer.bind(checkpoints);
  checkpoints.offer = async (step, ...rest) => {
    await offer(step, ...rest);
    if (step === stopAt) stop();
  };
  return checkpoints;
}
