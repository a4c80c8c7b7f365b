// A folder of its own for one test (or, given node:test's `after`, for a whole file), removed at its end.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export function temporaryFolder(context: { after: (work: () => void) => void }): string {
  const folder = mkdtempSync(join(tmpdir(), 'nasnet-data-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
