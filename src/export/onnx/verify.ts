// Whether an ONNX file computes what the engine computes: the same images through onnxruntime and through the network, logits
// against logits. What to do about a difference is the caller's affair.

import { randn } from '../../engine/create.ts';
import { threads } from '../../engine/machine.ts';
import { noGrad, scope } from '../../engine/memory.ts';
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
  options: VerificationOptions = {},
): Promise<Verification> {
  const [height, width, channels] = network.plan.input;
  const shape = [channels, height, width];
  const { images: real } = options;
  if (real && real.shape.slice(1).join() !== shape.join())
    throw new InputError(`images: expected the shape [n, ${shape.join(', ')}], got [${real.shape.join(', ')}]`);

  const session = await openSession(model, { threads: options.threads ?? threads() });
  try {
    let [largestDifference, images] = [0, 0];
    for (const batch of batches(shape, real)) {
      options.signal?.throwIfAborted();
      const difference = await compare(session, network, batch);
      largestDifference = Math.max(largestDifference, difference); // NaN once, NaN for ever
      images += batch.shape[0]!;
      batch.dispose();
    }
    return { largestDifference, images };
  } finally {
    await session.close();
  }
}

function* batches(shape: readonly number[], real: Tensor | undefined): Iterable<Tensor> {
  const generator = new Generator(seed);
  for (const count of randomBatches) yield randn([count, ...shape], { generator });
  if (real) yield* real.split(largestBatch);
}

async function compare(session: OnnxSession, network: Network, images: Tensor): Promise<number> {
  const expected = engineLogits(network, images);
  const found = await session.run(images.contiguous().toArray() as Float32Array, images.shape);
  return relativeDifference(expected, found);
}

/** In evaluation, whatever the network was set to, which it is again afterwards. */
function engineLogits(network: Network, images: Tensor): Float32Array {
  const { training } = network;
  network.train(false);
  try {
    return scope(() => noGrad(() => network.forward(images).logits.toArray() as Float32Array));
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
