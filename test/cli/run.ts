// A command line in a process of its own, as a user calls it.

import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';

export const main = resolve(import.meta.dirname, '../../src/cli/main.ts');

/** The arguments of node that run `words`. */
export const nodeArguments = (words: string[]): string[] => [
  '--input-type=module',
  '-e',
  `process.exitCode = await (await import(${JSON.stringify(main)})).main(process.argv.slice(1))`,
  ...words,
];

export function nasnet(words: string[], environment: Record<string, string> = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, nodeArguments(words), {
    env: { ...process.env, ...environment },
    encoding: 'utf8',
  });
  return { code: status, stdout, stderr };
}
