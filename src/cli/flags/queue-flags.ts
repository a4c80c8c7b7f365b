// The flags of commands that use a queue.

import type { Command } from 'commander';
import { InputError } from '../../failure.ts';
import { folderIdentity } from '../../store/folder-store.ts';
import type { StorePlace } from '../../store/open-store.ts';
import { parseServer, type QueueServer, serverName } from '../../store/redis-connection.ts';

export const queueHelp = 'the server of the queue, redis://HOST:PORT, or rediss:// with TLS (docs/cluster.md)';

export const storeHelp =
  "where paused children, checkpoints and images are kept for all machines: a shared folder, s3://BUCKET/PREFIX, or the queue's server with up to 1 GB (default)";

/** A store that a user names. Default: the queue's server. */
export type NamedStore = Exclude<StorePlace, { kind: 'queue' }>;

/** Parses `--store`. @throws InputError */
export function parseStore(text: string): NamedStore {
  if (!text.includes('://')) return { kind: 'folder', path: text };
  const [, bucket, prefix = ''] = /^s3:\/\/([a-z0-9][a-z0-9.-]+)(?:\/(.*?))?\/?$/.exec(text) ?? [];
  if (bucket === undefined)
    throw new InputError(`--store: expected a folder or s3://BUCKET/PREFIX, got ${JSON.stringify(text)}`);
  return { kind: 's3', bucket, prefix };
}

const bucketName = ({ bucket, prefix }: StorePlace & { kind: 's3' }) => `s3://${bucket}/${prefix}`;

/**
 * The flags with which another command of this machine uses the same queue and store.
 * @param quoted how a path is written
 */
export function queueWords(
  { queue, store }: { queue: QueueServer; store?: NamedStore },
  quoted = (path: string) => path,
): string[] {
  const words = ['--queue', serverName(queue)];
  if (store === undefined) return words;
  return [...words, '--store', store.kind === 'folder' ? quoted(store.path) : bucketName(store)];
}

/** How a search tells workers of its store: without any path, since a shared folder has another one on each machine. */
export function storeName(place: StorePlace): string {
  if (place.kind === 'queue') return 'queue';
  if (place.kind === 'folder') return `folder ${folderIdentity(place.path)}`;
  return bucketName(place);
}

/** Adds the required flag of the server, which is parsed to a QueueServer. */
export const addQueueFlag = (command: Command): Command =>
  command.requiredOption('--queue <address>', queueHelp, parseServer);
