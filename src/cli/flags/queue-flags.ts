// The flags of commands that use a queue.

import type { Command } from 'commander';
import { InputError } from '../../failure.ts';
import { folderIdentity } from '../../store/folder-store.ts';
import type { StorePlace } from '../../store/open-store.ts';
import type { QueueServer } from '../../store/redis-connection.ts';

export const queueHelp = 'the server of the queue, redis://HOST:PORT, or rediss:// with TLS (docs/cluster.md)';

export const storeHelp =
  "where paused children, checkpoints and images are kept for all machines: a shared folder, s3://BUCKET/PREFIX, or the queue's server with up to 1 GB (default)";

/** Parses `--store`; undefined: the queue's server. @throws InputError */
export function parseStore(text: string | undefined, server: QueueServer): StorePlace {
  if (text === undefined) return { kind: 'queue', server };
  if (!text.includes('://')) return { kind: 'folder', path: text };
  const [, bucket, prefix = ''] = /^s3:\/\/([a-z0-9][a-z0-9.-]+)(?:\/(.*?))?\/?$/.exec(text) ?? [];
  if (bucket === undefined)
    throw new InputError(`--store: expected a folder or s3://BUCKET/PREFIX, got ${JSON.stringify(text)}`);
  return { kind: 's3', bucket, prefix };
}

/** How a search tells workers of its store: without any path, since a shared folder has another one on each machine. */
export function storeName(place: StorePlace): string {
  if (place.kind === 'queue') return 'queue';
  if (place.kind === 'folder') return `folder ${folderIdentity(place.path)}`;
  return `s3://${place.bucket}/${place.prefix}`;
}

/** Adds the required flag of the server. */
export const addQueueFlag = (command: Command): Command => command.requiredOption('--queue <address>', queueHelp);
