// What `nasnet prepare` writes: shards of pictures one after another, and an index.

import { statSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '../failure.ts';
import { readIndex, type StreamIndex } from './stream-index.ts';

export const preparedIndexName = 'nasnet.index';

/** Consecutive pictures of prepared shards that an epoch reads together, so that reads stay sequential. */
export const preparedRun = 64;

/** Opens a prepared folder, or its part. @throws InputError for a damaged index and for missing or shortened shards */
export function openPrepared(root: string, part: string): StreamIndex {
  const alone = statSync(join(root, preparedIndexName), { throwIfNoEntry: false }) !== undefined;
  const folder = alone ? root : join(root, part);
  const path = join(folder, preparedIndexName);
  if (!statSync(path, { throwIfNoEntry: false }))
    throw new InputError(`${root}: expected the part ${part}, which has not been prepared`);
  const index = readIndex(path);
  if (!index)
    throw new InputError(`${path}: expected the index of prepared pictures, got a damaged file; prepare again`);
  for (const shard of index.witnesses) {
    const size = statSync(join(folder, shard.path), { throwIfNoEntry: false })?.size;
    if (size !== shard.bytes)
      throw new InputError(
        `${join(folder, shard.path)}: expected ${shard.bytes} bytes, got ${size ?? 'no file'}; prepare again`,
      );
  }
  return { ...index, paths: index.paths.map((shard) => join(folder, shard)) };
}
