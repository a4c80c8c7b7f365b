// Which options the user typed, as opposed to those that have their default.

import type { Command } from 'commander';

export type GivenFlags = ReadonlySet<string>;

export function givenFlags(command: Command): GivenFlags {
  return new Set(Object.keys(command.opts()).filter((name) => command.getOptionValueSource(name) === 'cli'));
}
