// How a training goes on between its steps: it resumes from a checkpoint, saves checkpoints, and stops when it is asked
// to. Several replicas resume, save and stop after the same step.

import { Interruption } from '../failure.ts';
import type { Module } from '../nn/module.ts';
import type { RandomStream } from '../random/stream.ts';
import type { Replicas } from '../replicas/replicas.ts';
import type { Checkpoints, InTraining, MeterState } from './checkpoint.ts';
import type { GradientReduction, Wishes } from './gradient-reduction.ts';
import { type Resumed, shareState } from './replica-state.ts';

/** The checkpoints of a training, whatever further state they have. */
export type TrainingCheckpoints = Pick<Checkpoints, 'restore' | 'offer' | 'isDue'>;

export interface ContinuationOptions {
  /** Among replicas, only the first one has checkpoints. */
  checkpoints?: TrainingCheckpoints | undefined;
  signal?: AbortSignal | undefined;
  /** The exchange of the replicas, by which they agree; absent: this process trains alone. */
  gradients?: GradientReduction | undefined;
}

export class Continuation {
  readonly #training: InTraining<Module>;
  readonly #options: ContinuationOptions;
  #wished: Wishes | undefined;

  constructor(training: InTraining<Module>, options: ContinuationOptions) {
    this.#training = training;
    this.#options = options;
  }

  get #replicas(): Replicas | undefined {
    return this.#options.gradients?.replicas;
  }

  /** Returns the latest checkpoint, whose state all replicas then have; undefined: the training begins. */
  async resume(): Promise<Resumed | undefined> {
    const restored = await this.#options.checkpoints?.restore(this.#training);
    return this.#replicas ? shareState(this.#replicas, this.#training, restored) : restored;
  }

  /** Tells the other replicas what this one wishes; called before each step. */
  wish(): void {
    const { gradients, signal, checkpoints } = this.#options;
    gradients?.wish({ stop: signal?.aborted ?? false, save: checkpoints?.isDue() ?? false });
  }

  /** Hears what the replicas wish after a step. @param reads whether wishes are read, which waits for the device */
  agree({ reads }: { reads: boolean }): void {
    this.#wished = reads ? this.#options.gradients?.wished() : undefined; // the same at all replicas
  }

  /** Saves a checkpoint after what may be the last step, from which only the validation and the test are repeated. */
  async saveTrained(step: number, meter: () => MeterState): Promise<void> {
    await this.#options.checkpoints?.offer(step, this.#training, meter, 'trained');
  }

  /** Saves a checkpoint of a training that is stopped while it validates. */
  async saveIfStopped(step: number, meter: () => MeterState): Promise<void> {
    const { checkpoints, signal } = this.#options;
    if (signal?.aborted) await checkpoints?.offer(step, this.#training, meter, 'stopped');
  }

  /**
   * Saves a checkpoint where one is due, and stops where that was asked for.
   * @param ends whether this was the last step, after which `saveTrained` has saved one
   * @throws the signal's reason; Interruption if another replica was stopped; Failure if one has ended
   */
  async pause(step: number, meter: () => MeterState, { ends }: { ends: boolean }): Promise<void> {
    const { checkpoints, signal } = this.#options;
    const isAlone = !this.#replicas;
    const stops = isAlone ? signal?.aborted : this.#wished?.stop;
    if (!stops) this.#replicas?.throwIfEnded(); // others may have stopped already
    if (!ends && (isAlone || stops || this.#wished?.save))
      await checkpoints?.offer(step, this.#training, meter, stops ? 'stopped' : 'step');
    if (isAlone || stops) signal?.throwIfAborted();
    if (stops) throw new Interruption('stopped, as another replica was');
  }
}

/** Returns the random numbers of a replica; those of the first one are the same as alone. */
export const randomOfReplica = (stream: RandomStream, replicas: Replicas | undefined): RandomStream =>
  replicas && replicas.rank > 0 ? stream.split(`replica ${replicas.rank}`) : stream;
