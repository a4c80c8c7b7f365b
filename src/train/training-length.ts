// The length of a training: the steps of its recipe, or with a deadline as many as there is time for. The end is moved
// by the measured speed of the steps; what depends on the progress (learning rate, ScheduledDropPath) then goes on from
// where it is, slower or faster, so that it is complete when the time is over.

import { z } from 'zod';

/** The end of a training after it was moved. */
export interface MovedEnd {
  /** From this step on, */
  step: number;
  /** which is done as if it were this step of the planned training, */
  planned: number;
  /** the training evenly reaches its end after so many steps. */
  steps: number;
}

export const movedEnd: z.ZodType<MovedEnd> = z.object({
  step: z.int().nonnegative(),
  planned: z.number().nonnegative(),
  steps: z.int().positive(),
} satisfies Record<keyof MovedEnd, z.ZodType>);

export class TrainingLength {
  readonly planned: number;
  /** Absent while the training has its planned end. A checkpoint stores it. */
  moved: MovedEnd | undefined;

  /** @param planned the steps of the recipe */
  constructor(planned: number) {
    this.planned = planned;
  }

  /** Steps of the whole training. */
  get steps(): number {
    return this.moved?.steps ?? this.planned;
  }

  /** Returns the step of the planned training as which a step from the last move on is done; maybe a fractional one. */
  plannedStep(step: number): number {
    if (!this.moved) return step;
    const { step: from, planned, steps } = this.moved;
    return planned + ((step - from) * (this.planned - planned)) / (steps - from);
  }

  /** Returns the share of the training that is over at a step, 0 to 1. */
  progress(step: number): number {
    return this.plannedStep(step) / this.planned;
  }

  /** Moves the end. @param done steps that are done, fewer than `steps` */
  moveEnd(done: number, steps: number): void {
    this.moved = { step: done, planned: this.plannedStep(done), steps };
  }
}

export interface DeadlineOptions {
  /** Seconds from now on in which the training should end. */
  seconds: number;
  /** The end is not moved beyond so many steps, unless more are planned. */
  most: number;
  /** The end is only moved from this progress on, from which all steps take equally long. */
  from: number;
  /** Steps that are done already. */
  done?: number;
  /** A clock in milliseconds. Default: performance.now. */
  now?: () => number;
}

/** The end is moved so many times in the seconds of a training, each time by the speed since the last time. */
const moves = 20;
/** A training that is late goes on at most so many times as fast as planned: its rate must not fall to 0 at once. */
const fastest = 4;

/** Moves the end of a training so that it keeps a deadline. */
export class Deadline {
  readonly #length: TrainingLength;
  readonly #most: number;
  readonly #from: number;
  readonly #now: () => number;
  readonly #until: number;
  readonly #interval: number;
  /** Where the measurement of the speed began. */
  #mark: { done: number; time: number };

  constructor(
    length: TrainingLength,
    { seconds, most, from, done = 0, now = () => performance.now() }: DeadlineOptions,
  ) {
    this.#length = length;
    this.#most = Math.max(most, length.planned);
    this.#from = from;
    this.#now = now;
    this.#mark = { done, time: now() };
    this.#until = this.#mark.time + 1000 * seconds;
    this.#interval = (1000 * seconds) / moves;
  }

  /** Moves the end if it is time to. Call it after steps. */
  afterStep(done: number): void {
    const time = this.#now();
    if (this.#length.progress(done) < this.#from) {
      this.#mark = { done, time };
      return;
    }
    if (done === this.#mark.done || time - this.#mark.time < this.#interval) return;
    const eachStep = (time - this.#mark.time) / (done - this.#mark.done);
    this.#mark = { done, time };
    const left = this.#length.planned - this.#length.plannedStep(done); // planned steps
    const within = done + Math.ceil(Math.max(1, left / fastest, (this.#until - time) / eachStep));
    const steps = Math.min(this.#most, within);
    if (left > 0 && steps !== this.#length.steps) this.#length.moveEnd(done, steps);
  }
}
