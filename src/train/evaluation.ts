// Evaluates the classification accuracy of a network. long-evaluation.ts has long evaluations, which can be resumed.

import { cpu } from '../engine/device.ts';
import { noGrad, scope } from '../engine/memory.ts';
import { crossEntropy } from '../engine/operators.ts';
import type { Tensor } from '../engine/tensor.ts';
import type { Plan } from '../plan/plan.ts';
import type { Trainable } from './trainable.ts';
import { TrainingFailure } from './training-failure.ts';

export interface Accuracy {
  /** Top-1 accuracy, 0 to 1. */
  accuracy: number;
  /** Top-5 accuracy, 0 to 1; 1 if there are at most five classes. */
  topFiveAccuracy: number;
  /** Mean cross entropy in nats. */
  loss: number;
  images: number;
  imagesPerSecond: number;
  /** Accuracy per class; NaN for a class without images. */
  classAccuracies: number[];
}

/** The counts of an evaluation so far, as JSON, so that it can be resumed. */
export interface Counts {
  /** Sum of the images' losses in nats. */
  loss: number;
  inFive: number;
  /** Number of images per class, and of correctly classified ones. */
  seen: number[];
  right: number[];
}

/**
 * Batch size of evaluations: larger batches need more memory and are not faster on a CPU; small ones leave a GPU idle.
 */
export const evaluationBatchOn = (device: string): number => (device === cpu ? evaluationBatch : 500);
const evaluationBatch = 64;

const memory = 2e9; // bytes
/** Memory per byte of the cells' outputs, including the temporaries of a cell: 1.6 to 2 measured on NASNet-A. */
const bytesPerEndpointByte = 2.5;

/** Returns the batch size whose forward pass needs about 2 GB, at most 64: 9 for NASNet-A large at 331 pixels. */
export function batchWithinMemory(plan: Plan): number {
  const elements = plan.endpoints.reduce((sum, { shape }) => sum + shape[0] * shape[1] * shape[2], 0);
  return Math.max(1, Math.min(evaluationBatch, Math.floor(memory / (4 * elements * bytesPerEndpointByte))));
}

/** Counts a network's predictions, batch by batch. */
export class Tally {
  readonly counts: Counts;

  constructor(classes: number, counts?: Counts) {
    const zeros = () => Array.from({ length: classes }, () => 0);
    this.counts = counts ?? { loss: 0, inFive: 0, seen: zeros(), right: zeros() };
  }

  /**
   * Classifies images [batch, channels, height, width] with labels int64 [batch] and adds the result to the counts.
   * They may be on another device than the network.
   * @throws TrainingFailure if the logits are not finite
   */
  add(network: Trainable, { images, labels }: { images: Tensor; labels: Tensor }): void {
    scope(() =>
      noGrad(() => {
        const { logits } = network.forward(images.to(network.device)); // [batch, classes]
        const loss = crossEntropy(logits, labels.to(network.device)).item() * labels.shape[0]!;
        if (!Number.isFinite(loss))
          throw new TrainingFailure('not-a-number', 'the logits of the trained network are not finite');
        this.counts.loss += loss;
        const scores = logits.toArray();
        const classes = logits.shape[1]!;
        labels.toArray().forEach((label, row) => {
          this.#count(label, rank(scores.subarray(row * classes, (row + 1) * classes), label));
        });
      }),
    );
  }

  #count(label: number, rank: number): void {
    this.counts.seen[label]! += 1;
    if (rank === 0) this.counts.right[label]! += 1;
    if (rank < 5) this.counts.inFive += 1;
  }

  /** Returns the figures of the counts; accuracies and loss are NaN without images. */
  accuracy(): Omit<Accuracy, 'imagesPerSecond'> {
    const { loss, inFive, seen, right } = this.counts;
    const total = (counts: number[]) => counts.reduce((sum, count) => sum + count, 0);
    const images = total(seen);
    return {
      accuracy: total(right) / images,
      topFiveAccuracy: inFive / images,
      loss: loss / images,
      images,
      classAccuracies: right.map((count, label) => count / seen[label]!),
    };
  }
}

/**
 * Returns the rank of a class from 0: the number of classes with a higher score, or an equal one and a lower index, as
 * in argmax.
 */
function rank(scores: ArrayLike<number>, label: number): number {
  let before = 0;
  for (let other = 0; other < scores.length; other++) {
    if (scores[other]! > scores[label]! || (scores[other] === scores[label] && other < label)) before += 1;
  }
  return before;
}

/** Evaluates a network on every image once. @throws TrainingFailure if the logits are not finite */
export function evaluateNetwork(
  network: Trainable,
  batches: Iterable<{ images: Tensor; labels: Tensor }>,
  classes: number,
): Accuracy {
  network.train(false);
  const started = performance.now();
  const tally = new Tally(classes);
  for (const batch of batches) {
    tally.add(network, batch);
    batch.images.dispose();
    batch.labels.dispose();
  }
  const accuracy = tally.accuracy();
  return { ...accuracy, imagesPerSecond: (1000 * accuracy.images) / (performance.now() - started) };
}
