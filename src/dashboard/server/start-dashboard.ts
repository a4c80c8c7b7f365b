// Starts the dashboard beside a search, in a process of its own.

import { fork } from 'node:child_process';
import { Failure } from '../../failure.ts';
import type { FromChild } from './dashboard-child.ts';
import type { DashboardOptions } from './server.ts';

/** How its process is kept small: else V8 and the C library let garbage lie until it has 200 MB. */
export const smallProcess = {
  execArgv: ['--max-semi-space-size=2', '--max-old-space-size=128', '--optimize-for-size'],
  env: { ...process.env, MALLOC_ARENA_MAX: '2' },
};

/** Returns its address; it ends when disposed of, and with this process. @throws Failure where it cannot serve */
export async function startDashboard(options: DashboardOptions): Promise<{ url: string } & Disposable> {
  const child = fork(new URL('./dashboard-child.ts', import.meta.url), {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    ...smallProcess,
  });
  const { promise, resolve, reject } = Promise.withResolvers<FromChild>();
  child.once('message', (message) => resolve(message as FromChild));
  child.once('error', reject);
  child.once('exit', (code) => reject(new Failure(`the dashboard ended while it started (exit code ${code})`)));
  child.send(options);
  const answer = await promise;
  if ('failure' in answer) {
    child.kill();
    throw new Failure(answer.failure);
  }
  child.unref();
  child.channel?.unref();
  return { url: answer.url, [Symbol.dispose]: () => void child.kill() };
}
