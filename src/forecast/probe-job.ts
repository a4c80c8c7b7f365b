// The probe job of a worker: trains a network on noise for a moment, like a child, and measures the seconds of its
// steps.

import { peakMemory, resetPeakMemory } from '../children/worker-memory.ts';
import { augmentationOf } from '../data/augmentations.ts';
import { TrainingBatches } from '../data/batches.ts';
import { imagesOn } from '../data/device-images.ts';
import { randint } from '../engine/create.ts';
import { type Computing, onCpu, prepareDevice } from '../engine/device.ts';
import { setThreads } from '../engine/machine.ts';
import { keep } from '../engine/memory.ts';
import { Generator } from '../engine/random.ts';
import { buildNetwork } from '../model/network.ts';
import type { Plan } from '../plan/plan.ts';
import { type JoinedReplicas, joinReplicas } from '../replicas/join-replicas.ts';
import { type Replicas, sumOverOn } from '../replicas/replicas.ts';
import { middleMean } from '../statistics/order.ts';
import type { Recipe } from '../train/recipe.ts';
import { type TrainingOptions, trainNetwork } from '../train/training.ts';
import type { EvaluateJob } from '../workers/messages.ts';

export interface ProbeJob {
  plan: Plan;
  recipe: Recipe;
  /** Images per step, of replicas together, and number of timed steps after one untimed step. */
  batch: number;
  steps: number;
  /** Side of the images in pixels, which the network can process. Default: that of the plan. */
  side?: number;
  /** Default: float32 on the CPU. */
  computing?: Computing;
  /** Replicas of this machine that are measured together, each in a job of its own. Default: one alone. */
  replicas?: ProbeReplicas;
}

export interface ProbeReplicas {
  rank: number;
  count: number;
  /** A free port of this machine, at which they meet. */
  port: number;
  /** Whether norms use the images of all. */
  synchronisesNorms: boolean;
}

export interface ProbeResources {
  threads: number;
}

export interface Probed {
  /** Seconds of the timed steps. */
  seconds: number;
  /** Bytes of the process before the training. */
  memory: number;
  /** The seconds of the timed steps in exchanges between replicas, and how tensors travel. */
  exchange?: { seconds: number; transport: string };
}

/** Starts a worker process's evaluator (workers/messages.ts). */
export function start(_: unknown, resources: unknown): EvaluateJob {
  setThreads((resources as ProbeResources).threads);
  return (job) => probe(job as ProbeJob);
}

async function probe(job: ProbeJob): Promise<Probed> {
  if (!job.replicas) return probeSteps(job);
  const joined = await join(job.replicas, job.computing ?? onCpu);
  try {
    const probed = await probeSteps(job, joined);
    await joined.leave();
    return probed;
  } catch (error) {
    await joined.fail((error as Error).message);
    throw error;
  }
}

const millisecondsToJoin = 60_000;

function join({ rank, count, port }: ProbeReplicas, { device }: Computing): Promise<JoinedReplicas> {
  return joinReplicas({
    ...{ rank, count, device, training: 'probe', place: { host: '127.0.0.1', port } },
    locals: { command: [], replicas: [] },
    patience: { join: millisecondsToJoin },
  });
}

/** Steps between two looks at the clock: the end of an epoch takes as long as a part of a small step. */
const stepsOfMark = 5;

async function probeSteps(
  { plan, recipe, batch, steps, side, computing = onCpu, replicas }: ProbeJob,
  joined?: Replicas,
): Promise<Probed> {
  prepareDevice(computing.device);
  resetPeakMemory();
  const memory = peakMemory();
  const [height, width] = plan.input;
  const generator = new Generator(1);
  const network = buildNetwork(plan, {
    seed: 1,
    dropPathKeep: recipe.dropPathKeep,
    ...(recipe.dropPathRule && { dropPathRule: recipe.dropPathRule }),
    ...(joined && replicas?.synchronisesNorms && { sumOver: sumOverOn(joined, computing.device) }),
    ...computing,
  });
  const perEpoch = joined ? steps : Math.min(steps, stepsOfMark);
  const images = keep(randint(0, 256, [batch * perEpoch, 3, height, width], { generator }).to('uint8'));
  const labels = keep(randint(0, plan.classes, [batch * perEpoch], { generator }));
  const whitening = { mean: [128, 128, 128], deviation: [74, 74, 74] }; // of this noise
  const batches = new TrainingBatches({
    from: imagesOn(computing.device, { images, labels }),
    whitening,
    batchSize: batch,
    augmentation: augmentationOf(recipe),
    seed: 1,
    ...(joined && { part: { index: joined.rank, count: joined.count } }),
  });
  const isSmall = side !== undefined && side < height;
  const steady = { ...evenly(recipe), ...(isSmall && { growth: [{ scale: side / height, until: 1 }] }) };
  const train = (epochs: number, options: Omit<TrainingOptions, 'seed'>) =>
    trainNetwork(network, batches, { ...steady, epochs, learningRate: 1e-6 }, { seed: 1, ...options });
  if (joined) return { ...(await secondEpoch(train, joined, replicas!)), memory };
  const ends: number[] = []; // in ms
  const onEpoch = () => void ends.push(performance.now());
  await train(1, { onEpoch }); // warm-up: allocates memory and chooses kernels
  await train(Math.ceil(steps / perEpoch), { onEpoch });
  const durations = ends.slice(1).map((end, epoch) => (end - ends[epoch]!) / 1000 / perEpoch); // of a step
  return { seconds: steps * middleMean(durations), memory };
}

/** Returns the recipe without what makes steps differ, and without what needs held-out images. */
function evenly({ growth, whitenStem, freezeEpochs, patience, ...others }: Recipe): Recipe {
  return others;
}

/** Measures the second of two epochs: before the first one the replicas exchange their weights. */
async function secondEpoch(
  train: (epochs: number, options: Omit<TrainingOptions, 'seed'>) => Promise<unknown>,
  replicas: Replicas,
  { synchronisesNorms }: ProbeReplicas,
): Promise<Pick<Probed, 'seconds' | 'exchange'>> {
  const marks: { at: number; exchanging: number }[] = [];
  const onEpoch = () => void marks.push({ at: performance.now() / 1000, exchanging: replicas.traffic.seconds });
  await train(2, { replicas, synchronisesNorms, onEpoch });
  const [first, second] = marks as [(typeof marks)[number], (typeof marks)[number]];
  const exchange = { seconds: second.exchanging - first.exchanging, transport: replicas.transport };
  return { seconds: second.at - first.at, exchange };
}
