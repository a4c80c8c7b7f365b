// Which options the user typed, as opposed to those that have their default.

import type { Command } from 'commander';

/** An option's name as it is typed: `stemChannels` is `--stem-channels`. */
export const typedFlag = (name: string): string =>
  `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

export type GivenFlags = ReadonlySet<string>;

export function givenFlags(command: Command): GivenFlags {
  return new Set(Object.keys(command.opts()).filter((name) => command.getOptionValueSource(name) === 'cli'));
}
