// Runs command lines in separate processes, as a user does.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';

const main = resolve(import.meta.dirname, '../../src/cli/main.ts');

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Returns the arguments of node that run `words`. */
export const nodeArguments = (words: string[]): string[] => [
  '--input-type=module',
  '-e',
  `process.exitCode = await (await import(${JSON.stringify(main)})).main(process.argv.slice(1))`,
  ...words,
];

export function nasnet(words: string[], environment: Record<string, string> = {}, cwd?: string): Ended {
  const { status, stdout, stderr } = spawnSync(process.execPath, nodeArguments(words), {
    env: { ...process.env, ...environment },
    cwd,
    encoding: 'utf8',
  });
  return { code: status, stdout, stderr };
}

/** Runs several command lines in one process, since its start takes longer than most of them. */
export function nasnets(lines: string[][], environment: Record<string, string> = {}, cwd?: string): Ended[] {
  const script = `
    const { main } = await import(${JSON.stringify(main)});
    const print = process.stdout.write.bind(process.stdout);
    const ended = [];
    for (const words of ${JSON.stringify(lines)}) {
      const said = { stdout: '', stderr: '' };
      for (const name of ['stdout', 'stderr']) process[name].write = (text) => ((said[name] += text), true);
      ended.push({ code: await main(words), ...said });
    }
    print(JSON.stringify(ended));`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    env: { ...process.env, ...environment },
    cwd,
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout);
}
