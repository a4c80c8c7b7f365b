// The probe job of a worker: trains a network on noise for a moment, like a child, and measures the seconds of its
// steps.

import { peakMemory, resetPeakMemory } from '../children/worker-memory.ts';
import { TrainingBatches } from '../data/batches.ts';
import { imagesOn } from '../data/device-images.ts';
import { randint } from '../engine/create.ts';
import { type Computing, onCpu, prepareDevice } from '../engine/device.ts';
import { setThreads } from '../engine/machine.ts';
import { keep } from '../engine/memory.ts';
import { Generator } from '../engine/random.ts';
import { buildNetwork } from '../model/network.ts';
import type { Plan } from '../plan/plan.ts';
import { middleMean } from '../statistics/order.ts';
import type { Recipe } from '../train/recipe.ts';
import { trainNetwork } from '../train/training.ts';
import type { EvaluateJob } from '../workers/messages.ts';

export interface ProbeJob {
  plan: Plan;
  recipe: Recipe;
  /** Images per step, and number of timed steps after one untimed step. */
  batch: number;
  steps: number;
  /** Default: float32 on the CPU. */
  computing?: Computing;
}

export interface ProbeResources {
  threads: number;
}

export interface Probed {
  /** Seconds of the timed steps. */
  seconds: number;
  /** Bytes of the process before the training. */
  memory: number;
}

/** Starts a worker process's evaluator (workers/messages.ts). */
export function start(_: unknown, resources: unknown): EvaluateJob {
  setThreads((resources as ProbeResources).threads);
  return (job) => probe(job as ProbeJob);
}

async function probe({ plan, recipe, batch, steps, computing = onCpu }: ProbeJob): Promise<Probed> {
  prepareDevice(computing.device);
  resetPeakMemory();
  const memory = peakMemory();
  const [height, width] = plan.input;
  const generator = new Generator(1);
  const network = buildNetwork(plan, {
    seed: 1,
    dropPathKeep: recipe.dropPathKeep,
    ...(recipe.dropPathRule && { dropPathRule: recipe.dropPathRule }),
    ...computing,
  });
  const images = keep(randint(0, 256, [batch, 3, height, width], { generator }).to('uint8'));
  const labels = keep(randint(0, plan.classes, [batch], { generator }));
  const whitening = { mean: [128, 128, 128], deviation: [74, 74, 74] }; // of this noise
  const batches = new TrainingBatches({
    from: imagesOn(computing.device, { images, labels }),
    whitening,
    batchSize: batch,
    augmentation: recipe,
    seed: 1,
  });
  const { growth: _, whitenStem: __, ...steady } = recipe; // so that all steps are like those at the end of a training
  const ends: number[] = []; // in ms
  const onEpoch = () => ends.push(performance.now());
  const train = (epochs: number) =>
    trainNetwork(network, batches, { ...steady, epochs, learningRate: 1e-6 }, { seed: 1, onEpoch });
  await train(1); // warm-up: allocates memory and chooses kernels
  await train(steps); // an epoch has one batch
  const durations = ends.slice(1).map((end, step) => (end - ends[step]!) / 1000);
  return { seconds: steps * middleMean(durations), memory };
}
