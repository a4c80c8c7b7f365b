// `nasnet train --minutes`: chooses the size of the network and the length of its training by measured steps, as a
// search with a budget does for its final network, and keeps to the time over all sessions.

import { rmSync } from 'node:fs';
import { z } from 'zod';
import type { Computing } from '../../engine/device.ts';
import { InputError } from '../../failure.ts';
import { budgetRule, finalSeconds } from '../../forecast/budget.ts';
import { startingLaws } from '../../forecast/cost-law.ts';
import { type FinalMachine, fitsHere, measuring, planFinal, requireHere } from '../../forecast/plan-final.ts';
import type { ImageCounts } from '../../forecast/prediction.ts';
import { epochRatio } from '../../forecast/probe.ts';
import type { Architecture } from '../../space/architecture.ts';
import { finalSizes } from '../../study/final-training.ts';
import { fitted, settingsOf } from '../../study/presets.ts';
import type { Training } from '../../study/settings.ts';
import { plansOf, type TrainedNetwork } from '../../study/training-plan.ts';
import { writeWhole } from '../../whole-file.ts';
import { duration, epochWord, inUnits, upToTwoDigits } from '../../words.ts';
import type { LiveBlock } from '../terminal/live-block.ts';
import { readKept } from './training-files.ts';

/** Seconds in the unit of each flag that states a time. */
export const timeUnits = { '--minutes': 60, '--hours': 3600 };
export type TimeFlag = keyof typeof timeUnits;

export interface TimedOptions {
  /** The wall-clock time from the choice of the size to the tested network, without the pauses between sessions. */
  seconds: number;
  /** The flag that states it. */
  flag: TimeFlag;
  architecture: Architecture;
  /** Identity of the images. */
  content: string;
  /** Identity of the weights that it begins with, if there are some. */
  from?: string | undefined;
  /** Trainings to choose from, the smallest first; each but the first only if there is time for its epochs. */
  sizes: readonly Training[];
  counts: ImageCounts & { validation: number };
  computing: Computing;
  threads: number;
  seed: number;
  /** Whether the smallest network may be measured although it is predicted to need more memory than is free. */
  ignoreMemory?: boolean | undefined;
  /** The file that keeps the choice and the time that is spent, until the training ends. */
  file: string;
  block: LiveBlock;
}

interface SizesOptions {
  dataset: string;
  counts: ImageCounts;
  /** Side of the images in pixels, if it is stated. */
  side: number | undefined;
}

/** Returns the final networks of a search with this budget, the smallest first, the others with their fewest epochs. */
export function sizesWithin(seconds: number, { dataset, counts, side }: SizesOptions) {
  const request = { dataset, seed: 1, budget: seconds, ...(side !== undefined && { size: side }) };
  return finalSizes(fitted(settingsOf('laptop', request), counts)).map(
    ({ cells, filters, resolution, recipe: { epochs } }) => ({ cells, filters, resolution, epochs }),
  );
}

const stored = z.object({
  /** The training that was chosen for. */
  of: z.string(),
  size: z.int().nonnegative(),
  epochs: z.number().positive(),
  /** Predicted seconds of the test after the training. */
  test: z.number().nonnegative(),
  spent: z.number().nonnegative(),
});
type Stored = z.infer<typeof stored>;
/** The chosen size and length. */
type Choice = Pick<Stored, 'size' | 'epochs' | 'test'>;

const keptEvery = 1; // seconds; a kill loses no more of the time that is spent

/** A training that has a time: its size and epochs, and its clock. */
export class TimedTraining {
  /** Equal for equal trainings. */
  readonly of: string;
  readonly chosen: Choice;
  readonly #options: TimedOptions;
  readonly #before: number;
  readonly #since: number;
  #kept = 0;

  private constructor(options: TimedOptions, clock: { of: string; before: number; since: number }, chosen: Choice) {
    this.#options = options;
    this.of = clock.of;
    this.#before = clock.before;
    this.#since = clock.since;
    this.chosen = chosen;
  }

  /**
   * Chooses the size and the epochs, or goes on with an earlier choice. Writes nothing.
   * @throws InputError if there is no time for the shortest training
   */
  static async choose(options: TimedOptions): Promise<TimedTraining> {
    const { seconds, architecture, content, from, sizes, seed, counts, file, block } = options;
    const since = performance.now();
    const of = JSON.stringify({ architecture, content, from, sizes, seconds, seed, validation: counts.validation });
    const earlier = readKept(file, stored, (kept) => kept.of === of && kept.size < sizes.length);
    if (earlier) {
      const { spent } = earlier;
      block.log(`Goes on with its plan; ${duration(spent)} of ${duration(seconds)} are spent`);
      return new TimedTraining(options, { of, before: spent, since }, earlier);
    }
    block.log('Measuring for some seconds how fast this machine trains such networks …');
    return new TimedTraining(options, { of, before: 0, since }, await measuredChoice(options, since));
  }

  /** The chosen network. */
  get network(): TrainedNetwork {
    const { recipe: _, ...network } = this.#options.sizes[this.chosen.size]!;
    return network;
  }

  /** Seconds that are spent over all sessions. */
  get spent(): number {
    return this.#before + (performance.now() - this.#since) / 1000;
  }

  /** When the training should end, in milliseconds since 1970; undefined if it has its planned epochs. */
  deadline(): { deadline?: number } {
    const { seconds } = this.#options;
    const left = finalSeconds(seconds - this.spent, seconds, this.chosen, this.chosen.test);
    return left === undefined ? {} : { deadline: Date.now() + 1000 * Math.max(0, left) };
  }

  /** Keeps the choice and the time that is spent. */
  keep(): void {
    const { spent, of } = this;
    const { size, epochs, test } = this.chosen;
    this.#kept = spent;
    writeWhole(this.#options.file, [JSON.stringify({ of, size, epochs, test, spent } satisfies Stored)]);
  }

  /** Keeps the time that is spent if it is due. */
  tick(): void {
    if (this.spent - this.#kept >= keptEvery) this.keep();
  }

  /** Removes the file, since the training is over, and says how long it took. */
  end(): void {
    const { file, seconds, block } = this.#options;
    rmSync(file, { force: true });
    block.log(`${duration(this.spent)} of its time of ${duration(seconds)} are spent`);
  }
}

const settingsFor = ({ sizes, seconds, counts }: TimedOptions) => ({
  final: sizes[0]!,
  budget: { seconds, larger: sizes.slice(1) },
  validationImages: counts.validation,
});

async function measuredChoice(options: TimedOptions, since: number): Promise<Choice> {
  const { seconds, flag, architecture, sizes, counts, computing, threads } = options;
  const cell = plansOf(architecture);
  const settings = settingsFor(options);
  if (!options.ignoreMemory) requireHere(cell, sizes[0]!, { counts, computing });
  const left = () => seconds - (performance.now() - since) / 1000;
  const costs = { settings, counts, laws: startingLaws, workers: 1, threads };
  const machine: FinalMachine = {
    measure: (_, training, epochSeconds, most) =>
      epochRatio(cell, training, { settings, counts, computing }, { threads, epochSeconds, most }),
    fits: (_, training) => fitsHere(cell, training, { counts, computing }),
  };
  const { size, epochs, cost } = await planFinal(cell, costs, { budget: seconds, left }, machine);
  const { start, reserve, epochs: bounds } = budgetRule;
  const training = start + cost.once + epochs * cost.epoch;
  const measured = seconds - left();
  if (epochs === bounds.fewest && measured + training > (1 - reserve) * seconds) {
    const unit = timeUnits[flag];
    // in a longer time it may measure for longer
    const enough = Math.max((measured + training) / (1 - reserve), training / (1 - reserve - measuring.each));
    throw new InputError(
      `${flag}: expected at least about ${upToTwoDigits(enough / unit)}, which measuring and ${epochWord(epochs)} epochs of ${sizes.length > 1 ? 'the smallest' : 'this'} network take on this machine, got ${inUnits(seconds, unit)}`,
    );
  }
  return { size, epochs, test: cost.once };
}

/** "Trains N = 1, F = 16, 32 × 32 pixels for about 10.3 epochs: as much as there is time for in 8 min" */
export function timedWords({ cells, filters, resolution, recipe }: Training, seconds: number): string {
  const network = `Trains N = ${cells}, F = ${filters}, ${resolution} × ${resolution} pixels for`;
  const time = duration(seconds);
  const { most } = budgetRule.epochs;
  if (recipe.epochs >= most) return `${network} ${most} epochs, the most that are of use, in less than ${time}`;
  return `${network} about ${epochWord(recipe.epochs)} epochs: as much as there is time for in ${time}`;
}
