// Changes a study's rows as its own writer would, checksums included, so that tests can have what no study writes.

import { DatabaseFile } from '../../src/database/file.ts';
import type { Value } from '../../src/database/row.ts';
import { studyFormat } from '../../src/study/format.ts';

export function rewrite(path: string, sql: string, ...values: Value[]): void {
  using file = DatabaseFile.open(path, studyFormat);
  file.query(sql).run(...values);
}
