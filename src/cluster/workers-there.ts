// The searches and workers that a server knows of. Each gives signs of life; a worker without them disappears.

import type { Redis } from 'ioredis';
import { keys } from './keys.ts';
import { difference, readMessage, type SearchCard, searchCard, type WorkerCard, workerCard } from './queue-messages.ts';

/** Returns the workers that are there. */
export async function workersOf(redis: Redis): Promise<WorkerCard[]> {
  const cards = await cardsOf(redis, keys.workers, keys.worker);
  return cards.flatMap((text) => readMessage(workerCard, text) ?? []);
}

/** Returns the searches that have or had jobs there. */
export async function searchesOf(redis: Redis): Promise<SearchCard[]> {
  const cards = await cardsOf(redis, keys.searches, keys.search);
  return cards.flatMap((text) => readMessage(searchCard, text) ?? []);
}

async function cardsOf(redis: Redis, set: string, keyOf: (id: string) => string): Promise<string[]> {
  const ids = (await redis.smembers(set)).filter((id) => id.length < 200);
  if (ids.length === 0) return [];
  const cards = await redis.mget(ids.map(keyOf));
  const gone = ids.filter((_, index) => cards[index] === null);
  if (gone.length > 0) await redis.srem(set, ...gone);
  return cards.filter((card) => card !== null);
}

/** Whether a worker can do jobs of a search, some of them at least. */
export const isSuitable = (worker: WorkerCard, search: SearchCard): boolean =>
  difference(search.terms, worker.terms) === undefined && !worker.draining;
