// Damaged studies: flipped bits, truncation, rewritten rows, a foreign write-ahead log. A study is read as it was
// written, or refused in one sentence.

import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import Database from 'better-sqlite3';
import { z } from 'zod';
import { DatabaseFile } from '../../src/database/file.ts';
import { Failure, InputError } from '../../src/failure.ts';
import { RandomStream } from '../../src/random/stream.ts';
import { studyFormat } from '../../src/study/format.ts';
import { Study } from '../../src/study/study.ts';
import { temporaryFolder } from '../data/temporary.ts';

const folder = temporaryFolder({ after });

/** A study with rows in every table: trials with curves, repeats, failures, rungs, finalists, results and snapshots. */
function fill(study: Study<object>, trials: number): void {
  const random = new RandomStream('rewards');
  study.transaction(() => {
    for (let trial = 0; trial < trials; trial++) {
      const { log } = study;
      log.ask(
        trial,
        Array.from({ length: 20 }, () => random.integer(2)),
      );
      log.start(trial);
      log.epoch(trial, { epoch: 1, loss: random.uniform(), accuracy: random.uniform(), details: { rate: 0.1 } });
      if (trial % 7 === 3) log.fail(trial, { kind: 'crash', message: 'gone' }, 1);
      else
        log.finish(trial, {
          reward: random.uniform(),
          seconds: random.uniform(),
          ...(trial % 9 === 8 && { sameAs: 0 }),
        });
      if (trial < trials - 2) log.tell(trial);
    }
    study.log.update(2, { entropy: 0.5 });
    study.rungs.promote({ ladder: 0, member: 1, rung: 1, atRandom: false }, trials);
    study.rungs.at(1).start(1);
    study.rungs.at(1).epoch(1, { epoch: 1, accuracy: 0.5 });
    study.rungs.at(1).finish(1, { reward: 0.75, seconds: 2, details: { continued: true } });
    study.finalistRuns.want({ trial: 1, run: 1 });
    study.log.snapshot(
      4,
      'random',
      Uint8Array.from({ length: 100 }, (_, index) => index),
    );
  });
  study.keep('finalists', { trials: [1] });
  study.recordOnce('order', { inOrder: true }, orderSchema);
  study.addSearchTime(5000);
}
const orderSchema = z.strictObject({ inOrder: z.boolean() });

/** Returns everything that a study stores. */
function read(path: string): string {
  using study = Study.open(path, { readOnly: true });
  const { log, rungs, finalistRuns, settings, identity } = study;
  const trials = study.trials();
  return JSON.stringify([
    [
      settings,
      identity,
      study.asked,
      study.summary(),
      study.best(5),
      study.climbed(),
      study.arms(2),
      study.evaluated(),
    ],
    [
      trials,
      trials.map(({ number }) => study.epochs(number)),
      [...study.epochsOf(0, trials.length)],
      study.updates(),
      study.latestUpdate(),
    ],
    [log.unfinished, log.unreported, log.reported, log.strategyEvents(0), log.snapshots.map(({ bytes }) => [...bytes])],
    [rungs.all(), rungs.promotions(), rungs.reported(), rungs.open(), rungs.epochs(1, 1), finalistRuns.all()],
    study.result('finalists'),
  ]);
}

const isSentence = (error: unknown) =>
  (error instanceof InputError || error instanceof Failure) && !error.message.includes('\n');

const good = join(folder, 'good.db');
before(() => {
  using study = Study.create(good, { seed: 5 });
  fill(study, 60);
});

test('400 flipped bits and 80 cuts: each study is read unchanged, or refused in one sentence', () => {
  const bytes = readFileSync(good);
  const told = read(good);
  const path = join(folder, 'flipped.db');
  const random = new RandomStream('flips');
  let refused = 0;
  for (let mutation = 0; mutation < 480; mutation++) {
    const at = random.integer(bytes.length);
    const changed = Buffer.from(mutation % 6 === 5 ? bytes.subarray(0, at) : bytes);
    if (mutation % 6 < 5) changed[at]! ^= 1 << random.integer(8);
    writeFileSync(path, changed);
    try {
      assert.equal(read(path), told, `mutation ${mutation} at byte ${at}`);
    } catch (error) {
      if (error instanceof assert.AssertionError || !isSentence(error)) throw error;
      refused++;
    }
  }
  assert.ok(refused > 100, `${refused} are refused`);
});

test('a row that another program changed, removed, or restored to an earlier state is detected', () => {
  for (const [place, sql] of [
    'UPDATE trials SET reward = 0.9 WHERE number = 1',
    'DELETE FROM trials WHERE number = 59',
    'UPDATE trials SET told = 0, checksum = (SELECT checksum FROM trials WHERE number = 58) WHERE number = 1',
    'DELETE FROM rungs',
    `INSERT INTO events (at, kind, trial) VALUES (0, 'ask', 3)`,
    `UPDATE results SET value = '{"trials":[2]}'`,
    'UPDATE epochs SET accuracy = 1 WHERE trial = 4',
    'DELETE FROM checksums',
    'DROP INDEX trials_to_tell',
    'ALTER TABLE trials RENAME COLUMN reward TO prize',
  ].entries()) {
    const path = join(folder, `changed-${place}.db`);
    copyFileSync(good, path);
    const file = new Database(path);
    file.exec(sql);
    file.close();
    assert.throws(() => read(path), isSentence, sql);
    if (!sql.includes('epochs')) assert.throws(() => Study.open(path), /is damaged/, sql);
  }
});

/** Changes a copy of a file as another program does, so that no checksum follows. */
function changedCopy(of: string, name: string, sql: string): string {
  const path = join(folder, name);
  copyFileSync(of, path);
  const file = new Database(path);
  file.exec(sql);
  file.close();
  return path;
}

test('a row that a learning curve lost is detected in a file that is too large to be verified as a whole', () => {
  const large = join(folder, 'large.db');
  {
    using study = Study.create(large, {});
    fill(study, 60);
    for (const epoch of [2, 3]) study.log.epoch(4, { epoch, accuracy: epoch / 10 });
    study.log.snapshot(5, 'random', new Uint8Array(5_000_000));
    assert.equal(study.epochs(4).length, 3);
  }
  const curves = (path: string) => {
    using study = Study.open(path, { readOnly: true });
    return [study.epochs(4), study.epochs(5), study.rungs.epochs(1, 1)].map((curve) => curve.length);
  };
  assert.deepEqual(curves(large), [3, 1, 1]);
  for (const [place, sql] of [
    'DELETE FROM epochs WHERE trial = 4 AND epoch = 3',
    'DELETE FROM epochs WHERE trial = 5',
    'DELETE FROM rung_epochs',
    `DELETE FROM checksums WHERE name = 'epochs/5'`,
    'INSERT INTO epochs SELECT 5, 2, epoch, at, loss, accuracy, images_per_second, details, checksum FROM epochs WHERE trial = 4',
  ].entries())
    assert.throws(() => curves(changedCopy(large, `large-${place}.db`, sql)), /is damaged/, sql);
  const lost = changedCopy(large, 'lost.db', 'DELETE FROM epochs WHERE trial = 5');
  using study = Study.open(lost, { readOnly: true });
  assert.throws(() => study.epochsOf(0, 59), /is damaged/);
  assert.equal(study.epochsOf(6, 59).size, 54, 'the others are read');
});

test('a file whose curves have no sums yet is read, and gets them when it is continued', () => {
  const sumless = `DELETE FROM checksums WHERE name LIKE '%/%'; DELETE FROM marks WHERE name = 'groups'`;
  const path = changedCopy(join(folder, 'large.db'), 'sumless.db', sumless);
  const told = read(path);
  {
    using study = Study.open(path);
    study.log.epoch(5, { epoch: 2, accuracy: 0.25 });
    assert.equal(study.epochs(5).length, 2);
  }
  assert.notEqual(read(path), told);
  const lost = changedCopy(path, 'sumless-lost.db', 'DELETE FROM epochs WHERE trial = 5 AND epoch = 1');
  assert.throws(() => read(lost), /is damaged/);
});

test('rows of another study are detected, whatever their content', () => {
  const other = join(folder, 'other.db');
  copyFileSync(good, other);
  {
    using study = Study.create(join(folder, 'twin.db'), { seed: 5 });
    fill(study, 60);
  }
  const file = new Database(other);
  file.exec(`ATTACH '${join(folder, 'twin.db')}' AS twin; DELETE FROM trials; INSERT INTO trials SELECT * FROM twin.trials;
    UPDATE checksums SET total = (SELECT total FROM twin.checksums WHERE name = 'trials') WHERE name = 'trials'`);
  file.close();
  assert.throws(() => read(other), /is damaged/);
});

test('a study without checksums is read unverified, and gets them when it is continued', () => {
  const path = join(folder, 'older.db');
  const { migrations } = studyFormat;
  const older = { ...studyFormat, migrations: migrations.slice(0, -1) };
  DatabaseFile.create(path, older, (file) => {
    file.query(`INSERT INTO settings VALUES ('settings', '{}')`).run();
    file.query(`INSERT INTO trials (number, state, decisions, asked_at) VALUES (0, 'queued', '[1]', 0)`).run();
  }).close();
  const bytes = readFileSync(path);
  {
    using reader = Study.open(path, { readOnly: true });
    assert.deepEqual([reader.isVerified, reader.asked], [false, 1]);
  }
  assert.deepEqual(readFileSync(path), bytes);
  Study.open(path).close();
  using again = Study.open(path, { readOnly: true });
  assert.deepEqual([again.isVerified, again.asked], [true, 1]);
  const file = new Database(path);
  file.exec(`UPDATE trials SET decisions = '[0]'`);
  file.close();
  assert.throws(() => read(path), /is damaged/);
});

const logEndings = ['-wal', '-shm'] as const;

/** Returns the files of a killed writer: the study, its log and the log's index, after some trials and after more. */
function killed(name: string): { path: string; early: Buffer; log: Buffer } {
  const path = join(folder, `${name}.db`);
  using study = Study.create(join(folder, `${name}-running.db`), {});
  fill(study, 20);
  const early = readFileSync(`${study.path}-wal`);
  for (let trial = 20; trial < 25; trial++) study.log.ask(trial, [1]);
  for (const ending of ['', ...logEndings]) copyFileSync(study.path + ending, path + ending);
  return { path, early, log: readFileSync(`${path}-wal`) };
}
const askedIn = (path: string) => {
  using study = Study.open(path, { readOnly: true });
  return study.asked;
};

test('a missing, older, damaged or foreign log is detected, and nothing is written', () => {
  const { path, early, log } = killed('log');
  const index = readFileSync(`${path}-shm`);
  const bytes = readFileSync(path);
  const { log: foreign } = killed('foreign');
  const flipped = Buffer.from(log);
  flipped[Math.floor(log.length / 2)]! ^= 4;
  const beside = (wal: Buffer | undefined, shm: Buffer | undefined) => {
    for (const [ending, content] of [
      ['-wal', wal],
      ['-shm', shm],
    ] as const)
      if (content) writeFileSync(path + ending, content);
      else rmSync(path + ending, { force: true });
  };
  for (const [wal, shm, sentence] of [
    [undefined, index, /-wal, the log with the latest changes of .*, is missing: put the right one back/],
    [early, index, /is damaged or older than the last change/],
    [foreign, index, /is damaged, older, or that of another file/],
    [flipped, index, /is damaged or older than the last change/],
    [flipped, undefined, /log\.db-wal, .* is damaged: /],
    [foreign, undefined, /is damaged/],
  ] as const) {
    for (const readOnly of [true, false]) {
      beside(wal, shm);
      assert.throws(() => Study.open(path, { readOnly }).summary(), sentence);
      assert.deepEqual(readFileSync(path), bytes);
    }
  }
  beside(log, index);
  assert.equal(askedIn(path), 25);
  beside(log, undefined);
  assert.equal(askedIn(path), 25);
});

test('a copy without its log warns that changes may be missing, until the study was closed', () => {
  const { path } = killed('copy');
  const lacks = () => {
    using study = Study.open(path, { readOnly: true });
    return study.mayLackChanges;
  };
  assert.equal(lacks(), false);
  for (const ending of logEndings) rmSync(path + ending);
  assert.equal(lacks(), true);
  for (const ending of logEndings) rmSync(path + ending, { force: true });
  const study = Study.open(path);
  assert.equal(study.mayLackChanges, true);
  study.close();
  assert.equal(lacks(), false);
});
