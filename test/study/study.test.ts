// A study file: one writer, guarded transitions, an append-only log, and queries checked against counts by hand.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import Database from 'better-sqlite3';
import { z } from 'zod';
import { DatabaseFile } from '../../src/database/file.ts';
import { RandomStream } from '../../src/random/stream.ts';
import { studyFormat } from '../../src/study/format.ts';
import { StudyLog } from '../../src/study/log.ts';
import { Study } from '../../src/study/study.ts';
import { temporaryFolder } from '../data/temporary.ts';

const folder = temporaryFolder({ after });
let count = 0;
const newPath = () => join(folder, `${++count}`, 'search.db');

/** Six trials: 0 to 3 done, 4 failed, 5 running, 6 queued; trial 2 needed two attempts. */
function sixTrials(): Study<{ seed: number }> {
  const study = Study.create(newPath(), { seed: 5 });
  const { log } = study;
  for (let trial = 0; trial <= 6; trial++) log.ask(trial, [trial, 1, 2]);
  for (const [trial, reward] of [0.5, 0.25, 0.75, 0.75].entries()) {
    log.start(trial);
    if (trial === 2) {
      log.epoch(trial, { epoch: 1, loss: 9 });
      log.putBack(trial, 'retry', 'ended by SIGSEGV');
      log.start(trial);
    }
    log.epoch(trial, { epoch: 1, loss: 2.5, accuracy: 0.125, imagesPerSecond: 800 });
    log.epoch(trial, { epoch: 2, loss: Number.NaN, accuracy: reward, details: { rate: 0.1 } });
    log.finish(trial, { reward, seconds: 10, details: trial === 0 ? { parameters: 7 } : undefined });
  }
  log.start(4);
  log.fail(4, { kind: 'not-a-number', message: 'the loss is NaN' }, 2.5);
  log.start(5);
  return study;
}

test('settings, trials, epochs and results are read as they were written', () => {
  const study = sixTrials();
  study.keep('finalists', { trials: [1] });
  study.keep('finalists', { trials: [2, 0] });
  study.close();
  const reader = Study.open(study.path, { readOnly: true });
  assert.deepEqual(reader.settings, { seed: 5 });
  assert.deepEqual(reader.result('finalists'), { trials: [2, 0] });
  assert.equal(reader.result('final model'), undefined);

  const { askedAt, startedAt, finishedAt, ...first } = reader.trial(0)!;
  assert.ok(askedAt <= startedAt! && startedAt! <= finishedAt! && finishedAt! <= Date.now());
  assert.deepEqual(first, {
    number: 0,
    state: 'done',
    decisions: [0, 1, 2],
    reward: 0.5,
    failure: null,
    attempts: 1,
    workerSeconds: 10,
    sameAs: null,
    details: { parameters: 7 },
  });
  assert.deepEqual(reader.trial(4)!.failure, { kind: 'not-a-number', message: 'the loss is NaN' });
  assert.equal(reader.trial(7), undefined);
  const numbers = reader.trials({ from: 2, limit: 3 }).map((trial) => trial.number);
  assert.deepEqual(numbers, [2, 3, 4]);
  const epochs = reader.epochs(2).map(({ at, ...epoch }) => epoch);
  assert.deepEqual(epochs, [
    { epoch: 1, loss: 2.5, accuracy: 0.125, imagesPerSecond: 800, details: null },
    { epoch: 2, loss: null, accuracy: 0.75, imagesPerSecond: null, details: { rate: 0.1 } },
  ]);
  for (let trial = 0; trial < 7; trial++)
    assert.deepEqual(reader.epochsOf(0, 6).get(trial) ?? [], reader.epochs(trial));
  assert.deepEqual([...reader.epochsOf(1, 2).keys()], [1, 2]);
  reader.close();
});

test('best and summary agree with a count by hand', () => {
  const study = sixTrials();
  study.addSearchTime(1500);
  study.addSearchTime(2500);
  const best = study.best(3).map((trial) => trial.number);
  assert.deepEqual(best, [2, 3, 0]);
  assert.deepEqual(study.summary({ latest: 2 }), {
    trials: { queued: 1, running: 1, done: 4, failed: 1 },
    failures: { 'not-a-number': 1 },
    best: { number: 2, reward: 0.75, rung: 0 },
    mean: 0.5625,
    latestMean: 0.75,
    searchSeconds: 4,
    workerSeconds: 42.5,
    lostAttempts: 1,
    repeats: { trials: 0, savedSeconds: 0 },
    sessions: 1,
  });
  study.close();
});

test('an empty study has no best and no means', () => {
  const study = Study.create(newPath(), {});
  assert.deepEqual(study.best(), []);
  const { best, mean, latestMean, trials } = study.summary();
  assert.deepEqual(
    { best, mean, latestMean, trials },
    {
      best: null,
      mean: null,
      latestMean: null,
      trials: { queued: 0, running: 0, done: 0, failed: 0 },
    },
  );
  study.close();
});

test('a transition from another state is refused and changes nothing', () => {
  const study = sixTrials();
  const [done, failed, running, queued] = [0, 4, 5, 6];
  const before = study.trials();
  const failure = { kind: 'crash', message: 'gone' };
  const transitions: [(trial: number) => void, number[]][] = [
    [(trial) => study.log.start(trial), [done, failed, running, 7]],
    [(trial) => study.log.finish(trial, { reward: 1, seconds: 1 }), [done, failed, queued, 7]],
    [(trial) => study.log.fail(trial, failure, 1), [done, failed, queued, 7]],
    [(trial) => study.log.putBack(trial, 'requeue', 'stopped'), [done, failed, queued, 7]],
    [(trial) => study.log.tell(trial), [running, queued, 7]],
  ];
  for (const [transition, wrong] of transitions) {
    for (const trial of wrong) {
      assert.throws(() => study.transaction(() => transition(trial)), /is not in the state of this transition/);
    }
  }
  assert.deepEqual(study.trials(), before);
  study.log.tell(done);
  assert.throws(() => study.log.tell(done), /is not in the state/);
  assert.throws(() => study.log.ask(done, [1]), /UNIQUE/);
  study.close();
});

test('the log can only grow', () => {
  const study = sixTrials();
  study.close();
  const file = new Database(study.path);
  assert.throws(() => file.exec(`UPDATE events SET kind = 'done'`), /append-only/);
  assert.throws(() => file.exec('DELETE FROM events WHERE sequence = 3'), /append-only/);
  file.close();
});

test('the two latest snapshots are stored', () => {
  const study = Study.create(newPath(), {});
  for (const sequence of [4, 9, 12]) study.log.snapshot(sequence, 'chain', Uint8Array.of(sequence));
  assert.deepEqual(study.log.snapshots, [
    { sequence: 12, strategy: 'chain', bytes: Uint8Array.of(12) },
    { sequence: 9, strategy: 'chain', bytes: Uint8Array.of(9) },
  ]);
  study.close();
});

test('a value that is recorded once does not change', () => {
  const order = z.strictObject({ inOrder: z.boolean() });
  const study = Study.create(newPath(), {});
  assert.deepEqual(study.recordOnce('order', { inOrder: true }, order), { inOrder: true });
  study.close();
  const again = Study.open(study.path);
  assert.deepEqual(again.recordOnce('order', { inOrder: false }, order), { inOrder: true });
  assert.throws(() => again.recordOnce('order', 3, z.number()), /: order: expected number, got \{"inOrder":true\}$/);
  again.close();
});

test('a second writer is refused with the name of the first one, and may read', () => {
  const study = sixTrials();
  const open = (readOnly: boolean) => {
    const module = join(import.meta.dirname, '../../src/study/study.ts');
    const code = `import { Study } from ${JSON.stringify(module)};
      try { console.log(Study.open(${JSON.stringify(study.path)}, { readOnly: ${readOnly} }).summary().trials.done); }
      catch (error) { console.log(String(error)); }`;
    return spawnSync(process.execPath, ['--input-type=module-typescript', '-e', code], {
      encoding: 'utf8',
    }).stdout.trim();
  };
  const sentence = open(false);
  assert.ok(
    sentence.startsWith(`Failure: ${study.path} is being written by process ${process.pid} on ${hostname()}`),
    sentence,
  );
  assert.equal(open(true), '4');
  study.close();
  assert.equal(open(false), '4');
});

test('a closed study is one file, which is all that a reader needs', () => {
  const study = sixTrials();
  study.close();
  const reader = Study.open(study.path, { readOnly: true });
  assert.equal(reader.summary().trials.done, 4);
  assert.throws(() => reader.keep('finalists', { trials: [1] }), /cannot be written/);
  reader.close();
});

test('the 5,000th trial writes as many pages as the 200th', () => {
  const path = newPath();
  const file = DatabaseFile.create(path, studyFormat, () => {});
  file.query('PRAGMA wal_autocheckpoint = 0').get(); // the log next to the file then grows by all that is written
  const log = new StudyLog(file);
  const random = new RandomStream('rewards');
  let trial = 0;
  const more = (trials: number) =>
    file.transaction(() => {
      for (const end = trial + trials; trial < end; trial++) {
        log.ask(trial, Array(40).fill(trial % 5));
        log.start(trial);
        log.finish(trial, { reward: random.uniform(), seconds: random.uniform() });
        log.tell(trial);
      }
    });
  const written = (commits: number) => {
    const before = statSync(`${path}-wal`).size;
    for (let commit = 0; commit < commits; commit++) more(10);
    return statSync(`${path}-wal`).size - before;
  };
  more(200);
  const early = written(20);
  more(5000 - trial);
  const late = written(20);
  assert.ok(late < 1.1 * early, `${late} bytes against ${early}`);
  file.close();
});

test('a study of an earlier format version can be read, and continued when it is opened for writing', () => {
  for (let version = 1; version < studyFormat.migrations.length; version++) {
    const path = newPath();
    const format = { ...studyFormat, migrations: studyFormat.migrations.slice(0, version) };
    const old = DatabaseFile.create(path, format, (file) => {
      file.query(`INSERT INTO settings VALUES ('settings', '{"seed":5}')`).run();
      const sql = `INSERT INTO trials (number, state, decisions, attempts, asked_at, finished_as, worker_seconds, reward)
        VALUES (?, 'done', '[1]', 1, 0, ?, 2, ?)`;
      for (const [trial, reward] of [0.25, 0.5].entries()) file.query(sql).run(trial, 3 * (trial + 1), reward);
    });
    old.close();
    const reader = Study.open(path, { readOnly: true });
    assert.deepEqual(reader.summary().best, { number: 1, reward: 0.5, rung: 0 });
    assert.deepEqual([reader.settings.seed, reader.rungs.all().length], [5, 0]);
    reader.close();
    const study = Study.open(path);
    study.log.ask(2, [1]);
    study.log.start(2);
    study.log.finish(2, { reward: 0.75, seconds: 1 });
    assert.equal(study.rungs.promote({ ladder: 0, member: 0, rung: 1, atRandom: false }, 3), true);
    assert.deepEqual(
      study.best(3).map(({ number }) => number),
      [2, 1, 0],
    );
    study.close();
  }
});

test("a rung's trainings have the same states as trials, and their events are not the strategy's", () => {
  const study = sixTrials();
  const { rungs } = study;
  const promotion = { ladder: 0, member: 2, rung: 1, atRandom: false };
  assert.equal(rungs.promote(promotion, 7), true);
  assert.equal(rungs.promote({ ...promotion, ladder: 1 }, 7), false, 'another ladder finds it wanted');
  assert.throws(() => rungs.promote(promotion, 7), /UNIQUE/);
  const log = rungs.at(1);
  const refused = [
    () => log.finish(2, { reward: 1, seconds: 1 }),
    () => log.putBack(2, 'retry', ''),
    () => log.tell(2),
  ];
  for (const transition of refused)
    assert.throws(() => study.transaction(transition), /trial 2 at rung 1 is not in the state of this transition/);
  log.start(2);
  log.putBack(2, 'retry', 'ended by SIGSEGV');
  log.start(2);
  log.finish(2, { reward: 0.875, seconds: 30 });
  assert.deepEqual(rungs.open()[0]!.finished!.outcome, { reward: 0.875 });
  log.tell(2);
  assert.deepEqual(rungs.open(), []);
  assert.equal(rungs.of(2)[0]!.attempts, 2);
  assert.deepEqual(rungs.promotions().length, 2);
  const kinds = study.log.strategyEvents(0).map(({ kind }) => kind);
  assert.deepEqual(kinds, Array(7).fill('ask'));
  assert.equal(study.summary().workerSeconds, 72.5);
  assert.equal(study.summary().lostAttempts, 2);
  study.close();
});
