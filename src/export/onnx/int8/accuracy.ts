// Compares what a network answers in float32 and in 8 bits, image by image, in onnxruntime.

import type { SourceBatch } from '../../../data/source-batch.ts';
import type { OnnxSession } from '../session.ts';

export interface Int8Accuracy {
  images: number;
  /** Images that got the same answer, the class of the largest logit. */
  same: number;
  /** The images with known classes that each side got right, and those that only one side did. */
  right?: { float32: number; int8: number; onlyFloat32: number; onlyInt8: number };
}

export interface ComparisonOptions {
  /** Whether the images' labels are their classes. */
  labelled: boolean;
  signal?: AbortSignal | undefined;
  /** Is called with the number of compared images. */
  onProgress?: ((done: number) => void) | undefined;
}

/** Runs both networks on every readable image of a stream. @throws the signal's reason if it is aborted */
export async function compareAnswers(
  float32: OnnxSession,
  int8: OnnxSession,
  batches: AsyncIterable<SourceBatch>,
  { labelled, signal, onProgress }: ComparisonOptions,
): Promise<Int8Accuracy> {
  const right = { float32: 0, int8: 0, onlyFloat32: 0, onlyInt8: 0 };
  let [images, same] = [0, 0];
  for await (const { batch } of batches) {
    signal?.throwIfAborted();
    if (!batch) continue;
    const labels = Array.from(batch.labels.toArray());
    const [pixels, shape] = [batch.images.toArray() as Float32Array, batch.images.shape];
    batch.images.dispose();
    batch.labels.dispose();
    const [exact, rounded] = [await float32.run(pixels, shape), await int8.run(pixels, shape)].map((logits) =>
      answersOf(logits, labels.length),
    ) as [number[], number[]];
    labels.forEach((label, row) => {
      const [isRight, isRoundedRight] = [exact[row] === label, rounded[row] === label];
      if (exact[row] === rounded[row]) same += 1;
      if (isRight) right.float32 += 1;
      if (isRoundedRight) right.int8 += 1;
      if (isRight && !isRoundedRight) right.onlyFloat32 += 1;
      if (isRoundedRight && !isRight) right.onlyInt8 += 1;
    });
    images += labels.length;
    onProgress?.(images);
  }
  return { images, same, ...(labelled && { right }) };
}

/** Returns the class of the largest logit of each image. */
function answersOf(logits: Float32Array, images: number): number[] {
  const classes = logits.length / images;
  return Array.from({ length: images }, (_, row) => {
    const own = logits.subarray(row * classes, (row + 1) * classes);
    return own.reduce((best, logit, place) => (logit > own[best]! ? place : best), 0);
  });
}
