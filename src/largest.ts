// The maximum sizes that a user may ask for, checked before anything is built. A size within these limits may still be
// too large for a machine, which forecast/ predicts. Existing studies are not checked.

import { InputError } from './failure.ts';
import { whole } from './words.ts';

/** Far above useful sizes, and low enough that every command answers immediately. */
export const largest = {
  /** N. The paper has at most 18. Planning a thousand takes a second, and the page for them has megabytes. */
  cells: 200,
  /** F. The paper's largest network starts with 168; with 10,000 one layer has 10 GB of weights. */
  filters: 10_000,
  /** Channels of the stem's convolution; 3F by default. */
  stemChannels: 30_000,
  /** B, blocks of a cell. The paper has 5. The canonical form of equal blocks is one of up to 10! orders. */
  blocks: 10,
  /** Classes. ImageNet's largest version has 21,841. */
  classes: 100_000,
  /**
   * Side of a network's input in pixels. The best published networks have 331; memory for activations grows with the
   * square.
   */
  pixels: 4096,
  /** Worker processes. The paper has 500; one needs 150 MB before its first image. */
  workers: 1000,
  /** Threads of one process. More than the machine's cores are of no use. */
  threads: 1024,
  /** Epochs. The paper has 600. */
  epochs: 100_000,
  /** Minutes of a search or a training: two years. */
  minutes: 1_000_000,
  /** The same in hours. */
  hours: 16_000,
  /** Seeds of a training, each of which is trained. */
  seeds: 1000,
  /** Images per step. More than some thousands do not improve a step; memory grows in proportion. */
  batch: 65_536,
  /**
   * Images that ranges of 8 bits are measured on, which are in memory at once. More than some hundreds change nothing.
   */
  calibrationImages: 10_000,
  /** Trials of a search. The paper has 20,000; a study stores some kilobytes per trial. */
  trials: 10_000_000,
  /** Simulated workers, which need little memory. */
  simulatedWorkers: 100_000,
} as const;

/** Returns the number. @param what its name in the message: "--blocks" @throws InputError if it is above the limit */
export function within(size: keyof typeof largest, value: number, what: string): number {
  if (value <= largest[size]) return value;
  throw new InputError(`${what}: expected at most ${whole(largest[size])}, got ${value}`, {
    code: 'too-large',
    fields: { limit: largest[size], got: value },
  });
}
