// The result files of a study, shared by all commands that write them.

import { realpathSync } from 'node:fs';
import { dirname } from 'node:path';
import { ResultFiles } from '../result-files.ts';
import type { SearchSettings } from '../study/settings.ts';
import type { Study } from '../study/study.ts';

/** Returns the result files of a study. If it finished before there were records, files without one are its own. */
export function resultFilesOf(study: Study<SearchSettings>, directory: string, overwrite?: boolean): ResultFiles {
  const adopt = study.result('final model') !== undefined && placeOf(directory) === placeOf(dirname(study.path));
  return new ResultFiles({ of: `study ${study.identity}`, inputs: [study.path], overwrite, adopt });
}

function placeOf(directory: string): string | undefined {
  try {
    return realpathSync(directory);
  } catch {
    return undefined; // does not exist yet
  }
}
