// Commands that run while a test goes on, and the weights that trainings by several of them leave.

import assert from 'node:assert/strict';
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { free } from '../../src/engine/memory.ts';
import { readSafetensors } from '../../src/nn/safetensors.ts';
import type { Machine } from '../cluster/machine.ts';
import { type Ended, nodeArguments } from './run.ts';

/** A command that runs while the test goes on. */
export interface Running {
  process: ChildProcess;
  stderr(): string;
  ended: Promise<Ended>;
  /** Waits until it has printed something like this to stderr. */
  prints(pattern: RegExp): Promise<void>;
}

/** Starts a command of nasnet. @param machine where it runs; default: this one */
export function start(words: string[], environment: Record<string, string> = {}, machine?: Machine): Running {
  const options: SpawnOptions = { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...environment } };
  const all = nodeArguments(words);
  const child = machine?.spawn(process.execPath, all, options) ?? spawn(process.execPath, all, options);
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name]!.setEncoding('utf8').on('data', (text: string) => {
      texts[name] += text;
    });
  const ended = new Promise<Ended>((done) => child.on('close', (code) => done({ code, ...texts })));
  const prints = (pattern: RegExp) =>
    new Promise<void>((done, fail) => {
      const look = () => pattern.test(texts.stderr) && done();
      child.stderr!.on('data', look);
      child.on('close', () => fail(new Error(`it never printed ${pattern}: ${texts.stderr}`)));
      look();
    });
  return { process: child, stderr: () => texts.stderr, ended, prints };
}

/** Returns the ids of the processes that a process has started, by any of its threads. */
export const childrenOf = (id: number): number[] =>
  readdirSync(`/proc/${id}/task`).flatMap((thread) =>
    readFileSync(`/proc/${id}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  );

/** Why `childrenOf` cannot be called; false: it can. */
export const noChildren =
  !existsSync(`/proc/self/task/${process.pid}/children`) && 'this system does not list the children of a process';

/** Kills the second of a training's two replicas; the first one must end with its sentence. */
export async function killReplica({ process: first, ended }: Running): Promise<void> {
  const [replica, ...others] = childrenOf(first.pid!);
  assert.deepEqual(others, [], 'it has started one other');
  process.kill(replica!, 'SIGKILL');
  const { code, stderr } = await ended;
  assert.equal(code, 1, stderr);
  assert.match(
    stderr,
    /^nasnet: replica 1 of 2 was killed by SIGKILL; start it again to resume from the last checkpoint, also with another number of replicas$/m,
  );
}

/** Returns the weights of a model file. Accumulation changes the statistics of norms more than once a step. */
function weightsOf(path: string): number[] {
  const { tensors } = readSafetensors(path);
  const trained = Object.entries(tensors).filter(([name]) => !name.includes('.moving_'));
  const numbers = trained.flatMap(([, each]) => [...each.to('float64').toArray()]);
  free(Object.values(tensors));
  return numbers;
}

export function assertEqualWeights(one: string, other: string): void {
  const [first, second] = [weightsOf(one), weightsOf(other)];
  assert.equal(first.length, second.length);
  const largest = Math.max(...second.map(Math.abs));
  const difference = Math.max(...first.map((value, place) => Math.abs(value - second[place]!)));
  assert.ok(difference <= 1e-6 * largest, `weights differ by ${difference}, the largest is ${largest}`);
}
