// The mutation of an architecture, with which evolution and the surrogate search near good ones.

import type { RandomStream } from '../random/stream.ts';

/** Changes one decision (an input, an operation or a combiner) to another value, each equally likely. */
export function withOneChange(decisions: readonly number[], sizes: readonly number[], random: RandomStream): number[] {
  const changeable = sizes.flatMap((size, index) => (size > 1 ? [index] : []));
  const place = changeable[random.integer(changeable.length)]!;
  const step = 1 + random.integer(sizes[place]! - 1); // every other value is equally likely
  return decisions.map((choice, index) => (index === place ? (choice + step) % sizes[place]! : choice));
}
