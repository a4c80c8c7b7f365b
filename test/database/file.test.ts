// Database files: created completely or not at all, refused in one sentence and left unchanged, written by one process.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { linkSync, mkdirSync, readdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import Database from 'better-sqlite3';
import { DatabaseFile } from '../../src/database/file.ts';
import type { FileFormat } from '../../src/database/header.ts';
import { Failure, InputError } from '../../src/failure.ts';
import { temporaryFolder } from '../data/temporary.ts';
import { checkedNotebook, notebook } from './notebook.ts';

const folder = temporaryFolder({ after });
let count = 0;
/** Returns a path in a new folder, so that files next to it are seen. */
function newPath(): string {
  mkdirSync(join(folder, String(++count)));
  return join(folder, String(count), 'notes.db');
}

/** Creates a closed notebook with `count` notes of 100 characters. */
function madeNotebook({ notes = 1, format = notebook }: { notes?: number; format?: FileFormat } = {}): string {
  const path = newPath();
  const file = DatabaseFile.create(path, format, (empty) => {
    for (let note = 0; note < notes; note++)
      empty.query('INSERT INTO notes (text) VALUES (?)').run(`${note}`.padEnd(100));
  });
  file.close();
  return path;
}

const countNotes = (file: DatabaseFile) => file.query('SELECT count(*) AS count FROM notes').get()!.count;
const besides = (path: string) => readdirSync(join(path, '..')).sort();

/**
 * Asserts that opening a file for reading and for writing fails with this sentence, and neither changes the file nor
 * creates others.
 */
function assertRefused(path: string, kind: typeof InputError | typeof Failure, sentence: RegExp): void {
  const bytes = readFileSync(path);
  const names = besides(path);
  for (const readOnly of [true, false]) {
    assert.throws(
      () => DatabaseFile.open(path, notebook, { readOnly }),
      (error) => error instanceof kind && sentence.test(error.message) && !error.message.includes('\n'),
    );
  }
  assert.deepEqual(readFileSync(path), bytes);
  assert.deepEqual(besides(path), names);
}

test('committed rows are there after closing and opening, in one file and an empty lock', () => {
  const path = madeNotebook({ notes: 3 });
  const file = DatabaseFile.open(path, notebook);
  file.transaction(() => file.query('INSERT INTO notes (text) VALUES (?)').run('fourth'));
  file.close();
  assert.deepEqual(besides(path), ['notes.db', 'notes.db-lock']);
  assert.equal(readFileSync(`${path}-lock`).length, 0);
  const again = DatabaseFile.open(path, notebook, { readOnly: true });
  assert.equal(countNotes(again), 4);
  again.close();
});

test('a transaction that throws leaves nothing, also when nested in another', () => {
  const file = DatabaseFile.open(madeNotebook(), notebook);
  const write = () => file.query('INSERT INTO notes (text) VALUES (?)').run('lost');
  const fail = () => {
    write();
    file.transaction(() => {
      write();
      throw new RangeError('not today');
    });
  };
  assert.throws(() => file.transaction(fail), new RangeError('not today'));
  assert.equal(countNotes(file), 1);
  file.transaction(write);
  assert.equal(countNotes(file), 2);
  file.close();
});

test('a file whose first content throws never appears', () => {
  const path = newPath();
  const fill = () => {
    throw new RangeError('no content');
  };
  assert.throws(() => DatabaseFile.create(path, notebook, fill), new RangeError('no content'));
  assert.deepEqual(besides(path), ['notes.db-lock']);
});

test('an existing file is never overwritten by creating one', () => {
  const path = newPath();
  writeFileSync(path, 'precious');
  assert.throws(() => DatabaseFile.create(path, notebook, () => {}), /notes\.db exists already/);
  assert.equal(readFileSync(path, 'utf8'), 'precious');
});

test('opening a missing file does not create it', () => {
  const path = newPath();
  for (const readOnly of [true, false]) {
    assert.throws(() => DatabaseFile.open(path, notebook, { readOnly }), {
      name: 'InputError',
      message: `${path}: there is no such notebook`,
    });
  }
  assert.deepEqual(besides(path), []);
});

test('a folder is refused', () => {
  assert.throws(() => DatabaseFile.open(folder, notebook), /is not a notebook: expected a file/);
});

test('a file of another kind is refused and unchanged', () => {
  const path = newPath();
  writeFileSync(path, 'a picture, say\n'.repeat(100));
  assertRefused(path, InputError, /expected an SQLite database, found another kind of file/);
  writeFileSync(path, 'short');
  assertRefused(path, InputError, /expected an SQLite database/);
  writeFileSync(path, '');
  assertRefused(path, InputError, /the file is empty/);
});

test("another application's database is refused and unchanged", () => {
  const path = newPath();
  const foreign = new Database(path);
  foreign.exec('CREATE TABLE precious (text TEXT)');
  foreign.close();
  assertRefused(path, InputError, /found an SQLite database of an unknown application/);
  const other = new Database(path);
  other.pragma('application_id = 1234');
  other.close();
  assertRefused(path, InputError, /found another application's database/);
});

test('a newer format is refused and unchanged', () => {
  const newer = { ...notebook, migrations: [...notebook.migrations, 'ALTER TABLE notes ADD COLUMN colour TEXT'] };
  assertRefused(
    madeNotebook({ format: newer }),
    InputError,
    /newer nasnet \(notebook format 2, this program reads up to 1\)/,
  );
});

test('an older format is read without changing the file, and migrated when it is opened for writing', () => {
  const path = madeNotebook({ notes: 5 });
  const bytes = readFileSync(path);
  const migration = `ALTER TABLE notes ADD COLUMN colour TEXT NOT NULL DEFAULT 'white'`;
  const newer = { ...notebook, migrations: [...notebook.migrations, migration] };
  const colours = (file: DatabaseFile) => file.query('SELECT DISTINCT colour FROM notes').all();

  const reader = DatabaseFile.open(path, newer, { readOnly: true });
  assert.deepEqual(colours(reader), [{ colour: 'white' }]);
  assert.throws(() => reader.query('DELETE FROM notes').run(), /cannot be written/);
  reader.close();
  assert.deepEqual(readFileSync(path), bytes);

  const writer = DatabaseFile.open(path, newer);
  assert.deepEqual(colours(writer), [{ colour: 'white' }]);
  writer.close();
  assert.throws(() => DatabaseFile.open(path, notebook), /newer nasnet/);
});

test('a truncated file is refused and unchanged', () => {
  const path = madeNotebook({ notes: 200 });
  truncateSync(path, 8192);
  assertRefused(path, Failure, /is damaged: expected \d+ bytes, got 8192;/);
});

test('damage inside the file is reported when it is read', () => {
  const path = madeNotebook({ notes: 500 });
  const bytes = readFileSync(path);
  bytes.fill(0xa5, 4096); // all pages but the first
  writeFileSync(path, bytes);
  const file = DatabaseFile.open(path, notebook, { readOnly: true });
  assert.throws(() => countNotes(file), { name: 'Failure', message: /notes\.db is damaged/ });
  file.close();
  assert.deepEqual(readFileSync(path), bytes);
});

test('a full database is reported, and committed rows stay', () => {
  const path = madeNotebook({ notes: 10 });
  const file = DatabaseFile.open(path, notebook);
  const pages = Number(file.query('PRAGMA page_count').get()!.page_count);
  file.query(`PRAGMA max_page_count = ${pages}`).get();
  const fill = () => {
    for (let note = 0; note < 1000; note++) file.query('INSERT INTO notes (text) VALUES (?)').run('x'.repeat(100));
  };
  assert.throws(() => file.transaction(fill), { name: 'Failure', message: /the disk is full/ });
  assert.equal(countNotes(file), 10);
  file.close();
});

/** Runs on-disk.ts with a tmpfs of this size in a private mount namespace; undefined if that is not allowed. */
function onSmallDisk(size: string, action: string, ...more: string[]): string | undefined {
  const disk = join(newPath(), '..');
  const mount = `mount -t tmpfs -o size=${size} tmpfs "$1" || exit 77; shift; exec "$@"`;
  const script = join(import.meta.dirname, 'on-disk.ts');
  const command = ['--mount', 'sh', '-c', mount, 'sh', disk, process.execPath, script, action, disk, ...more];
  const { status, stdout, stderr } = spawnSync('unshare', command, { encoding: 'utf8' });
  if (status === null || status === 77 || /^unshare: /m.test(stderr)) return undefined;
  assert.equal(status, 0, stderr);
  return stdout;
}

test('a full disk is reported, and committed rows can be read', (t) => {
  const output = onSmallDisk('600k', 'fill');
  if (output === undefined) return t.skip('mounting a small disk is not allowed here');
  const { sentence, committed, found } = JSON.parse(output);
  assert.match(sentence, /^Failure: .*disk.*full/);
  assert.ok(committed > 0);
  assert.equal(found, committed);
});

test('a disk without space for a new file is reported, and no file is left', (t) => {
  const output = onSmallDisk('8k', 'create');
  if (output === undefined) return t.skip('mounting a small disk is not allowed here');
  const { sentence, names } = JSON.parse(output);
  assert.match(sentence, /^Failure: .*disk.*full/);
  assert.ok(!names.includes('notes.db') && !names.some((name: string) => name.includes('unfinished')), names.join());
});

test('files on a read-only disk can be read, and writers are refused', (t) => {
  const output = onSmallDisk('1m', 'read-only');
  if (output === undefined) return t.skip('mounting a small disk is not allowed here');
  const { found, writing, creating } = JSON.parse(output);
  assert.equal(found, 7);
  assert.match(writing, /^InputError: .*notes\.db cannot be written/);
  assert.match(creating, /^InputError: .*other\.db cannot be written/);
});

test('a second writer is refused, in this process and in another, until the first one closes', async () => {
  const path = madeNotebook();
  const first = DatabaseFile.open(path, notebook);
  const holder = () => 'the process next door';
  const refusal = { name: 'Failure', message: /is being written by the process next door/ };
  assert.throws(() => DatabaseFile.open(path, notebook, { holder }), refusal);
  assert.equal(countNotes(DatabaseFile.open(path, notebook, { readOnly: true })), 1);

  const script = join(import.meta.dirname, 'on-disk.ts');
  const other = () => spawnSync(process.execPath, [script, 'open', path], { encoding: 'utf8' }).stdout;
  assert.match(other(), /^Failure: .*is being written by another process/);
  first.close();
  assert.equal(other(), 'opened');
});

test('the lock of a killed writer is released, and its committed notes are there', async () => {
  const path = madeNotebook();
  const script = join(import.meta.dirname, 'on-disk.ts');
  const child = spawn(process.execPath, [script, 'hold', path], { stdio: ['ignore', 'pipe', 'inherit'] });
  assert.equal(String((await once(child.stdout, 'data'))[0]), 'holding');
  assert.throws(() => DatabaseFile.open(path, notebook), /is being written by another process/);
  child.kill('SIGKILL');
  await once(child, 'exit');
  const file = DatabaseFile.open(path, notebook);
  assert.equal(countNotes(file), 2);
  file.close();
});

test('a link to the file, or to its folder, has the same lock and the same log', () => {
  const path = madeNotebook();
  const links = [join(path, '../link.db'), join(newPath(), '../folder')];
  symlinkSync(path, links[0]!);
  symlinkSync(join(path, '..'), links[1]!);
  const names = [links[0]!, join(links[1]!, 'notes.db')];
  const before = besides(path);
  for (const [first, ...others] of [
    [path, ...names],
    [...names, path],
  ]) {
    using file = DatabaseFile.open(first!, notebook);
    file.transaction(() => file.query('INSERT INTO notes (text) VALUES (?)').run('by one name'));
    for (const other of others) {
      assert.throws(() => DatabaseFile.open(other, notebook), /is being written by another process/);
      using reader = DatabaseFile.open(other, notebook, { readOnly: true });
      assert.equal(countNotes(reader), countNotes(file));
    }
  }
  assert.deepEqual(besides(path), before);
});

test('a file with two names is read under both and written under neither', () => {
  const path = madeNotebook();
  linkSync(path, `${path}.second`);
  for (const name of [path, `${path}.second`]) {
    assert.throws(() => DatabaseFile.open(name, notebook), {
      name: 'InputError',
      message: /has 2 names \(hard links\)/,
    });
    DatabaseFile.open(name, notebook, { readOnly: true }).close();
  }
});

test('creating a file changes no other file: not one named like an unfinished one, not a link, not the log of a missing file', () => {
  const path = newPath();
  writeFileSync(`${path}-new`, 'mine');
  symlinkSync(`${path}-new`, `${path}.link`);
  assert.throws(() => DatabaseFile.create(`${path}.link`, notebook, () => {}), /exists already/);
  symlinkSync(join(folder, 'nowhere'), `${path}.dangling`);
  assert.throws(() => DatabaseFile.create(`${path}.dangling`, notebook, () => {}), /is a link to a missing file/);
  DatabaseFile.create(path, notebook, () => {}).close();
  assert.equal(readFileSync(`${path}-new`, 'utf8'), 'mine');
  const other = newPath();
  writeFileSync(`${other}-wal`, 'the log of another file');
  assert.throws(() => DatabaseFile.create(other, notebook, () => {}), /-wal is the log of a file that does not exist/);
  assert.equal(readFileSync(`${other}-wal`, 'utf8'), 'the log of another file');
});

test('a format with checksums may get more columns: migrated files are verified as new ones', () => {
  const more = [...checkedNotebook.migrations, `ALTER TABLE notes ADD COLUMN colour TEXT NOT NULL DEFAULT 'white'`];
  const newer = { ...checkedNotebook, migrations: more };
  for (const format of [notebook, checkedNotebook, newer]) {
    const path = madeNotebook({ notes: 3, format });
    DatabaseFile.open(path, newer).close();
    {
      using reader = DatabaseFile.open(path, newer, { readOnly: true });
      assert.deepEqual([reader.isVerified, countNotes(reader)], [true, 3]);
    }
    const file = new Database(path);
    file.exec(`UPDATE notes SET colour = 'red' WHERE number = 2`);
    file.close();
    using reader = DatabaseFile.open(path, newer, { readOnly: true });
    assert.throws(() => countNotes(reader), /is damaged/);
    assert.throws(() => DatabaseFile.open(path, newer), /is damaged/);
  }
});
