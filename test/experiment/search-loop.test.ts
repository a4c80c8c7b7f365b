// The search loop with a strategy whose decisions depend on its complete history: order, failures, interruption,
// resume.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Evaluate } from '../../src/experiment/evaluator.ts';
import {
  type MachinesThere,
  runSearch,
  type SearchEvent,
  type SearchOptions,
} from '../../src/experiment/search-loop.ts';
import { Failure } from '../../src/failure.ts';
import { RandomStream } from '../../src/random/stream.ts';
import type { Strategy } from '../../src/search/strategy.ts';
import { Study } from '../../src/study/study.ts';
import { temporaryFolder } from '../data/temporary.ts';
import { ChainStrategy, rewardOf } from './chain-strategy.ts';
import { InTurn } from './finishing-order.ts';

const folder = temporaryFolder({ after });
let count = 0;
const newStudy = () => Study.create(join(folder, `${++count}.db`), { seed: 1 });

/** Evaluations that end immediately, in the order of the asks. */
const immediately: Evaluate = async ({ candidate: { decisions } }) => ({ reward: rewardOf(decisions), seconds: 0 });

const delays = new RandomStream('delays');

/** Evaluations that end in another order each time. */
const inAnyOrder: Evaluate = async ({ candidate: { decisions } }) => {
  await sleep(5 * delays.uniform());
  return { reward: rewardOf(decisions), seconds: 0 };
};

const search = (study: Study<object>, more: Partial<SearchOptions> = {}) =>
  runSearch({ study, strategy: new ChainStrategy(1), evaluate: immediately, trials: 60, workers: 2, ...more });

const sequenceOf = (study: Study<object>) =>
  study.trials().map(({ decisions, reward, failure }) => ({ decisions, reward, kind: failure?.kind }));
const callsOf = (study: Study<object>) => study.log.strategyEvents(0).map(({ kind, number }) => `${kind} ${number}`);

test('in order, a search depends on its seed and not on timing', async () => {
  const expected = newStudy();
  assert.equal(await search(expected), 'finished');
  for (let repetition = 0; repetition < 3; repetition++) {
    const study = newStudy();
    await search(study, { evaluate: inAnyOrder });
    assert.deepEqual(sequenceOf(study), sequenceOf(expected));
    assert.deepEqual(callsOf(study), callsOf(expected));
  }
});

test('in order, with 2 workers trial n is asked for when n − 5 outcomes are reported', async () => {
  const study = newStudy();
  await search(study, { trials: 9, evaluate: inAnyOrder });
  const asks = [0, 1, 2, 3, 4, 5].map((trial) => `ask ${trial}`);
  const steady = [0, 1, 2].flatMap((trial) => [`tell ${trial}`, `ask ${trial + 6}`]);
  const rest = [3, 4, 5, 6, 7, 8].map((trial) => `tell ${trial}`);
  assert.deepEqual(callsOf(study), [...asks, ...steady, ...rest]);
});

/** Workers that come and go. */
class Coming implements MachinesThere {
  count = 0;
  readonly kinds = new Map<string, number>();
  #listener = () => {};

  onChange(listener: () => void): void {
    this.#listener = listener;
  }

  change(count: number): void {
    this.count = count;
    this.#listener();
  }
}

/** Asks for twelve trials, whose number of workers changes once so many are asked for, and returns the calls. */
async function callsWith(followWorkers: boolean): Promise<string[]> {
  const study = newStudy();
  const machines = new Coming();
  machines.change(1);
  const first = Promise.withResolvers<void>();
  const evaluate: Evaluate = async ({ number }) => {
    if (number === 0) await first.promise;
    return { reward: 0.5, seconds: 0 };
  };
  const onEvent = (event: SearchEvent) => {
    if (event.kind === 'asked' && event.trial === 2) setImmediate(() => machines.change(3));
    if (event.kind === 'asked' && event.trial === (followWorkers ? 8 : 2)) setImmediate(() => first.resolve());
  };
  await search(study, { trials: 12, workers: 1, evaluate, machines, followWorkers, onEvent });
  return callsOf(study);
}

const asksFrom = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, index) => `ask ${first + index}`);

test('in order, the lookahead is that of the study whatever workers come, unless it was begun to follow them', async () => {
  const fixed = await callsWith(false);
  assert.deepEqual(fixed.slice(0, 5), [...asksFrom(0, 2), 'tell 0', 'ask 3']);
  const following = await callsWith(true);
  assert.deepEqual(following.slice(0, 11), [...asksFrom(0, 8), 'tell 0', 'ask 9']);
});

test('not in order, outcomes are reported as they arrive, and each allows one ask', async () => {
  const study = newStudy();
  const turns = new InTurn([1, 0, 3, 4, 2, 5]);
  const onEvent = ({ kind }: SearchEvent) => kind === 'reported' && turns.next();
  const evaluate = turns.evaluate(() => ({ reward: 0.5, seconds: 1 }));
  await search(study, { trials: 6, inOrder: false, evaluate, onEvent });
  const expected = 'ask 0,ask 1,tell 1,ask 2,tell 0,ask 3,tell 3,ask 4,tell 4,ask 5,tell 2,tell 5';
  assert.equal(callsOf(study).join(), expected);
});

test('an outcome that took more than a second is on disk even if the strategy throws on its report', async () => {
  for (const [seconds, done] of [
    [1.5, 3],
    [0.5, 2],
  ] as const) {
    const study = newStudy();
    const strategy = new ChainStrategy(1);
    const { tell } = ChainStrategy.prototype;
    strategy.tell = (trial, outcome) => {
      if (trial === 2) throw new Failure('the strategy is at its end');
      tell.call(strategy, trial, outcome);
    };
    const evaluate: Evaluate = async ({ candidate: { decisions } }) => ({ reward: rewardOf(decisions), seconds });
    const failing = search(study, { workers: 1, inOrder: false, strategy, evaluate });
    await assert.rejects(failing, /at its end/);
    assert.equal(study.summary().trials.done, done);
    assert.equal(await search(study, { workers: 1 }), 'finished');
    const undisturbed = newStudy();
    await search(undisturbed, { workers: 1, inOrder: false });
    assert.deepEqual(sequenceOf(study), sequenceOf(undisturbed));
  }
});

test('a reward that is not a number from 0 to 1 is a failed trial, also for the strategy', async () => {
  const rewards = [0.5, Number.NaN, 1.01, -0.1, Number.POSITIVE_INFINITY, 1, 0];
  const study = newStudy();
  const reported: unknown[] = [];
  const strategy = new ChainStrategy(1);
  const { tell } = ChainStrategy.prototype;
  strategy.tell = (trial, outcome) => {
    reported.push(outcome);
    tell.call(strategy, trial, outcome);
  };
  const evaluate: Evaluate = async ({ number }) => ({ reward: rewards[number]!, seconds: 1 });
  await search(study, { trials: rewards.length, strategy, evaluate });
  const failed = { failed: 'not-a-number' };
  assert.deepEqual(reported, [{ reward: 0.5 }, failed, failed, failed, failed, { reward: 1 }, { reward: 0 }]);
  assert.deepEqual(study.summary().failures, { 'not-a-number': 4 });
  assert.equal(study.trial(1)!.failure!.message, 'expected a reward from 0 to 1, got NaN');
});

test('when consecutive trials fail the search ends with the reason, and can be resumed', async () => {
  const study = newStudy();
  const failure = { kind: 'crash', message: 'no such device' };
  const failing: Evaluate = async () => ({ failure, seconds: 0 });
  await assert.rejects(search(study, { evaluate: failing }), (error) => {
    return (
      error instanceof Failure && /^1\d trials failed one after the other.*crash, no such device/.test(error.message)
    );
  });
  const failedAtFirst = study.summary().trials.failed;
  assert.ok(failedAtFirst >= 10 && failedAtFirst < 16, `${failedAtFirst} trials were spent on it`);
  assert.equal(await search(study), 'finished');
  assert.equal(study.summary().trials.failed + study.summary().trials.done, 60);
});

test('a worker that cannot start ends the search with its error', async () => {
  const study = newStudy();
  const evaluate: Evaluate = async (trial, progress) => {
    if (trial.number < 8) return immediately(trial, progress);
    progress.started();
    throw new Failure('the workers cannot start');
  };
  await assert.rejects(search(study, { evaluate }), new Failure('the workers cannot start'));
  assert.equal(study.summary().trials.running, 0);
  assert.ok(study.summary().trials.queued > 0);
});

test('an interrupted search keeps finished trials, aborts the rest, and resumes with the same decisions', async () => {
  const expected = newStudy();
  await search(expected);
  const study = newStudy();
  for (;;) {
    const stop = new AbortController();
    let finished = 0;
    const signals = new Set<AbortSignal>();
    const evaluate: Evaluate = (trial, progress) => {
      signals.add(progress.signal);
      progress.started();
      return inAnyOrder(trial, progress);
    };
    const onEvent = ({ kind }: SearchEvent) => {
      if ((kind === 'done' || kind === 'failed') && ++finished === 7) stop.abort();
    };
    const before = study.summary().trials;
    if ((await search(study, { evaluate, signal: stop.signal, onEvent })) === 'finished') break;
    assert.ok([...signals].every((signal) => signal.aborted));
    const { queued, running, done, failed } = study.summary().trials;
    assert.ok(done + failed >= before.done + before.failed + 7);
    assert.equal(running, 0);
    assert.ok(queued <= 6);
  }
  assert.deepEqual(sequenceOf(study), sequenceOf(expected));
  assert.deepEqual(callsOf(study), callsOf(expected));
});

test('a search that was stopped before its start asks for nothing', async () => {
  const study = newStudy();
  assert.equal(await search(study, { signal: AbortSignal.abort() }), 'interrupted');
  assert.equal(study.asked, 0);
  await search(study);
  const expected = newStudy();
  await search(expected);
  assert.deepEqual(sequenceOf(study), sequenceOf(expected));
});

test('a finished search asks for nothing more, and a larger number of trials continues it', async () => {
  const study = newStudy();
  await search(study);
  const calls = callsOf(study);
  assert.equal(await search(study), 'finished');
  assert.deepEqual(callsOf(study), calls);
  assert.equal(await search(study, { trials: 70 }), 'finished');
  assert.deepEqual(callsOf(study).slice(0, calls.length), calls);
  assert.equal(study.summary().trials.done + study.summary().trials.failed, 70);
});

test('a study of another seed, version or strategy is refused before anything is asked', async () => {
  const study = newStudy();
  await search(study, { trials: 10, eventsPerSnapshot: 1000 });
  const file = study.path;
  study.close();

  const reopened = Study.open(file);
  const other: Strategy = Object.assign(new ChainStrategy(1), { name: 'other' });
  await assert.rejects(search(reopened, { strategy: other }), /was searched by the strategy "chain"/);
  assert.equal(reopened.asked, 10);
  reopened.close();

  const fresh = newStudy();
  const stop = new AbortController();
  let reported = 0;
  const save = () => {
    throw new Error('no snapshot, so that all events are replayed');
  };
  const onEvent = ({ kind }: SearchEvent) => kind === 'reported' && ++reported === 9 && stop.abort();
  const strategy = Object.assign(new ChainStrategy(1), { save });
  await assert.rejects(
    search(fresh, { strategy, signal: stop.signal, onEvent, eventsPerSnapshot: 1000 }),
    /no snapshot/,
  );
  const asked = fresh.asked;
  await assert.rejects(search(fresh, { strategy: new ChainStrategy(2) }), {
    name: 'Failure',
    message:
      /made by another version of nasnet or with other options: trial 0, decision \d was \d+ and would now be \d+/,
  });
  assert.equal(fresh.asked, asked);
});

test('if the latest snapshot is damaged, the one before it is used', async () => {
  const [expected, study] = [newStudy(), newStudy()];
  for (const each of [expected, study]) await search(each, { trials: 74 });
  const [latest, before] = study.log.snapshots;
  assert.ok(before!.sequence < latest!.sequence);
  study.log.snapshot(latest!.sequence, 'chain', Uint8Array.of(1, 2, 3));
  for (const each of [expected, study]) await search(each, { trials: 90 });
  assert.deepEqual(sequenceOf(study), sequenceOf(expected));
});

test('events are emitted after they are on disk, in order', async () => {
  const study = newStudy();
  const seen: string[] = [];
  const evaluate: Evaluate = async (_, progress) => {
    progress.started();
    progress.epoch({ epoch: 1, loss: 1.5, accuracy: 0.25 });
    progress.retried('ended by SIGSEGV');
    progress.started();
    progress.epoch({ epoch: 1, loss: 1.25 });
    return { reward: 0.5, seconds: 2, details: { parameters: 3 } };
  };
  const onEvent = (event: SearchEvent) => {
    seen.push(event.kind);
    if (event.kind === 'done') assert.equal(study.trial(event.trial)!.state, 'done');
  };
  await search(study, { trials: 1, evaluate, onEvent });
  assert.deepEqual(seen, ['asked', 'started', 'epoch', 'retried', 'started', 'epoch', 'done', 'reported']);
  assert.equal(study.trial(0)!.attempts, 2);
  assert.deepEqual(study.trial(0)!.details, { parameters: 3 });
  assert.deepEqual(
    study.epochs(0).map((epoch) => epoch.loss),
    [1.25],
  );
});

test('the start and the epochs of a trial are on disk while it still runs', { timeout: 10_000 }, async () => {
  const study = newStudy();
  let seen = Promise.withResolvers<void>();
  const onEvent = ({ kind }: SearchEvent) => kind === 'epoch' && seen.resolve();
  const evaluate: Evaluate = async (trial, progress) => {
    progress.started();
    for (const epoch of [1, 2, 3]) {
      seen = Promise.withResolvers();
      progress.epoch({ epoch });
      await seen.promise;
      assert.equal(study.epochs(trial.number).length, epoch);
      assert.equal(study.trial(trial.number)!.state, 'running');
    }
    return { reward: 0.5, seconds: 1 };
  };
  await search(study, { trials: 2, workers: 1, evaluate, inOrder: false, onEvent });
});

test("a strategy's updates are logged once each, also across interruptions", async () => {
  const study = newStudy();
  for (const trials of [15, 27, 50]) await search(study, { trials });
  assert.deepEqual(
    study.updates().map(({ trial, figures }) => [trial, figures]),
    [
      [19, { updates: 1 }],
      [39, { updates: 2 }],
    ],
  );
});
