// Changes a study's rows with valid checksums, so that tests can have content that no study writes.

import { DatabaseFile } from '../../src/database/file.ts';
import type { Value } from '../../src/database/row.ts';
import { studyFormat } from '../../src/study/format.ts';

export function rewrite(path: string, sql: string, ...values: Value[]): void {
  using file = DatabaseFile.open(path, studyFormat);
  file.query(sql).run(...values);
}
