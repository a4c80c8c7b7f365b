// Reused rewards: which trials are trained, which reuse a reward, and what strategy and study get.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Evaluate, Evaluation } from '../../src/experiment/evaluator.ts';
import { remembering } from '../../src/experiment/remembered.ts';
import { runSearch } from '../../src/experiment/search-loop.ts';
import { RandomStream } from '../../src/random/stream.ts';
import type { Outcome, Strategy } from '../../src/search/strategy.ts';
import { sampleDecisions } from '../../src/space/sample.ts';
import { Candidate } from '../../src/study/candidate.ts';
import { Study } from '../../src/study/study.ts';
import { temporaryFolder } from '../data/temporary.ts';

const folder = temporaryFolder({ after });
let count = 0;
const newStudy = () => Study.create(join(folder, `${++count}.db`), { seed: 1 });

const graph = (seed: number) => sampleDecisions(new RandomStream(seed));

/** The same graph in other decisions: the halves of the first block of each cell change places. */
function mirrored(decisions: readonly number[]): number[] {
  const swapped = [...decisions];
  for (const at of [0, decisions.length / 2]) {
    [swapped[at], swapped[at + 1]] = [swapped[at + 1]!, swapped[at]!];
    [swapped[at + 2], swapped[at + 3]] = [swapped[at + 3]!, swapped[at + 2]!];
  }
  return swapped;
}

/** A strategy that asks for fixed decisions in order and records reports. */
class Script implements Strategy {
  readonly name = 'script';
  readonly reported: [trial: number, Outcome][] = [];
  readonly #lines: readonly number[][];
  constructor(lines: readonly number[][]) {
    this.#lines = lines;
  }
  ask = (trial: number) => this.#lines[trial]!;
  tell = (trial: number, outcome: Outcome) => void this.reported.push([trial, outcome]);
  save = () => new TextEncoder().encode(JSON.stringify(this.reported));
  load = (bytes: Uint8Array) => void this.reported.splice(0, Infinity, ...JSON.parse(new TextDecoder().decode(bytes)));
}

/** Searches through the lines; `outcomes` are those of the evaluations in their order. */
async function search(study: Study<object>, lines: readonly number[][], outcomes: readonly Evaluation[], workers = 2) {
  const strategy = new Script(lines);
  const trained: number[] = [];
  const evaluate: Evaluate = async ({ number }) => outcomes[trained.push(number) - 1]!;
  await runSearch({ study, strategy, evaluate: remembering(evaluate, study), trials: lines.length, workers });
  return { trained, reported: strategy.reported };
}

test('a repeat reuses the reward of the first, is reported to the strategy, and costs no training', async () => {
  const study = newStudy();
  const lines = [graph(1), graph(2), mirrored(graph(1)), graph(1), mirrored(graph(2))];
  const { trained, reported } = await search(study, lines, [
    { reward: 0.25, seconds: 10 },
    { reward: 0.5, seconds: 7 },
  ]);
  assert.deepEqual(trained, [0, 1]);
  assert.deepEqual(
    reported,
    [0.25, 0.5, 0.25, 0.25, 0.5].map((reward, trial) => [trial, { reward }]),
  );
  assert.deepEqual(
    study.trials().map(({ sameAs }) => sameAs),
    [null, null, 0, 0, 1],
  );
  assert.deepEqual(study.summary().repeats, { trials: 3, savedSeconds: 10 + 10 + 7 });
  assert.deepEqual(
    study.best(5).map(({ number }) => number),
    [1, 0],
    'of one graph the best list names the trial that was trained',
  );
});

test('repeats that are asked for while the first is trained wait for its outcome', async () => {
  const study = newStudy();
  const first = Promise.withResolvers<Evaluation>();
  let trainings = 0;
  const evaluate = remembering(() => {
    trainings++;
    return first.promise;
  }, study);
  const progress = { started() {}, retried() {}, epoch() {}, signal: new AbortController().signal };
  const outcomes = [0, 1, 2].map((number) => evaluate({ number, candidate: new Candidate(graph(5)) }, progress));
  first.resolve({ reward: 0.75, seconds: 3 });
  assert.deepEqual(await Promise.all(outcomes), [
    { reward: 0.75, seconds: 3 },
    { reward: 0.75, seconds: 0, sameAs: 0 },
    { reward: 0.75, seconds: 0, sameAs: 0 },
  ]);
  assert.equal(trainings, 1);
});

test('a failure is not reused: the next trial of the same graph is trained', async () => {
  const study = newStudy();
  const failure = { kind: 'crash', message: 'the worker died' };
  const { trained, reported } = await search(
    study,
    [graph(1), graph(1), graph(1)],
    [
      { failure, seconds: 1 },
      { reward: 0.5, seconds: 1 },
    ],
  );
  assert.deepEqual(trained, [0, 1]);
  assert.deepEqual(reported, [
    [0, { failed: 'crash' }],
    [1, { reward: 0.5 }],
    [2, { reward: 0.5 }],
  ]);
});

test('a resumed study reuses rewards of earlier processes', async () => {
  const study = newStudy();
  const lines = [graph(1), graph(2), mirrored(graph(2)), graph(3)];
  await search(study, lines.slice(0, 2), [
    { reward: 0.25, seconds: 10 },
    { reward: 0.5, seconds: 7 },
  ]);
  study.close();
  const again = Study.open(study.path);
  const { trained, reported } = await search(again, lines, [{ reward: 0.125, seconds: 1 }]);
  assert.deepEqual(trained, [3]);
  assert.deepEqual(reported.slice(2), [
    [2, { reward: 0.5 }],
    [3, { reward: 0.125 }],
  ]);
  again.close();
});
