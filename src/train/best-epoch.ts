// The best epoch of a training by its accuracy on the held-out images, and the weights that the network had then. The
// test images have no say in it.

import { WeightAverage } from '../nn/weight-average.ts';
import type { Accuracy } from './evaluation.ts';
import type { Recipe } from './recipe.ts';

/** The best epoch so far, as JSON. */
export interface BestEpochState {
  epoch: number;
  /** The accuracy by which it is the best: the balanced one where the recipe balances classes. */
  accuracy: number;
  loss: number;
  /** The epoch in which that accuracy was reached first: of equal ones the one with the lowest loss is the best. */
  reachedIn: number;
}

/** The accuracy by which the epochs of a recipe are compared. */
export const comparedAccuracy = (
  { balance }: Pick<Recipe, 'balance'>,
  { accuracy, balancedAccuracy }: Pick<Accuracy, 'accuracy' | 'balancedAccuracy'>,
): number => (balance ? balancedAccuracy : accuracy);

/** Compares epochs as they end. */
export class BestEpoch {
  #state: BestEpochState | undefined;

  constructor(state?: BestEpochState) {
    this.#state = state;
  }

  get state(): BestEpochState | undefined {
    return this.#state;
  }

  /**
   * Adds an epoch. Returns whether it is the best so far: it has the highest accuracy, and of equal ones the lowest
   * loss. An accuracy of no images is never the best.
   */
  add(epoch: number, accuracy: number, loss: number): boolean {
    const best = this.#state;
    if (Number.isNaN(accuracy)) return false;
    if (best && (accuracy < best.accuracy || (accuracy === best.accuracy && loss >= best.loss))) return false;
    const reachedIn = best && accuracy === best.accuracy ? best.reachedIn : epoch;
    this.#state = { epoch, accuracy, loss, reachedIn };
    return true;
  }

  /** Whether the accuracy has not risen in the last `patience` epochs up to this one. */
  isOver(epoch: number, patience: number): boolean {
    return this.#state !== undefined && epoch - this.#state.reachedIn >= patience;
  }
}

/** The weights and moving statistics of the best epoch. */
export class BestWeights extends WeightAverage {
  epochs = new BestEpoch();

  /** Keeps the network's current values. */
  keep(): void {
    this.take();
  }
}
