// How large what a user asks for may be: one table, checked before anything is built. Like failure.ts for every folder. What is within these
// bounds may still be too much for a machine: that is predicted (forecast/), not listed here. Studies that exist are not held against it.

import { InputError } from './failure.ts';

/** Far above what is of use, and low enough that every command answers at once. */
export const largest = {
  /** N. The paper has 18 at most; a thousand take a second to lay out and their page megabytes. */
  cells: 200,
  /** F. The paper's largest network begins with 168; 10,000 give weights of 10 GB in one layer. */
  filters: 10_000,
  /** Of the stem's convolution: 3F where nothing else is said. */
  stemChannels: 30_000,
  /** B, of a cell. The paper has 5. Equal blocks have as many orders as 10 has permutations, of which one spelling is to be found. */
  blocks: 10,
  /** ImageNet's largest version has 21,841. */
  classes: 100_000,
  /** Side of a network's input. At 331 pixels a network is at its published best; activations grow with the square. */
  pixels: 4096,
  /** Processes at once. The paper has 500; each of ours holds 150 MB before its first image. */
  workers: 1000,
  /** Of one process. Beyond the machine's cores they only wait for one another. */
  threads: 1024,
  /** Passes over the images. The paper has 600. */
  epochs: 100_000,
  /** Images a step. Beyond some thousands a step learns no more; memory grows with it. */
  batch: 65_536,
  /** Of a search. The paper has 20,000; a study holds some kilobytes of each. */
  trials: 10_000_000,
  /** Simulated processes, which take no memory to speak of. */
  simulatedWorkers: 100_000,
} as const;

/** The number itself. @param what names it in the sentence: "--blocks" @throws InputError beyond the limit */
export function within(size: keyof typeof largest, value: number, what: string): number {
  if (value <= largest[size]) return value;
  throw new InputError(`${what}: expected at most ${largest[size].toLocaleString('en-US')}, got ${value}`, {
    code: 'too-large',
    fields: { limit: largest[size], got: value },
  });
}
