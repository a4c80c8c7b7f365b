// Evaluates the classification accuracy of a network. long-evaluation.ts has long evaluations, which can be resumed.

import { setImmediate } from 'node:timers/promises';
import { averagedDown } from '../data/augmentation.ts';
import type { SourceBatch } from '../data/source-batch.ts';
import type { Batch } from '../data/step-batches.ts';
import { cpu } from '../engine/device.ts';
import { noGrad, scope } from '../engine/memory.ts';
import { crossEntropy } from '../engine/operators.ts';
import type { Tensor } from '../engine/tensor.ts';
import { evaluationBatch } from '../plan/evaluation-batch.ts';
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
  /** Mean of the classes' accuracies, so that rare ones count as much; of classes with images. */
  balancedAccuracy: number;
  /** Number of images per class. */
  classImages: number[];
  /** Wrong answers by class and answer, the most frequent first. */
  confusions: Confusion[];
  /** The images with the least probability of their class, worst first; right answers are not among them. */
  worst: WrongAnswer[];
}

/** How many images of a class the network took for another. */
export interface Confusion {
  label: number;
  answer: number;
  images: number;
}

/** An image that the network took for another class. */
export interface WrongAnswer {
  /** Its place among the evaluated images. */
  place: number;
  label: number;
  answer: number;
  /** The network's probabilities of the answer and of the right class. */
  probability: number;
  labelProbability: number;
}

const worstImages = 20;

/** The counts of an evaluation so far, as JSON, so that it can be resumed. */
export interface Counts {
  /** Sum of the images' losses in nats. */
  loss: number;
  inFive: number;
  /** Number of images per class, and of correctly classified ones. */
  seen: number[];
  right: number[];
  /** Number of wrong answers by `label * classes + answer`. */
  wrong: Record<number, number>;
  worst: WrongAnswer[];
}

/** Returns the batch size of evaluations on a device: small ones leave a GPU idle. */
export const evaluationBatchOn = (device: string): number => (device === cpu ? evaluationBatch : 500);

/** Counts a network's predictions, batch by batch. */
export class Tally {
  readonly counts: Counts;
  readonly #side: number | undefined;

  /**
   * @param options.counts the counts to continue from
   * @param options.side side in pixels to which images are averaged down. Default: as they are
   */
  constructor(classes: number, { counts, side }: { counts?: Counts | undefined; side?: number | undefined } = {}) {
    const zeros = () => Array.from({ length: classes }, () => 0);
    this.#side = side;
    this.counts = counts ?? { loss: 0, inFive: 0, seen: zeros(), right: zeros(), wrong: {}, worst: [] };
  }

  /**
   * Classifies images [batch, channels, height, width] with labels int64 [batch] and adds the result to the counts.
   * They may be on another device than the network.
   * @param placeOf their places among the evaluated images, by row
   * @throws TrainingFailure if the logits are not finite
   */
  add(
    network: Trainable,
    { images, labels }: { images: Tensor; labels: Tensor },
    placeOf: (row: number) => number,
  ): void {
    scope(() =>
      noGrad(() => {
        const shown = images.to(network.device);
        const { logits } = network.forward(this.#side === undefined ? shown : averagedDown(shown, this.#side));
        const loss = crossEntropy(logits, labels.to(network.device)).item() * labels.shape[0]!;
        if (!Number.isFinite(loss))
          throw new TrainingFailure('not-a-number', 'the logits of the trained network are not finite');
        this.counts.loss += loss;
        const scores = logits.toArray();
        const probabilities = logits.softmax(1).toArray();
        const classes = logits.shape[1]!;
        labels.toArray().forEach((label, row) => {
          const own = scores.subarray(row * classes, (row + 1) * classes);
          const before = rank(own, label);
          this.#count(label, before);
          if (before === 0) return;
          const answer = largestPlace(own);
          this.#mistake({
            place: placeOf(row),
            label,
            answer,
            probability: probabilities[row * classes + answer]!,
            labelProbability: probabilities[row * classes + label]!,
          });
        });
      }),
    );
  }

  /** Adds a batch as `add` does, and disposes of it. */
  take(network: Trainable, batch: Pick<Batch, 'images' | 'labels'>, placeOf: (row: number) => number): void {
    this.add(network, batch, placeOf);
    batch.images.dispose();
    batch.labels.dispose();
  }

  #count(label: number, rank: number): void {
    this.counts.seen[label]! += 1;
    if (rank === 0) this.counts.right[label]! += 1;
    if (rank < 5) this.counts.inFive += 1;
  }

  #mistake(mistake: WrongAnswer): void {
    const { wrong, worst, seen } = this.counts;
    const pair = mistake.label * seen.length + mistake.answer;
    wrong[pair] = (wrong[pair] ?? 0) + 1;
    if (worst.length === worstImages && worst.at(-1)!.labelProbability <= mistake.labelProbability) return;
    const after = worst.findIndex(({ labelProbability }) => labelProbability > mistake.labelProbability);
    worst.splice(after < 0 ? worst.length : after, 0, mistake);
    worst.splice(worstImages);
  }

  /** Returns the figures of the counts; accuracies and loss are NaN without images. */
  accuracy(): Omit<Accuracy, 'imagesPerSecond'> {
    const { loss, inFive, seen, right, wrong, worst } = this.counts;
    const total = (counts: number[]) => counts.reduce((sum, count) => sum + count, 0);
    const images = total(seen);
    const classAccuracies = right.map((count, label) => count / seen[label]!);
    const present = classAccuracies.filter((accuracy) => !Number.isNaN(accuracy));
    const confusions = Object.entries(wrong).map(([pair, count]) => ({
      label: Math.floor(Number(pair) / seen.length),
      answer: Number(pair) % seen.length,
      images: count,
    }));
    return {
      accuracy: total(right) / images,
      topFiveAccuracy: inFive / images,
      loss: loss / images,
      images,
      classAccuracies,
      balancedAccuracy: total(present) / present.length,
      classImages: seen,
      confusions: confusions.sort((one, other) => other.images - one.images || one.label - other.label),
      worst,
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

/** Returns the first of the largest scores, as in argmax. */
const largestPlace = (scores: ArrayLike<number>): number =>
  Array.from(scores).reduce((best, score, place) => (score > scores[best]! ? place : best), 0);

interface StreamEvaluationOptions {
  /** Side in pixels to which images are averaged down. Default: as they are. */
  side?: number | undefined;
  signal?: AbortSignal | undefined;
  onUnreadable?: (sentence: string) => void;
}

/**
 * Evaluates a network on every image of a stream once; unreadable ones do not count.
 * @throws TrainingFailure if the logits are not finite; the signal's reason when it is aborted
 */
export async function evaluateStream(
  network: Trainable,
  stream: AsyncIterable<SourceBatch>,
  classes: number,
  { side, signal, onUnreadable }: StreamEvaluationOptions = {},
): Promise<Accuracy> {
  network.train(false);
  const started = performance.now();
  const tally = new Tally(classes, { side });
  for await (const { batch, places, unreadable } of stream) {
    if (batch) tally.take(network, batch, (row) => places[row]!);
    for (const sentence of unreadable) onUnreadable?.(sentence);
    await setImmediate(); // let signals be handled
    signal?.throwIfAborted();
  }
  const accuracy = tally.accuracy();
  return { ...accuracy, imagesPerSecond: (1000 * accuracy.images) / (performance.now() - started) };
}

/**
 * Evaluates a network on every image once.
 * @param side side in pixels to which images are averaged down. Default: as they are
 * @throws TrainingFailure if the logits are not finite
 */
export function evaluateNetwork(
  network: Trainable,
  batches: Iterable<{ images: Tensor; labels: Tensor }>,
  classes: number,
  side?: number,
): Accuracy {
  network.train(false);
  const started = performance.now();
  const tally = new Tally(classes, { side });
  let done = 0;
  for (const batch of batches) {
    const first = done;
    done += batch.labels.shape[0]!;
    tally.take(network, batch, (row) => first + row);
  }
  const accuracy = tally.accuracy();
  return { ...accuracy, imagesPerSecond: (1000 * accuracy.images) / (performance.now() - started) };
}
