// A search for objects in many pictures as a command runs it: it resumes, and Ctrl-C saves what was found.

import { realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { contentIdentity } from '../../content-identity.ts';
import { cacheRoot } from '../../data/cache.ts';
import type { FindOptions } from '../../detect/find-objects.ts';
import { SavedObjects } from '../../detect/saved-objects.ts';
import { Interruption } from '../../failure.ts';
import { whole } from '../../words.ts';
import { onInterrupt } from '../terminal/interrupt.ts';
import type { LiveBlock } from '../terminal/live-block.ts';

/** All that decides which objects are found. */
export interface ObjectSearch {
  /** The file of the detector. */
  model: string;
  pictures: readonly string[];
  /** Further settings. */
  settings: unknown;
}

/** Runs a search for objects. @throws Interruption if it is stopped */
export async function savedSearch<T>(
  { model, pictures, settings }: ObjectSearch,
  block: LiveBlock,
  search: (options: Pick<FindOptions, 'saved' | 'signal' | 'onResume' | 'onProgress'>) => Promise<T>,
  onProgress: (done: number) => void,
): Promise<T> {
  const identity = contentIdentity({ files: [model, ...pictures].map(fileIdentity), settings });
  const path = join(cacheRoot(), 'evaluations', `${identity.slice(0, 32)}.json`);
  const count = pictures.length;
  const saved = new SavedObjects(path, count, (reason) => block.log(`A later run cannot resume this one: ${reason}`));
  using interrupt = onInterrupt(
    () => block.log('Stopping; repeat to stop immediately.'),
    'the objects of a few seconds ago, if there were any, are saved: run the same command to resume',
  );
  const { signal } = interrupt;
  let looked = 0;
  try {
    return await search({
      ...{ saved, signal },
      onResume: (done) => block.log(`Resuming after ${whole(done)} of ${whole(count)} pictures`),
      onProgress: (done) => {
        looked = done;
        onProgress(done);
      },
    });
  } catch (error) {
    if (error !== signal.reason) throw error;
    const done = `${whole(looked)} of ${whole(count)} pictures`;
    throw new Interruption(`stopped after ${done}, all saved; run the same command to resume`);
  }
}

/** Tells a file from a changed one; a missing one has no size. */
function fileIdentity(path: string): unknown[] {
  const found = statSync(path, { throwIfNoEntry: false });
  return found ? [realpathSync(path), found.size, found.mtimeMs] : [path];
}
