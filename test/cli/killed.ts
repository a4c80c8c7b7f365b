// Kills a command when it has written a file so many times.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { nodeArguments } from './run.ts';

/** Returns whether the command was killed; false if it ended before, with exit code 0. */
export async function killedAfter(
  words: string[],
  { file, writes, environment }: { file: string; writes: number; environment: Record<string, string> },
): Promise<boolean> {
  const env = { ...process.env, ...environment };
  const child = spawn(process.execPath, nodeArguments(words), { stdio: 'ignore', env });
  let seen = 0;
  const watcher = watch(dirname(file), (_, name) => {
    if (name === basename(file) && ++seen >= writes) child.kill('SIGKILL');
  });
  const [code, signal] = await once(child, 'close');
  watcher.close();
  assert.ok(signal === 'SIGKILL' || code === 0, `ended with ${code}`);
  return signal === 'SIGKILL';
}
