// A small database format for the tests.

import type { FileFormat } from '../../src/database/header.ts';

export const notebook: FileFormat = {
  noun: 'notebook',
  applicationId: 0x4e4f5445, // "NOTE"
  migrations: ['CREATE TABLE notes (number INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT'],
};

const checkedTables = `ALTER TABLE notes ADD COLUMN checksum INTEGER;
  CREATE TABLE checksums (name TEXT PRIMARY KEY, total INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE marks (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID`;

/** Its next version, whose notes carry checksums. */
export const checkedNotebook: FileFormat = {
  ...notebook,
  migrations: [...notebook.migrations, checkedTables],
  checked: { since: 2, whole: ['notes'], byGroup: {} },
};
