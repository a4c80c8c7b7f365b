// Objects in the queue's own server, for those who have no other store. The server has them in memory, so their sum has
// a limit.

import { open } from 'node:fs/promises';
import type { Redis } from 'ioredis';
import { Failure } from '../failure.ts';
import { bytesWords } from '../words.ts';
import type { ObjectStore, StoredObject } from './object-store.ts';
import { type Connection, connect, type QueueServer, serverPrefix } from './redis-connection.ts';

const prefix = `${serverPrefix}:objects`;
/** Bytes of one value. A larger one would hold up other commands. */
const partBytes = 1 << 20;
/** Bytes of all objects; less if the server has less memory. CIFAR-10 has 185 MB, a paused child 1 to 20 MB. */
const most = 1e9;
/** Seconds after which objects of abandoned searches disappear. */
const keepSeconds = 7 * 86_400;

const sumKey = `${prefix}:bytes`;
/** Hash of the objects of the first part of their names. */
const indexKey = (name: string) => `${prefix}:index:${name.split('/')[0]}`;
const partKey = (name: string, part: number) => `${prefix}:part:${name}:${part}`;

export class RedisStore implements ObjectStore {
  readonly #connection: Connection;
  readonly #redis: Redis;
  readonly #most: number;

  constructor(connection: Connection, limit = most) {
    this.#connection = connection;
    this.#redis = connection.redis;
    this.#most = limit;
  }

  static async open(server: QueueServer): Promise<RedisStore> {
    const connection = await connect(server);
    const [, memory = '0'] = /^maxmemory:(\d+)/m.exec(await connection.redis.info('memory')) ?? [];
    return new RedisStore(connection, Number(memory) > 0 ? Math.min(most, Number(memory) / 2) : most);
  }

  async list(start: string): Promise<StoredObject[]> {
    const index = await this.#redis.hgetall(indexKey(start));
    return Object.entries(index).flatMap(([name, text]) => {
      if (!name.startsWith(start)) return [];
      const [bytes, modified] = text.split(' ').map(Number);
      return [{ name, bytes: bytes!, modified: modified! }];
    });
  }

  async read(name: string, from: number): Promise<AsyncIterable<Uint8Array> | undefined> {
    const text = await this.#redis.hget(indexKey(name), name);
    return text === null ? undefined : this.#parts(name, Number(text.split(' ')[0]), from);
  }

  async *#parts(name: string, bytes: number, from: number): AsyncGenerator<Uint8Array> {
    for (let at = from; at < bytes; ) {
      const part = Math.floor(at / partBytes);
      const value = await this.#redis.getBuffer(partKey(name, part));
      if (!value) return; // it was removed meanwhile; whoever reads checks the hash
      const rest = value.subarray(at - part * partBytes);
      yield rest;
      at += rest.length;
    }
  }

  async write(name: string, path: string): Promise<void> {
    if ((await this.#redis.hexists(indexKey(name), name)) === 1) return; // names have their content's hash
    const file = await open(path);
    try {
      const { size } = await file.stat();
      await this.#reserve(size);
      try {
        for (let part = 0; part * partBytes < size; part++) {
          const length = Math.min(partBytes, size - part * partBytes);
          const bytes = Buffer.alloc(length);
          await file.read(bytes, 0, length, part * partBytes);
          await this.#redis.set(partKey(name, part), bytes, 'EX', keepSeconds);
        }
        const [seconds, micros] = await this.#redis.time();
        const modified = Number(seconds) * 1000 + Number(micros) / 1000;
        const isNew = await this.#redis.hset(indexKey(name), name, `${size} ${modified}`);
        if (isNew === 0) await this.#release(size); // another process has stored it at the same time
        await this.#redis.expire(indexKey(name), keepSeconds);
      } catch (error) {
        await this.#release(size);
        throw new Failure(`${this.#connection.name}: the server does not take a file (${(error as Error).message})`);
      }
    } finally {
      await file.close();
    }
  }

  async #reserve(bytes: number): Promise<void> {
    if ((await this.#redis.incrby(sumKey, bytes)) <= this.#most) return;
    await this.#release(bytes);
    throw new Failure(
      `${this.#connection.name}: expected files of at most ${bytesWords(this.#most)} in all, got one of ${bytesWords(bytes)} more; give the search a store of its own`,
    );
  }

  async #release(bytes: number): Promise<void> {
    await this.#redis.decrby(sumKey, bytes);
  }

  async remove(name: string): Promise<void> {
    const text = await this.#redis.hget(indexKey(name), name);
    if (text === null) return;
    const bytes = Number(text.split(' ')[0]);
    if ((await this.#redis.hdel(indexKey(name), name)) === 1) await this.#release(bytes);
    const parts = Array.from({ length: Math.ceil(bytes / partBytes) }, (_, part) => partKey(name, part));
    for (let first = 0; first < parts.length; first += 100)
      await this.#redis.unlink(...parts.slice(first, first + 100));
  }

  async close(): Promise<void> {
    await this.#connection[Symbol.asyncDispose]();
  }
}
