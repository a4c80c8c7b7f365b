// How well a network classifies images that it does not train on.

import { noGrad, scope } from '../engine/memory.ts';
import { crossEntropy } from '../engine/operators.ts';
import type { Tensor } from '../engine/tensor.ts';
import type { Network } from '../model/network.ts';
import { TrainingFailure } from './failure.ts';

export interface Accuracy {
  /** Share of right answers, 0 to 1. */
  accuracy: number;
  /** Mean cross entropy in nats. */
  loss: number;
  images: number;
  imagesPerSecond: number;
  /** Share of right answers per class; NaN for a class without images. */
  classAccuracies: number[];
}

/** Images at once: more take memory and no less time on a CPU. */
export const evaluationBatch = 64;

/** Classifies every image once. Throws a TrainingFailure if the network's answers are not numbers. */
export function evaluateNetwork(
  network: Network,
  batches: Iterable<{ images: Tensor; labels: Tensor }>,
  classes: number,
): Accuracy {
  network.train(false);
  const started = performance.now();
  const right = new Float64Array(classes);
  const seen = new Float64Array(classes);
  let loss = 0;
  for (const { images, labels } of batches) {
    scope(() =>
      noGrad(() => {
        const { logits } = network.forward(images); // [batch, classes]
        loss += crossEntropy(logits, labels).item() * labels.shape[0]!;
        const answers = logits.argmax(1).toArray();
        labels.toArray().forEach((label, index) => {
          seen[label]! += 1;
          if (answers[index] === label) right[label]! += 1;
        });
      }),
    );
    images.dispose();
    labels.dispose();
  }
  if (!Number.isFinite(loss)) throw new TrainingFailure('not-a-number', 'the trained network answers with no numbers');
  const total = (counts: Float64Array) => counts.reduce((sum, count) => sum + count, 0);
  const images = total(seen);
  return {
    accuracy: total(right) / images,
    loss: loss / images,
    images,
    imagesPerSecond: (1000 * images) / (performance.now() - started),
    classAccuracies: Array.from(right, (count, label) => count / seen[label]!),
  };
}
