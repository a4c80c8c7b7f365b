// What a detector's training reports of itself: the sums of the epoch so far, and the epochs before. Checkpoints store
// it, so that a training that resumes reports all of its epochs.

import { z } from 'zod';
import { lossNames } from './losses.ts';

/** Mean losses of an epoch; `total` is their sum. */
export type LossFigures = Record<(typeof lossNames)[number] | 'total', number>;

export interface DetectionEpoch {
  /** 1, 2 …; the last one may be fractional. */
  epoch: number;
  losses: LossFigures;
  learningRate: number;
  picturesPerSecond: number;
  /** COCO's AP, where it was measured after the epoch. */
  AP?: number;
}

const epochSchema: z.ZodType<DetectionEpoch> = z.object({
  epoch: z.number().positive(),
  losses: z.record(z.enum([...lossNames, 'total']), z.number()),
  learningRate: z.number().nonnegative(),
  picturesPerSecond: z.number().nonnegative(),
  AP: z.number().exactOptional(),
} satisfies Record<keyof DetectionEpoch, z.ZodType>);

interface LogState {
  /** Sums of the losses of an epoch, in the order of lossNames. */
  sums: number[];
  epochs: DetectionEpoch[];
}

const logState: z.ZodType<LogState> = z.object({
  sums: z.array(z.number()).length(lossNames.length),
  epochs: z.array(epochSchema),
} satisfies Record<keyof LogState, z.ZodType>);

export class TrainingLog {
  epochs: DetectionEpoch[] = [];
  /** Steps of the epoch so far. */
  steps = 0;
  #sums: number[] = lossNames.map(() => 0);

  /** The further state of checkpoints; the number of steps is that of their meter. */
  get checkpointed() {
    return {
      schema: logState,
      save: (): LogState => ({ sums: this.#sums, epochs: this.epochs }),
      restore: ({ sums, epochs }: LogState) => {
        this.#sums = [...sums];
        this.epochs = [...epochs];
      },
    };
  }

  /** Sum of all losses of the epoch so far. */
  get sum(): number {
    return this.#sums.reduce((sum, each) => sum + each, 0);
  }

  /** Adds a step's losses, in the order of lossNames. */
  add(losses: readonly number[]): void {
    this.#sums = this.#sums.map((sum, index) => sum + losses[index]!);
    this.steps += 1;
  }

  /** Returns the mean losses of the epoch. */
  means(): LossFigures {
    return lossFigures(this.#sums.map((sum) => sum / this.steps));
  }

  /** Adds the epoch, and begins the next one. */
  endEpoch(epoch: DetectionEpoch): void {
    this.epochs.push(epoch);
    this.#sums = lossNames.map(() => 0);
    this.steps = 0;
  }
}

/** Names losses that are in the order of lossNames. */
export function lossFigures(losses: readonly number[]): LossFigures {
  const parts = Object.fromEntries(lossNames.map((name, index) => [name, losses[index]!]));
  return { ...parts, total: losses.reduce((sum, each) => sum + each, 0) } as LossFigures;
}
