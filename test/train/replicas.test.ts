// Several processes that train one network against one process that accumulates gradients over the same parts.

import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { after, test } from 'node:test';
import { temporaryFolder } from '../data/temporary.ts';
import { runMembers } from '../replicas/members.ts';
import { type RunOptions, type RunResult, run } from './replica-run.ts';

const module = JSON.stringify(resolve(import.meta.dirname, 'replica-run.ts'));

/** Runs the training in `count` processes. @param optionsOf the options of a rank */
async function together(count: number, options: RunOptions): Promise<RunResult[]> {
  const body = `return (await import(${module})).run(replicas, ${JSON.stringify(options)})`;
  const ended = await runMembers(count, { body });
  for (const { code, stderr } of ended) assert.equal(code, 0, stderr);
  return ended.map(({ result }) => result as RunResult);
}

/** Returns the largest difference relative to the largest value. */
function difference(one: number[], other: number[]): number {
  assert.equal(one.length, other.length);
  const size = Math.max(...other.map(Math.abs));
  return Math.max(...one.map((value, place) => Math.abs(value - other[place]!))) / size;
}

test('two replicas with frozen norms train to the bits of accumulated gradients', async () => {
  const alone = await run(undefined, { exact: true, recipe: { accumulate: 2 } });
  const [first, second] = await together(2, { exact: true });
  assert.deepEqual(first!.weights, alone.weights);
  assert.deepEqual(second!.weights, alone.weights);
  assert.equal(first!.loss, alone.loss);
  assert.equal(first!.trainingAccuracy, alone.trainingAccuracy);
  assert.equal(first!.validation, alone.validation);
  assert.equal(second!.validation, undefined, 'only the first one validates');
});

test('four replicas with frozen norms differ from them by the order of sums in float64', async () => {
  const alone = await run(undefined, { exact: true, recipe: { accumulate: 4 } });
  const [first, ...others] = await together(4, { exact: true });
  assert.ok(difference(first!.weights, alone.weights) < 1e-14);
  for (const { weights } of others) assert.deepEqual(weights, first!.weights);
});

test('with norms of their own images replicas equal accumulated gradients in float32, and share their statistics', async () => {
  const recipe = { averageEpochs: 0.5, labelSmoothing: 0.1 };
  const alone = await run(undefined, { recipe: { ...recipe, accumulate: 2 } });
  const [first, second] = await together(2, { recipe });
  assert.ok(difference(first!.weights, alone.weights) < 1e-5);
  assert.ok(Math.abs(first!.loss - alone.loss) < 1e-5);
  assert.deepEqual(second!.weights, first!.weights);
  assert.deepEqual(second!.statistics, first!.statistics);
});

test('weights and statistics have the same bits whenever checkpoints are written, and after a stop', async () => {
  const recipe = { averageEpochs: 0.5 };
  const bitsOf = async (more: RunOptions = {}) => {
    const [{ weights, statistics, validation }] = (await together(2, { recipe, ...more })) as [RunResult];
    return { weights, statistics, validation };
  };
  const [saved, stopped] = [temporaryFolder({ after }), temporaryFolder({ after })];
  const through = await bitsOf();
  assert.deepEqual(await bitsOf({ folder: saved }), through);
  await bitsOf({ folder: stopped, stopAt: 3 });
  assert.deepEqual(await bitsOf({ folder: stopped }), through);
});

test('accumulation divides the part of each replica', async () => {
  const alone = await run(undefined, { exact: true, recipe: { accumulate: 4 } });
  const [first] = await together(2, { exact: true, recipe: { accumulate: 4 } });
  assert.ok(difference(first!.weights, alone.weights) < 1e-14);
});

test('an uneven part counts by its images', async () => {
  const recipe = { batchSize: 7 };
  const alone = await run(undefined, { exact: true, recipe: { ...recipe, accumulate: 2 } }); // 4 and 3 images
  const [first] = await together(2, { exact: true, recipe });
  assert.deepEqual(first!.weights, alone.weights);
});

test('synchronised norms train as one process does with the whole batch', async () => {
  const alone = await run(undefined, { synchronised: true });
  const [first, second] = await together(2, { synchronised: true });
  assert.ok(difference(first!.weights, alone.weights) < 1e-9);
  assert.ok(difference(first!.statistics, alone.statistics) < 1e-9);
  assert.deepEqual(second!.statistics, first!.statistics);
});

test('a training goes on with another number of replicas where it was stopped', async () => {
  const folder = temporaryFolder({ after });
  const whole = await run(undefined, { exact: true, recipe: { accumulate: 4, averageEpochs: 0.5 } });
  const options = { exact: true, folder, recipe: { accumulate: 4, averageEpochs: 0.5 } };
  const stopped = await together(2, { ...options, stopAt: 3 });
  assert.match(stopped[0]!.stopped!, /enough/);
  assert.match(stopped[1]!.stopped!, /^Interruption: stopped, as another replica was$/);
  assert.match((await run(undefined, { ...options, stopAt: 6 })).stopped!, /enough/);
  const [first] = await together(4, options);
  assert.ok(difference(first!.weights, whole.weights) < 1e-13);
  assert.ok(Math.abs(first!.loss - whole.loss) < 1e-12);
  assert.equal(first!.trainingAccuracy, whole.trainingAccuracy);
});

test('patience of the first replica ends all', async () => {
  const recipe = { epochs: 6, patience: 1, learningRate: 1e-9 };
  const alone = await run(undefined, { exact: true, recipe: { ...recipe, accumulate: 2 } });
  const [first, second] = await together(2, { exact: true, recipe });
  assert.deepEqual(first!.weights, alone.weights);
  assert.deepEqual(second!.weights, alone.weights);
});
