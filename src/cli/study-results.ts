// The result files of a study, shared by all commands that write them.

import { realpathSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { checkpointName } from '../children/study-artifacts.ts';
import { ResultFiles } from '../result-files.ts';
import type { SearchSettings } from '../study/settings.ts';
import type { Study } from '../study/study.ts';

/**
 * Returns the result files of a study. Files without a record are its own if it finished before there were records; a
 * checkpoint without one is, since earlier versions kept none of it.
 */
export function resultFilesOf(study: Study<SearchSettings>, directory: string, overwrite?: boolean): ResultFiles {
  const isFinished = study.result('final model') !== undefined && placeOf(directory) === placeOf(dirname(study.path));
  const adopts = (path: string, of: string | undefined) =>
    of === undefined && (isFinished || basename(path) === checkpointName);
  return new ResultFiles({ of: `study ${study.identity}`, inputs: [study.path], overwrite, adopts });
}

function placeOf(directory: string): string | undefined {
  try {
    return realpathSync(directory);
  } catch {
    return undefined; // does not exist yet
  }
}
