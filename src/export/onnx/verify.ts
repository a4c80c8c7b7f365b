// Whether an ONNX file computes what the engine computes: the same images through onnxruntime and through the network, logits
// against logits. What to do about a difference is the caller's affair.

import { randn } from '../../engine/create.ts';
import { threads as engineThreads } from '../../engine/machine.ts';
import { free, noGrad, scope } from '../../engine/memory.ts';
import { cat } from '../../engine/operators.ts';
import { Generator } from '../../engine/random.ts';
import type { Tensor } from '../../engine/tensor.ts';
import { InputError } from '../../failure.ts';
import type { Network } from '../../model/network.ts';
import { type OnnxSession, openSession } from './session.ts';

export interface VerificationOptions {
  /** Real images beside the random ones: float32 [images, channels, height, width], prepared as the network takes them. */
  images?: Tensor | undefined;
  /** Threads of onnxruntime. Default: the engine's. */
  threads?: number | undefined;
  /** Asked between batches. */
  signal?: AbortSignal | undefined;
}

export interface Verification {
  /** The largest of all batches' max|a − b| / max|a|, a the engine's logits; NaN where either side is not finite. */
  largestDifference: number;
  /** Images compared. */
  images: number;
}

const randomBatches = [1, 3];
const largestBatch = 4; // of the real images, for the memory's sake
const seed = 1;

/**
 * Compares a network on the CPU with its file on random images, N(0, 1), in batches of 1 and 3, and on those given.
 * @throws InputError for images of another shape, Failure where onnxruntime is missing or refuses the model,
 * the signal's reason when it is aborted
 */
export async function verifyOnnx(
  model: string | Uint8Array,
  network: Network,
  { images: real, threads = engineThreads(), signal }: VerificationOptions = {},
): Promise<Verification> {
  const [height, width, channels] = network.plan.input;
  const shape = [channels, height, width];
  if (real && real.shape.slice(1).join() !== shape.join())
    throw new InputError(`images: expected the shape [n, ${shape.join(', ')}], got [${real.shape.join(', ')}]`);

  const all = batches(shape, real);
  try {
    // All of the engine's logits before the runtime opens: the memory of both is never needed at once.
    const logits: Float32Array[] = [];
    for (const batch of all) {
      await laterTurn(signal);
      logits.push(engineLogits(network, batch));
    }
    const session = await openSession(model, { threads });
    try {
      return await compare(session, all, logits, signal);
    } finally {
      await session.close();
    }
  } finally {
    free(all);
  }
}

async function compare(
  session: OnnxSession,
  batches: readonly Tensor[],
  logits: readonly Float32Array[],
  signal: AbortSignal | undefined,
): Promise<Verification> {
  const result = { largestDifference: 0, images: 0 };
  for (const [index, batch] of batches.entries()) {
    await laterTurn(signal);
    const found = await session.run(batch.toArray() as Float32Array, batch.shape);
    const difference = relativeDifference(logits[index]!, found);
    result.largestDifference = Math.max(result.largestDifference, difference); // NaN once, NaN for ever
    result.images += batch.shape[0]!;
  }
  return result;
}

function batches(shape: readonly number[], real: Tensor | undefined): Tensor[] {
  const generator = new Generator(seed);
  const random = randomBatches.map((count) => randn([count, ...shape], { generator }));
  return [...random, ...(real?.split(largestBatch) ?? [])];
}

/** Lets what waits run, such as the handler of a Ctrl-C. */
async function laterTurn(signal: AbortSignal | undefined): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  signal?.throwIfAborted();
}

/**
 * In evaluation, whatever the network was set to, which it is again afterwards. One image at a time, since a scope keeps all that
 * a forward pass makes: 0.8 GB an image for NASNet-A large.
 */
function engineLogits(network: Network, images: Tensor): Float32Array {
  const { training } = network;
  const one = (image: Tensor) => scope(() => network.forward(image).logits);
  network.train(false);
  try {
    return scope(() => noGrad(() => cat(images.split(1).map(one), 0).toArray() as Float32Array));
  } finally {
    network.train(training);
  }
}

/** max|a − b| / max|a|; 0 where both are 0 throughout. */
export function relativeDifference(expected: Float32Array, found: Float32Array): number {
  let [difference, size] = [0, 0];
  expected.forEach((value, index) => {
    difference = Math.max(difference, Math.abs(value - found[index]!));
    size = Math.max(size, Math.abs(value));
  });
  return difference === 0 ? 0 : difference / size;
}
