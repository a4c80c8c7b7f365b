// Several processes that train one detector against one process that accumulates gradients over the same parts.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { setThreads } from '../../src/engine/machine.ts';
import { temporaryFolder } from '../data/temporary.ts';
import { runMembers } from '../replicas/members.ts';
import { type RunOptions, type RunResult, run } from './replica-run.ts';
import { makeShapes } from './shapes.ts';

setThreads(1);

const folder = temporaryFolder({ after });
const data = join(folder, 'data.json');

before(async () => {
  const dataset = await makeShapes(folder, { count: 5, seed: 4, side: 64 });
  const [first, ...others] = dataset.pictures;
  writeFileSync(data, JSON.stringify({ ...dataset, pictures: [{ ...first!, boxes: [] }, ...others] }));
});

const module = JSON.stringify(resolve(import.meta.dirname, 'replica-run.ts'));

/** Runs the training in `count` processes. */
async function together(count: number, options: Omit<RunOptions, 'data'>): Promise<RunResult[]> {
  const body = `return (await import(${module})).run(replicas, ${JSON.stringify({ data, ...options })})`;
  const ended = await runMembers(count, { body });
  for (const { code, stderr } of ended) assert.equal(code, 0, stderr);
  return ended.map(({ result }) => result as RunResult);
}

/** Returns the largest difference relative to the largest value. */
function difference(one: readonly number[], other: readonly number[]): number {
  assert.equal(one.length, other.length);
  const size = Math.max(...other.map(Math.abs));
  return Math.max(...one.map((value, place) => Math.abs(value - other[place]!))) / size;
}

const totals = ({ losses }: RunResult) => losses.map(({ total }) => total);

test('the losses of a batch in parts add up to those of the batch, also with a picture without objects', async () => {
  for (const head of ['fpn', 'paper'] as const) {
    const options = { data, head, batchSize: 5, epochs: 1 };
    const whole = await run(undefined, options);
    const parts = await run(undefined, { ...options, accumulate: 3 });
    assert.ok(difference(totals(parts), totals(whole)) < 1e-6, head);
    assert.ok(difference(parts.weights, whole.weights) < 1e-6, head);
  }
});

// Batches of 4 and 1 of five pictures: in the second one, the second replica has no picture.
test('two replicas train to the bits of accumulated gradients, with a batch that is too small for both', async () => {
  const alone = await run(undefined, { data, batchSize: 4, accumulate: 2 });
  const [first, second] = await together(2, { batchSize: 4 });
  assert.deepEqual(first!.weights, alone.weights);
  assert.deepEqual(first!.losses, alone.losses);
  assert.deepEqual(second!.weights, alone.weights);
});

test('norms that learn use a replica’s pictures, and their statistics are averaged', async () => {
  const options = { head: 'paper', batchSize: 5, epochs: 2, frozenNorms: false } as const;
  const alone = await run(undefined, { data, ...options, accumulate: 2 });
  const [first, second] = await together(2, options);
  assert.ok(difference(first!.weights, alone.weights) < 1e-5);
  assert.deepEqual(second!.weights, first!.weights);
  assert.deepEqual(second!.statistics, first!.statistics);
});

test('synchronised norms use the pictures of all replicas', async () => {
  const options = { batchSize: 5, epochs: 2, frozenNorms: false };
  const alone = await run(undefined, { data, ...options });
  const [first, second] = await together(2, { ...options, synchronised: true });
  assert.ok(difference(first!.weights, alone.weights) < 1e-4);
  assert.ok(difference(first!.statistics, alone.statistics) < 1e-4);
  assert.deepEqual(second!.statistics, first!.statistics);
});

test('a training goes on with another number of replicas where it was stopped', async () => {
  const options = { batchSize: 4, accumulate: 2, epochs: 3 };
  const whole = await run(undefined, { data, ...options });
  const checkpoints = { ...options, folder };
  assert.match((await run(undefined, { data, ...checkpoints, stopAt: 1 })).stopped!, /enough/);
  const stopped = await together(2, { ...checkpoints, stopAt: 3 });
  assert.match(stopped[0]!.stopped!, /enough/);
  assert.match(stopped[1]!.stopped!, /^Interruption: stopped, as another replica was$/);
  const resumed = await run(undefined, { data, ...checkpoints });
  assert.deepEqual(resumed.weights, whole.weights);
  assert.deepEqual(resumed.losses, whole.losses);
});
