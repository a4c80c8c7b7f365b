// Opens a store of one of the three kinds. Only the kind that is used is loaded.

import type { ObjectStore } from './object-store.ts';
import type { QueueServer } from './redis-connection.ts';

/** A store as plain data without passwords, for worker processes of a machine. */
export type StorePlace =
  | { kind: 'folder'; path: string }
  | { kind: 's3'; bucket: string; prefix: string }
  | { kind: 'queue'; server: QueueServer };

export async function openStore(place: StorePlace): Promise<ObjectStore> {
  if (place.kind === 'folder') return new (await import('./folder-store.ts')).FolderStore(place.path);
  if (place.kind === 's3') return new (await import('./s3-store.ts')).S3Store(place);
  return (await import('./redis-store.ts')).RedisStore.open(place.server);
}
