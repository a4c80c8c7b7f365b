// A tiny training as one of several replicas, or alone with the oracle, gradient accumulation.

import { FolderArtifacts } from '../../src/artifacts.ts';
import { tensor } from '../../src/engine/create.ts';
import type { Tensor } from '../../src/engine/tensor.ts';
import { type ForwardOptions, Network, type Output } from '../../src/model/network.ts';
import { type Replicas, sumOverOn } from '../../src/replicas/replicas.ts';
import { BestWeights } from '../../src/train/best-epoch.ts';
import { Checkpoints } from '../../src/train/checkpoint.ts';
import { evaluateNetwork } from '../../src/train/evaluation.ts';
import type { Recipe } from '../../src/train/recipe.ts';
import { trainNetwork } from '../../src/train/training.ts';
import { classes, evaluationBatches, tinyPlan, tinyRecipe, trainingBatches } from './images.ts';

export interface RunOptions {
  recipe?: Partial<Recipe>;
  /** Whether norms keep their statistics and all is computed in float64. */
  exact?: boolean;
  /** Whether norms use the statistics of all replicas. */
  synchronised?: boolean;
  seed?: string;
  /** A folder of checkpoints, one after every step, in which the training stops at this step. */
  folder?: string;
  stopAt?: number;
}

export interface RunResult {
  weights: number[];
  statistics: number[];
  loss: number;
  trainingAccuracy: number;
  validation: number | undefined;
  /** How the training was stopped. */
  stopped?: string;
}

/** Computes in the dtype of its parameters on images of float32. */
class TypedNetwork extends Network {
  override forward(images: Tensor, options?: ForwardOptions): Output {
    return super.forward(images.to(this.parameters()[0]!.dtype), options);
  }
}

const images = 40;

/** Batches of 8 images, 10 steps in two epochs, without anything random but their order. */
export async function run(replicas: Replicas | undefined, options: RunOptions = {}): Promise<RunResult> {
  const { exact = false, synchronised = false, seed = 'run', folder, stopAt } = options;
  const recipe: Recipe = { ...tinyRecipe, learningRate: 0.02, clipNorm: 0.5, ...options.recipe };
  const settings = {
    dtype: exact || synchronised ? ('float64' as const) : ('float32' as const),
    frozenNorms: exact,
    ...(synchronised && replicas && { sumOver: sumOverOn(replicas, 'cpu') }),
  };
  const network = new TypedNetwork(tinyPlan(), settings);
  fillEvenly(network);
  const isFirst = !replicas || replicas.rank === 0;
  const part = replicas && { index: replicas.rank, count: replicas.count };
  const stop = new AbortController();
  using best = new BestWeights(network.stateDict());
  const checkpoints = folder && isFirst && stepCheckpoints(folder, stopAt, () => stop.abort(new Error('enough')));
  const validate = () => evaluateNetwork(network, evaluationBatches(20), classes);
  try {
    const last = await trainNetwork(network, trainingBatches(images, recipe, undefined, part), recipe, {
      seed,
      signal: stop.signal,
      replicas,
      ...(isFirst && { validate, best }),
      ...(checkpoints && { checkpoints }),
    });
    return { ...stateOf(network), ...last, validation: last.validation?.accuracy };
  } catch (error) {
    if (!stopAt) throw error;
    return { ...stateOf(network), loss: 0, trainingAccuracy: 0, validation: undefined, stopped: `${error}` };
  }
}

/** Weights without random numbers of libtorch's, which depend on the processor. */
function fillEvenly(network: Network): void {
  let place = 0;
  for (const parameter of network.parameters()) {
    const fan = parameter.shape.slice(1).reduce((product, size) => product * size, 1);
    if (parameter.shape.length < 2) continue;
    const values = Float64Array.from({ length: parameter.size }, () => Math.sin(++place) / Math.sqrt(fan));
    parameter.detach().copy_(tensor(values, parameter.shape));
  }
}

function stateOf(network: Network): Pick<RunResult, 'weights' | 'statistics'> {
  const numbers = (tensors: Iterable<Tensor>) => [...tensors].flatMap((each) => [...each.detach().toArray()]);
  return { weights: numbers(network.parameters()), statistics: numbers(network.namedBuffers().values()) };
}

function stepCheckpoints(folder: string, stopAt: number | undefined, stop: () => void): Checkpoints {
  const checkpoints = new Checkpoints(new FolderArtifacts({ final: folder }), 'final/tiny', {
    identity: 'tiny',
    seconds: 0,
  });
  const offer = checkpoints.offer.bind(checkpoints);
  checkpoints.offer = async (step, ...rest) => {
    await offer(step, ...rest);
    if (step === stopAt) stop();
  };
  return checkpoints;
}
