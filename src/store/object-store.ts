// Where several machines keep files for each other: a shared folder, S3-compatible storage, or the queue's own server.
// Objects are written once, under names that have their content's hash, and never changed.

export interface StoredObject {
  name: string;
  bytes: number;
  /** Milliseconds since 1970 by the store's clock. */
  modified: number;
}

export interface ObjectStore {
  /** Returns the objects whose names start with a prefix. */
  list(prefix: string): Promise<StoredObject[]>;
  /** Returns the bytes of an object from an offset on; undefined if there is none. */
  read(name: string, from: number): Promise<AsyncIterable<Uint8Array> | undefined>;
  /** Stores a file. It appears whole or not at all. @throws Failure if the store is full */
  write(name: string, path: string): Promise<void>;
  remove(name: string): Promise<void>;
  close(): Promise<void>;
}
