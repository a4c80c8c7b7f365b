// Runs the commands that an output suggests, as if a user pasted them into a shell.

import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync } from 'node:fs';
import { delimiter, dirname, join, resolve } from 'node:path';
import type { Ended } from './run.ts';

export const bin = resolve(import.meta.dirname, '../../bin/nasnet');

/** Creates ./bin/nasnet in a folder, with which the commands start. */
export function installIn(folder: string): void {
  mkdirSync(join(folder, 'bin'));
  symlinkSync(bin, join(folder, 'bin', 'nasnet'));
}

/** Returns the commands of an output, each on its own line. */
export const commandsIn = (text: string): string[] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('  ./bin/nasnet '))
    .map((line) => line.trim());

/** @param more flags after those of the command, to make it short */
export function paste(command: string, cwd: string, environment: Record<string, string>, more = ''): Ended {
  const path = [dirname(process.execPath), process.env.PATH].join(delimiter);
  const env = { ...process.env, ...environment, PATH: path };
  const { status, stdout, stderr } = spawnSync('sh', ['-c', `${command} ${more}`], { cwd, env, encoding: 'utf8' });
  return { code: status, stdout, stderr };
}
