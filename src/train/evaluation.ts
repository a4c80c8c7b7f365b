// How well a network classifies images that it does not train on. Long evaluations, which can go on after a kill, are
// long-evaluation.ts's.

import { cpu } from '../engine/device.ts';
import { noGrad, scope } from '../engine/memory.ts';
import { crossEntropy } from '../engine/operators.ts';
import type { Tensor } from '../engine/tensor.ts';
import type { Network } from '../model/network.ts';
import type { Plan } from '../plan/plan.ts';
import { TrainingFailure } from './training-failure.ts';

export interface Accuracy {
  /** Share of right answers, 0 to 1. */
  accuracy: number;
  /** Share of images whose class is among the five likeliest; 1 where there are no more than five classes. */
  topFiveAccuracy: number;
  /** Mean cross entropy in nats. */
  loss: number;
  images: number;
  imagesPerSecond: number;
  /** Share of right answers per class; NaN for a class without images. */
  classAccuracies: number[];
}

/** What has been counted so far. JSON, so that an evaluation can go on with it. */
export interface Counts {
  /** Summed over the images, in nats. */
  loss: number;
  inFive: number;
  /** Images of each class, and those among them that were answered right. */
  seen: number[];
  right: number[];
}

/** Images at once: more take memory and no less time on a CPU; a GPU is idle with few. */
export const evaluationBatchOn = (device: string): number => (device === cpu ? evaluationBatch : 500);
const evaluationBatch = 64;

const memory = 2e9; // bytes
/** The cells' outputs, and what the cell at work holds besides: 1.6 to 2 times the outputs, measured on NASNet-A. */
const bytesPerEndpointByte = 2.5;

/** Images at once whose forward pass takes at most about 2 GB: at most 64, 9 for NASNet-A large at 331 pixels. */
export function batchWithinMemory(plan: Plan): number {
  const elements = plan.endpoints.reduce((sum, { shape }) => sum + shape[0] * shape[1] * shape[2], 0);
  return Math.max(1, Math.min(evaluationBatch, Math.floor(memory / (4 * elements * bytesPerEndpointByte))));
}

/** Counts a network's answers, batch by batch. */
export class Tally {
  readonly counts: Counts;

  constructor(classes: number, counts?: Counts) {
    const zeros = () => Array.from({ length: classes }, () => 0);
    this.counts = counts ?? { loss: 0, inFive: 0, seen: zeros(), right: zeros() };
  }

  /**
   * The network's answers to images [batch, channels, height, width] with labels int64 [batch], added to the counts. They may be on
   * another device than the network is.
   * @throws TrainingFailure if the answers are not numbers
   */
  add(network: Network, { images, labels }: { images: Tensor; labels: Tensor }): void {
    scope(() =>
      noGrad(() => {
        const { logits } = network.forward(images.to(network.device)); // [batch, classes]
        const loss = crossEntropy(logits, labels.to(network.device)).item() * labels.shape[0]!;
        if (!Number.isFinite(loss))
          throw new TrainingFailure('not-a-number', 'the trained network answers with no numbers');
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

  /** What the counts say; without any image the shares and the loss are NaN. */
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

/** How many classes come before this one: those with a higher score, and of equal ones those before it, as argmax takes them. */
function rank(scores: ArrayLike<number>, label: number): number {
  let before = 0;
  for (let other = 0; other < scores.length; other++) {
    if (scores[other]! > scores[label]! || (scores[other] === scores[label] && other < label)) before += 1;
  }
  return before;
}

/** Classifies every image once. Throws a TrainingFailure if the network's answers are not numbers. */
export function evaluateNetwork(
  network: Network,
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
