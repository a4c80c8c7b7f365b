// What sources in several shards have in common: one list, one name in messages, and classes that are numbers.

import { dirname } from 'node:path';
import type { OpenFiles, RandomAccess } from './random-access.ts';

/** Lists the pictures of all shards in the order of the shards. */
export function listShards<Picture>(
  paths: readonly string[],
  files: OpenFiles,
  list: (shard: RandomAccess, place: number) => Iterable<Picture>,
  onCount: (count: number) => void,
): Picture[] {
  return paths.flatMap((path, place) => {
    const found = [...list(files.file(path), place)];
    onCount(found.length);
    return found;
  });
}

/** Returns the name of shards in messages: the file, or the folder of several. */
export const shardsName = (paths: readonly string[]): string => (paths.length === 1 ? paths[0]! : dirname(paths[0]!));

/** Returns the names of classes that are numbers, up to that of the highest label. */
export function numberedClasses(labels: Iterable<number>, first = 0): string[] {
  let most = -1;
  for (const label of labels) most = Math.max(most, label);
  return Array.from({ length: most + 1 }, (_, label) => `${label + first}`);
}
