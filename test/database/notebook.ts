// A small database format for the tests.

import type { FileFormat } from '../../src/database/header.ts';

export const notebook: FileFormat = {
  noun: 'notebook',
  applicationId: 0x4e4f5445, // "NOTE"
  migrations: ['CREATE TABLE notes (number INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT'],
};
