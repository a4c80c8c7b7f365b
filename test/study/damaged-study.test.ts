// Damaged studies: flipped bits, truncation, rewritten rows, a foreign write-ahead log. A study is read as it was
// written, or refused in one sentence.

import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import Database from 'better-sqlite3';
import { z } from 'zod';
import { DatabaseFile } from '../../src/database/file.ts';
import { Failure, InputError } from '../../src/failure.ts';
import { RandomStream } from '../../src/random/stream.ts';
import { studyFormat } from '../../src/study/format.ts';
import { Study } from '../../src/study/study.ts';

const folder = mkdtempSync(join(tmpdir(), 'nasnet-damaged-'));
after(() => rmSync(folder, { recursive: true }));

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
