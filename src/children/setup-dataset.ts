// The images of a setup on a machine that runs its jobs: its own copy, or that of the search's machine, which is
// brought once. They are known by content, so a copy under any name is one.

import { cacheRoot } from '../data/cache.ts';
import { prepareCifar10 } from '../data/cifar10.ts';
import type { DatasetFiles, DatasetReference } from '../data/dataset-files.ts';
import { prepareImageFolder } from '../data/image-folder.ts';
import { datasetInCache, installDataset, parseDescription } from '../data/moved-dataset.ts';
import { Failure, InputError } from '../failure.ts';
import { fetchObject } from '../store/fetch-object.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { bytesWords, percent } from '../words.ts';

/** The name in a store of a dataset's block with a hash. */
export const blockName = (sha256: string): string => `datasets/${sha256}`;

export interface DatasetSources {
  /** Folders or archives of this machine that may be the dataset. */
  own: readonly string[];
  /** The description that the search gave; undefined if there is none. */
  describe: () => Promise<string | undefined>;
  store: ObjectStore;
  /** Asks the search to put the images into the store, and resolves when they may be there. */
  request: () => Promise<void>;
  cache?: string;
  onLine: (line: string) => void;
}

/** @throws Failure if this machine cannot get the images */
export async function setupDataset(reference: DatasetReference, sources: DatasetSources): Promise<DatasetFiles> {
  const { own, describe, cache = cacheRoot(), onLine } = sources;
  const present = await datasetInCache(cache, reference);
  if (present) return present;
  const description = await describe();
  const mine = await amongOwn(reference, own, description, cache, onLine);
  if (mine) return mine;
  if (description === undefined) throw new Failure(`${reference.name}: the search has not described its images yet`);
  onLine(`Fetching the images of ${reference.name} from the search`);
  const fetch = (block: { sha256: string; bytes: number }, path: string) => fetchBlock(block, path, sources);
  return installDataset(cache, reference, description, fetch, () =>
    onLine('Another process fetches them; waiting for it'),
  );
}

async function fetchBlock(block: { sha256: string; bytes: number }, path: string, sources: DatasetSources) {
  const { store, request, onLine } = sources;
  const find = async () => (await store.list(blockName(block.sha256)))[0];
  let object = await find();
  if (!object) {
    await request();
    object = await find();
  }
  if (!object) throw new Failure('the search has not sent its images yet');
  let shown = 0;
  return fetchObject(store, object, block.sha256, path, (done) => {
    if (done - shown < block.bytes / 4) return;
    shown = done;
    onLine(`  ${percent(done / block.bytes, 0)} of ${bytesWords(block.bytes)}`);
  });
}

/** Prepares the images of this machine until some have the content. */
async function amongOwn(
  { name, content }: DatasetReference,
  own: readonly string[],
  description: string | undefined,
  cache: string,
  onLine: (line: string) => void,
): Promise<DatasetFiles | undefined> {
  if (own.length === 0 || description === undefined) return undefined;
  const size = parseDescription(description).files.height;
  for (const path of own) {
    const ways =
      name === 'cifar10'
        ? [() => prepareCifar10({ directory: path, cache })]
        : (['area', 'lanczos'] as const).map((filter) => () => prepareImageFolder(path, { size, filter, cache }));
    try {
      for (const prepare of ways) {
        const files = await prepare();
        if (files.content === content) return files;
      }
      onLine(`${path} does not have the images of ${name}`);
    } catch (error) {
      if (!(error instanceof InputError || error instanceof Failure)) throw error;
      onLine(`${path} does not have the images of ${name}: ${error.message}`);
    }
  }
  return undefined;
}
