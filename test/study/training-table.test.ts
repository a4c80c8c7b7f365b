// Trainings of trials, rungs and finalists have the same states and transitions, and each transition has an event.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import Database from 'better-sqlite3';
import type { Reward, TrialFailure } from '../../src/study/outcome.ts';
import { Study } from '../../src/study/study.ts';
import { temporaryFolder } from '../data/temporary.ts';

const folder = temporaryFolder({ after });

/** The trainings of trial 3: of the trial, at rung 1, and as the second run of a finalist. */
interface Training {
  start(): void;
  putBack(kind: 'retry' | 'requeue', reason: string): void;
  finish(reward: Reward): void;
  fail(failure: TrialFailure, seconds: number): void;
}

const trial = 3;
const finalist = { trial, run: 2 };
const kinds: Record<
  string,
  { prefix: string; detail: object; of: (study: Study) => Training; read: (study: Study) => unknown }
> = {
  trial: {
    prefix: '',
    detail: {},
    of: ({ log }) => bound(log),
    read: (study) => {
      const { state, attempts, reward, failure, workerSeconds } = study.trial(trial)!;
      return [state, attempts, reward, failure, workerSeconds];
    },
  },
  rung: {
    prefix: 'rung-',
    detail: { rung: 1 },
    of: ({ rungs }) => bound(rungs.at(1)),
    read: (study) => {
      const { state, attempts, reward, failure, workerSeconds } = study.rungs.of(trial)[0]!;
      return [state, attempts, reward, failure, workerSeconds];
    },
  },
  finalist: {
    prefix: 'finalist-',
    detail: { run: 2 },
    of: ({ finalistRuns }) => ({
      start: () => finalistRuns.start(finalist),
      putBack: (kind, reason) => finalistRuns.putBack(finalist, kind, reason),
      finish: (reward) => finalistRuns.finish(finalist, reward),
      fail: (failure, seconds) => finalistRuns.fail(finalist, failure, seconds),
    }),
    read: (study) => {
      const { state, attempts, accuracy, failure, workerSeconds } = study.finalistRuns.all()[0]!;
      return [state, attempts, accuracy, failure, workerSeconds];
    },
  },
};

function bound(log: {
  start(trial: number): void;
  putBack(trial: number, kind: 'retry' | 'requeue', reason: string): void;
  finish(trial: number, reward: Reward): void;
  fail(trial: number, failure: TrialFailure, seconds: number): void;
}): Training {
  return {
    start: () => log.start(trial),
    putBack: (kind, reason) => log.putBack(trial, kind, reason),
    finish: (reward) => log.finish(trial, reward),
    fail: (failure, seconds) => log.fail(trial, failure, seconds),
  };
}

function queued(name: string): Study {
  const study = Study.create(join(folder, name), {});
  for (let number = 0; number <= trial; number++) study.log.ask(number, [number]);
  study.rungs.promote({ ladder: 0, member: trial, rung: 1, atRandom: false }, 4);
  study.finalistRuns.want(finalist);
  study.finalistRuns.want(finalist); // once is enough
  return study;
}

function eventsOf(path: string): [string, number, object | string | null][] {
  const file = new Database(path, { readonly: true });
  const sql = `SELECT kind, trial, detail FROM events WHERE kind NOT IN ('ask', 'promote') ORDER BY sequence`;
  const rows = file.prepare<[], { kind: string; trial: number; detail: string | null }>(sql).all();
  file.close();
  return rows.map(({ kind, trial: of, detail }) => [kind, of, detail?.startsWith('{') ? JSON.parse(detail) : detail]);
}

for (const [name, { prefix, detail, of, read }] of Object.entries(kinds)) {
  for (const end of ['done', 'failed'] as const) {
    test(`a ${name}'s training: queued, started, restarted, ${end}; every other transition is refused and changes nothing`, () => {
      using study = queued(`${name}-${end}.db`);
      const training = of(study);
      const failure = { kind: 'crash', message: 'gone' };
      const refused = (...changes: (() => void)[]) => {
        const before = [read(study), eventsOf(study.path).length];
        for (const change of changes)
          assert.throws(() => study.transaction(change), /is not in the state of this transition: UPDATE/);
        assert.deepEqual([read(study), eventsOf(study.path).length], before);
      };
      const [start, putBack] = [() => training.start(), () => training.putBack('requeue', 'stopped')];
      const [finish, fail] = [() => training.finish({ reward: 0.5, seconds: 2 }), () => training.fail(failure, 3)];
      refused(putBack, finish, fail);
      training.start();
      refused(start);
      training.putBack('retry', 'ended by SIGSEGV');
      refused(putBack, finish, fail);
      training.start();
      if (end === 'done') finish();
      else fail();
      refused(start, putBack, finish, fail);

      assert.deepEqual(read(study), end === 'done' ? ['done', 2, 0.5, null, 2] : ['failed', 2, null, failure, 3]);
      const withReason = name === 'trial' ? 'ended by SIGSEGV' : { ...detail, reason: 'ended by SIGSEGV' };
      const plain = name === 'trial' ? null : detail;
      assert.deepEqual(eventsOf(study.path), [
        ['finalist-want', trial, { run: 2 }],
        [`${prefix}start`, trial, plain],
        [`${prefix}retry`, trial, withReason],
        [`${prefix}start`, trial, plain],
        [`${prefix}${end === 'done' ? 'done' : 'fail'}`, trial, plain],
      ]);
    });
  }
}

test('finalists of a killed process, and finalists that all failed, are queued again, with the reason in the log', () => {
  using study = queued('left.db');
  study.finalistRuns.start(finalist);
  study.finalistRuns.putBackKilled();
  study.finalistRuns.start(finalist);
  study.finalistRuns.fail(finalist, { kind: 'crash', message: 'gone' }, 1);
  study.finalistRuns.putBackKilled(); // none runs
  study.finalistRuns.putBackFailed();
  assert.deepEqual(
    study.finalistRuns.all().map(({ state, failure }) => [state, failure]),
    [['queued', null]],
  );
  const again = eventsOf(study.path).filter(([kind]) => kind === 'finalist-requeue');
  assert.deepEqual(
    again.map(([, , detail]) => detail),
    [
      { run: 2, reason: 'the process was killed' },
      { run: 2, reason: 'every finalist failed' },
    ],
  );
});
