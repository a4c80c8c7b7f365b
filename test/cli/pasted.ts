// Runs the commands that an output suggests, as if a user pasted them into a shell.

import { spawnSync } from 'node:child_process';
import { delimiter, dirname, resolve } from 'node:path';
import { shellPath } from '../../src/shell-path.ts';
import type { Ended } from './run.ts';

export const bin = resolve(import.meta.dirname, '../../bin/nasnet');

/** Returns the commands that an output suggests outside the checkout, each on its own line. */
export const commandsIn = (text: string): string[] =>
  text
    .split('\n')
    .filter((line) => line.startsWith(`  ${shellPath(bin)} `))
    .map((line) => line.trim());

/** @param more flags after those of the command, to make it short */
export function paste(command: string, cwd: string, environment: Record<string, string>, more = ''): Ended {
  const path = [dirname(process.execPath), process.env.PATH].join(delimiter);
  const env = { ...process.env, ...environment, PATH: path };
  const { status, stdout, stderr } = spawnSync('sh', ['-c', `${command} ${more}`], { cwd, env, encoding: 'utf8' });
  return { code: status, stdout, stderr };
}
