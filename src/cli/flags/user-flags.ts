// The flags that the user typed, as opposed to defaults.

import type { Command } from 'commander';

/** Returns an option's flag: `stemChannels` is `--stem-channels`. */
export const typedFlag = (name: string): string =>
  `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/** The names of the options that the user typed: `stemChannels`. */
export type UserFlags = ReadonlySet<string>;

export function userFlagsOf(command: Command): UserFlags {
  return new Set(Object.keys(command.opts()).filter((name) => command.getOptionValueSource(name) === 'cli'));
}
