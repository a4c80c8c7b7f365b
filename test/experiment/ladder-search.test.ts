// The search loop with a ladder: order of trainings, reports to strategy and ladder, repeats, arms, failures,
// interruptions.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { FolderArtifacts } from '../../src/artifacts.ts';
import { pausedChild, studyFolders } from '../../src/children/study-artifacts.ts';
import type { Evaluate, Evaluation } from '../../src/experiment/evaluator.ts';
import { remembering } from '../../src/experiment/remembered.ts';
import { runSearch, type SearchEvent, type SearchOptions } from '../../src/experiment/search-loop.ts';
import { RandomStream } from '../../src/random/stream.ts';
import type { Outcome, Strategy } from '../../src/search/strategy.ts';
import { sampleDecisions } from '../../src/space/sample.ts';
import type { TrialToEvaluate } from '../../src/study/outcome.ts';
import { Study } from '../../src/study/study.ts';
import { temporaryFolder } from '../data/temporary.ts';
import { ChainStrategy, rewardOf } from './chain-strategy.ts';
import { decisionsOf } from './decisions-of.ts';

const folder = temporaryFolder({ after });
let count = 0;
const newStudy = () => Study.create(join(folder, `${++count}.db`), {});

/** Returns a reward that depends on decisions and rung only. */
const delays = new RandomStream('delays');
const inAnyOrder: Evaluate = async ({ candidate: { decisions }, rung = 0 }) => {
  await sleep(3 * delays.uniform() * (1 + rung));
  return { reward: rewardOf([...decisions, ...(rung > 0 ? [rung] : [])]), seconds: 1 };
};

const ladder = { rungs: 3, reduction: 3 };

const search = (study: Study<object>, more: Partial<SearchOptions> = {}) =>
  runSearch({ study, strategy: new ChainStrategy(1), evaluate: inAnyOrder, trials: 60, workers: 2, ladder, ...more });

const historyOf = (study: Study<object>) => ({
  trials: study.trials().map(({ decisions, reward, failure }) => ({ decisions, reward, kind: failure?.kind })),
  rungs: study.rungs.all().map(({ trial, rung, reward, failure }) => ({ trial, rung, reward, kind: failure?.kind })),
  decisions: decisionsOf(study.path),
});

/** A strategy that asks for fixed graphs in order and records reports. */
class Script implements Strategy {
  readonly name = 'script';
  readonly reported: [trial: number, Outcome][] = [];
  readonly #graphs: readonly number[][];
  constructor(graphs: readonly number[][]) {
    this.#graphs = graphs;
  }
  ask = (trial: number) => this.#graphs[trial]!;
  tell = (trial: number, outcome: Outcome) => void this.reported.push([trial, outcome]);
  save = () => new TextEncoder().encode(JSON.stringify(this.reported));
  load = (bytes: Uint8Array) => void this.reported.splice(0, Infinity, ...JSON.parse(new TextDecoder().decode(bytes)));
}

const graph = (seed: number) => sampleDecisions(new RandomStream(seed));

/**
 * Searches through graphs, one worker, as outcomes come; `outcome` says what each training gives. Returns what was
 * trained, in order.
 */
async function scripted(
  study: Study<object>,
  graphs: readonly number[][],
  outcome: (trial: TrialToEvaluate) => Evaluation,
  more: Partial<SearchOptions> = {},
) {
  const strategy = new Script(graphs);
  const trained: string[] = [];
  const evaluate: Evaluate = async (trial) => {
    trained.push(`${trial.number}@${trial.rung ?? 0}`);
    return outcome(trial);
  };
  const options = {
    strategy,
    evaluate: remembering(evaluate, study),
    trials: graphs.length,
    workers: 1,
    inOrder: false,
  };
  await search(study, { ...options, ...more });
  return { trained, reported: strategy.reported };
}

const seconds = 1;
const six = [1, 2, 3, 4, 5, 6].map(graph);
const rewards = [0.5, 0.7, 0.6, 0.9, 0.8, 0.1];
const byTrial = ({ number, rung = 0 }: TrialToEvaluate) => ({ reward: rewards[number]! / (1 + rung), seconds });

test('in order, a search and its promotions depend on the seed and not on timing', async () => {
  const expected = newStudy();
  await search(expected);
  const { rungs } = historyOf(expected);
  assert.ok(rungs.filter(({ rung }) => rung === 1).length >= 18, 'about a third of those without failure went up');
  assert.ok(rungs.some(({ rung }) => rung === 2));
  for (let repetition = 0; repetition < 2; repetition++) {
    const study = newStudy();
    await search(study);
    assert.deepEqual(historyOf(study), historyOf(expected));
  }
});

test('a free worker gets a promotion before a new architecture, and the strategy gets reports of rung 0 only: by hand', async () => {
  const study = newStudy();
  const { trained, reported } = await scripted(study, six, byTrial, { ladder: { rungs: 2, reduction: 3 } });
  assert.deepEqual(trained, ['0@0', '1@0', '2@0', '1@1', '3@0', '3@1', '4@0', '5@0', '4@1']);
  assert.deepEqual(
    reported,
    rewards.map((reward, trial) => [trial, { reward }]),
  );
  assert.deepEqual(
    study.best(6).map(({ number }) => number),
    [3, 4, 1, 2, 0, 5],
    'those that went up first, by what they reached there',
  );
  assert.deepEqual(study.summary().best, { number: 3, reward: 0.45, rung: 1 });
  assert.equal(study.summary().workerSeconds, 9);
});

test('a repeat is not trained, does not count as a member of a rung, and is not promoted', async () => {
  const study = newStudy();
  const [a, b, c] = [graph(1), graph(2), graph(3)];
  const { trained } = await scripted(study, [a, a, b, a, a, c, a], byTrial, { ladder: { rungs: 2, reduction: 3 } });
  assert.deepEqual(trained, ['0@0', '2@0', '5@0', '2@1'], 'three graphs, of which the best goes up once');
});

test('each arm has its own ladder, and a trial that both promote is trained once', async () => {
  const study = newStudy();
  // The arms take turns and find the same three graphs; the best of them is first asked for by the second arm.
  const graphs = [1, 2, 2, 3, 3, 1].map(graph);
  const outcomes = [0.5, 0.9, 0, 0.4];
  const { trained } = await scripted(
    study,
    graphs,
    ({ number, rung = 0 }) => ({ reward: outcomes[number]! / (1 + rung), seconds }),
    { ladder: { rungs: 2, reduction: 3, ladders: 2, ladderOf: (trial) => trial % 2 } },
  );
  assert.deepEqual(trained, ['0@0', '1@0', '3@0', '1@1']);
  assert.deepEqual(study.rungs.promotions(), [
    { ladder: 0, member: 1, rung: 1, atRandom: false },
    { ladder: 1, member: 1, rung: 1, atRandom: false },
  ]);
  const alone = newStudy();
  const single = { ladder: { rungs: 2, reduction: 2, ladders: 2, ladderOf: (trial: number) => trial % 2 } };
  await scripted(alone, six.slice(0, 4), byTrial, single);
  assert.deepEqual(
    alone.rungs.promotions().map(({ ladder: own, member }) => [own, member]),
    [
      [0, 2],
      [1, 3],
    ],
    'the better one of two of each arm, though both of the second arm are better than both of the first',
  );
});

test('a child that fails at a rung is not retried, and no other is promoted instead', async () => {
  const study = newStudy();
  const failure = { kind: 'not-a-number', message: 'step 3' };
  const { trained, reported } = await scripted(
    study,
    six,
    (trial) => (trial.number === 3 && trial.rung === 1 ? { failure, seconds } : byTrial(trial)),
    { ladder: { rungs: 2, reduction: 3 } },
  );
  assert.deepEqual(
    trained.filter((training) => training.endsWith('@1')),
    ['1@1', '3@1', '4@1'],
  );
  assert.equal(reported.length, 6);
  assert.deepEqual(study.rungs.of(3)[0]!.failure, failure);
  assert.deepEqual(
    study.best(3).map(({ number }) => number),
    [4, 1, 3],
  );
});

test('an interrupted search resumes with the same decisions, and more trials continue its ladder', async () => {
  const expected = newStudy();
  await search(expected);
  const study = newStudy();
  for (;;) {
    const stop = new AbortController();
    let finished = 0;
    const onEvent = ({ kind }: SearchEvent) => {
      if ((kind === 'done' || kind === 'failed') && ++finished === 9) stop.abort();
    };
    const evaluate: Evaluate = (trial, progress) => {
      progress.started();
      return inAnyOrder(trial, progress);
    };
    if ((await search(study, { signal: stop.signal, onEvent, evaluate })) === 'finished') break;
    assert.ok(study.rungs.all().every(({ state }) => state !== 'running'));
  }
  assert.deepEqual(historyOf(study), historyOf(expected));
  assert.ok(study.summary().lostAttempts > 0);
  const before = study.rungs.all();
  for (const each of [study, expected]) await search(each, { trials: 90 });
  assert.deepEqual(historyOf(study), historyOf(expected));
  assert.ok(study.rungs.all().length > before.length);
});

test('paused children are stored as long as they may be promoted, and no longer', async () => {
  const study = newStudy();
  const artifacts = new FolderArtifacts(studyFolders(study.path));
  const pathOf = (trial: number, rung: number) => artifacts.path(pausedChild(trial, rung));
  const paused = `${study.path}-paused`;
  mkdirSync(paused);
  writeFileSync(join(paused, 'notes.txt'), 'not ours');
  writeFileSync(pathOf(999, 0), 'of nobody');
  writeFileSync(`${pathOf(998, 0)}.123.part`, 'of a killed process');
  let most = 0;
  const evaluate: Evaluate = async (trial, progress) => {
    const { number, rung = 0 } = trial;
    if (rung > 0) assert.ok(existsSync(pathOf(number, rung - 1)), `trial ${number} is not there for rung ${rung}`);
    if (rung < 2) writeFileSync(pathOf(number, rung), 'weights');
    most = Math.max(most, readdirSync(paused).length);
    return inAnyOrder(trial, progress);
  };
  await search(study, { trials: 200, evaluate, artifacts });
  assert.deepEqual(readdirSync(paused), ['notes.txt']);
  assert.ok(most < 110, `${most} files at most, of 200 children`);
});

test('when the clock ends a search, its paused children are removed', async () => {
  const study = newStudy();
  const artifacts = new FolderArtifacts(studyFolders(study.path));
  const paused = `${study.path}-paused`;
  mkdirSync(paused);
  const evaluate: Evaluate = async (trial, progress) => {
    writeFileSync(artifacts.path(pausedChild(trial.number, trial.rung ?? 0)), 'weights');
    return inAnyOrder(trial, progress);
  };
  await search(study, { trials: 100_000, mayAsk: (asked) => asked < 40, evaluate, artifacts });
  assert.equal(existsSync(paused), false);
});

test('epochs of a rung are stored next to those of the trial', async () => {
  const study = newStudy();
  const evaluate: Evaluate = async (trial, progress) => {
    progress.started();
    progress.epoch({ epoch: 1, loss: 1 + (trial.rung ?? 0) });
    return byTrial(trial);
  };
  const strategy = new Script(six);
  await search(study, { strategy, evaluate, trials: 6, ladder: { rungs: 2, reduction: 3 } });
  assert.deepEqual(
    study.epochs(3).map(({ loss }) => loss),
    [1],
  );
  assert.deepEqual(
    study.rungs.epochs(3, 1).map(({ epoch, loss }) => [epoch, loss]),
    [[1, 2]],
  );
});
