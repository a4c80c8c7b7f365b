// Asks and tells, each in its own process: the decisions are those of a search with as many open trials, and invalid
// calls are refused.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { allowAtOnce, askTrial, tellTrial } from '../../src/experiment/asked-trials.ts';
import { runEvaluatedSearch, type TrialRequest } from '../../src/experiment/evaluated-search.ts';
import { InputError } from '../../src/failure.ts';
import { decisionSizes } from '../../src/space/decisions.ts';
import { noDataset } from '../../src/study/external-evaluator.ts';
import { openSearch } from '../../src/study/parse-settings.ts';
import { settingsOf } from '../../src/study/presets.ts';
import type { SearchSettings } from '../../src/study/settings.ts';
import { Study } from '../../src/study/study.ts';
import type { JobRunner } from '../../src/workers/job-runner.ts';
import { temporaryFolder } from '../data/temporary.ts';
import { rewardOf } from './chain-strategy.ts';
import { historyOf } from './history-of.ts';

const folder = temporaryFolder({ after });
const trials = 30;
const zeros = decisionSizes(2).map(() => 0);
const known = [zeros, zeros.map((_, index) => (index === 2 ? 1 : 0)), zeros]; // the third is the first again

function settings(): SearchSettings {
  const preset = settingsOf('laptop', {
    dataset: noDataset,
    seed: 5,
    strategy: 'ppo',
    trials,
    blocks: 2,
    known,
    finalists: 0,
  });
  return { ...preset, evaluator: {}, strategyOptions: { ...preset.strategyOptions, batchSize: 5, learningRate: 0.01 } };
}

const fails = ({ trial, decisions }: TrialRequest) => trial % 7 === 6 || Number.isNaN(rewardOf(decisions));

/** Answers at once, in any order of the jobs. */
const runner: JobRunner = {
  run: async (job, options) => {
    options?.onStart?.();
    const request = job as TrialRequest;
    if (fails(request)) return { failure: { kind: 'reported', message: 'no luck' }, seconds: 0 };
    return { result: { reward: rewardOf(request.decisions) }, seconds: 0 };
  },
  close: async () => {},
  [Symbol.asyncDispose]: async () => {},
};

async function searched(path: string, atOnce: number) {
  using study = Study.create(path, settings());
  allowAtOnce(study, atOnce);
  const { signal } = new AbortController();
  await runEvaluatedSearch({ study, runner, trials, workers: 1, signal, onEvent: () => {} });
}

/** Every call opens the study and closes it. */
function withStudy<Result>(path: string, work: (study: Study<SearchSettings>) => Result): Result {
  using study = openSearch(path);
  return work(study);
}

const ask = (path: string, again = false) => withStudy(path, (study) => askTrial(study, { trials, again }));
const tell = (path: string, request: TrialRequest) =>
  withStudy(path, (study) => {
    const failure = { kind: 'reported', message: 'no luck' };
    tellTrial(study, request.trial, fails(request) ? { failure } : { reward: rewardOf(request.decisions) });
  });

function created(name: string, atOnce = 1): string {
  const path = join(folder, `${name}.db`);
  const study = Study.create(path, settings());
  if (atOnce > 1) allowAtOnce(study, atOnce);
  study.close();
  return path;
}

test('ask and tell, one at a time, make the decisions of a search with lookahead 1, including repeats and failures', async () => {
  const alone = join(folder, 'search.db');
  await searched(alone, 1);
  const path = created('asked');
  const given: number[] = [];
  for (let request = ask(path); request; request = ask(path)) {
    given.push(request.trial);
    tell(path, request);
  }
  const history = historyOf(path);
  assert.deepEqual(history, historyOf(alone));
  assert.equal(history.records.length, trials);
  assert.ok(history.updates.length >= 4);
  assert.equal(history.records[2]?.sameAs, 0);
  assert.ok(!given.includes(2), 'a repeat is not returned');
});

test('several at once, reported in another order, make the decisions of a search with that lookahead', async () => {
  const alone = join(folder, 'search-4.db');
  await searched(alone, 4);
  const path = created('asked-4', 4);
  const open: TrialRequest[] = [];
  let finished = false;
  while (!finished || open.length > 0) {
    while (open.length < 4 && !finished) {
      try {
        const request = ask(path);
        if (request) open.push(request);
        else finished = true;
      } catch (error) {
        assert.ok(error instanceof InputError);
        break;
      }
    }
    const [latest] = open.splice(-1);
    if (latest) tell(path, latest);
  }
  const { records, updates } = historyOf(path);
  const expected = historyOf(alone);
  assert.deepEqual(records, expected.records);
  assert.deepEqual(updates, expected.updates);
});

test('a script that was killed between ask and tell can ask for its trial again', () => {
  const path = created('again');
  const first = ask(path);
  assert.deepEqual(ask(path, true), first);
  assert.deepEqual(ask(path, true), first);
  tell(path, first!);
  assert.equal(ask(path, true)?.trial, 1);
});

test('the wrong order, an unknown trial and a second outcome are refused in one sentence', () => {
  const path = created('refused');
  const refuses = (work: () => unknown, sentence: RegExp) =>
    assert.throws(work, (error: Error) => {
      assert.ok(error instanceof InputError);
      assert.match(error.message, sentence);
      return true;
    });
  const outcome = (number: number, reward = 0.5) => withStudy(path, (study) => tellTrial(study, number, { reward }));
  refuses(() => outcome(0), /trial: expected one that "ask" has returned, of which there is none yet, got 0$/);
  const first = ask(path)!;
  refuses(
    () => ask(path),
    /expected an outcome of trial 0 first, by "tell", got another ask; the longest open one can/,
  );
  refuses(() => outcome(1), /trial: expected one from 0 to 0, got 1$/);
  refuses(() => outcome(0, 1.5), /trial 0: expected a reward from 0 to 1, got 1.5$/);
  tell(path, first);
  refuses(() => outcome(0), /trial 0: expected one without an outcome, got one that has the reward 0\.\d+$/);
  const own = join(folder, 'own.db');
  Study.create(own, settingsOf('smoke', { dataset: 'cifar10', seed: 1, strategy: 'random' })).close();
  refuses(() => ask(own), /expected a study whose trials are evaluated outside nasnet, got one of the preset "smoke"$/);
});
