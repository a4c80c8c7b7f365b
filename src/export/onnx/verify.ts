// Compares the logits of an ONNX file in onnxruntime with the engine's on the same images. The caller decides which
// difference is acceptable.

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
  /** Real images to compare on besides random ones: float32 [images, channels, height, width], preprocessed. */
  images?: Tensor | undefined;
  /** Threads of onnxruntime. Default: the engine's. */
  threads?: number | undefined;
  /** Checked between batches. */
  signal?: AbortSignal | undefined;
}

export interface Verification {
  /** The largest max|a − b| / max|a| of all batches, where a are the engine's logits; NaN if one side is not finite. */
  largestDifference: number;
  /** The number of images compared. */
  images: number;
}

const randomBatches = [1, 3];
const largestBatch = 4; // real images per batch, to limit memory
const seed = 1;

/**
 * Compares a network on the CPU with its file on random images, N(0, 1), in batches of 1 and 3, and on `images`.
 * @throws InputError if the images have another shape; Failure if onnxruntime is missing or refuses the model; the
 *   signal's reason if it is aborted
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
    // The engine runs first, so that its memory and the runtime's are not needed at the same time.
    const logits: Float32Array[] = [];
    for (const batch of all) {
      await nextTurn(signal);
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
    await nextTurn(signal);
    const actual = await session.run(batch.toArray() as Float32Array, batch.shape);
    const difference = relativeDifference(logits[index]!, actual);
    result.largestDifference = Math.max(result.largestDifference, difference); // NaN stays NaN
    result.images += batch.shape[0]!;
  }
  return result;
}

function batches(shape: readonly number[], real: Tensor | undefined): Tensor[] {
  const generator = new Generator(seed);
  const random = randomBatches.map((count) => randn([count, ...shape], { generator }));
  return [...random, ...(real?.split(largestBatch) ?? [])];
}

/** Lets pending events run, such as the handler of Ctrl-C. */
async function nextTurn(signal: AbortSignal | undefined): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  signal?.throwIfAborted();
}

/**
 * Computes logits in evaluation mode and restores the network's mode. Runs one image at a time, because a scope keeps
 * all intermediate tensors of a forward pass: 0.8 GB per image for NASNet-A large.
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

/** Returns max|a − b| / max|a|, where a are the expected values; 0 if all values are 0. */
export function relativeDifference(expected: Float32Array, actual: Float32Array): number {
  let [difference, size] = [0, 0];
  expected.forEach((value, index) => {
    difference = Math.max(difference, Math.abs(value - actual[index]!));
    size = Math.max(size, Math.abs(value));
  });
  return difference === 0 ? 0 : difference / size;
}
