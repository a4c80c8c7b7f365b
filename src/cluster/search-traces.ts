// What a search has on the server, to be removed when it is over.

import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { serverPrefix } from '../store/redis-connection.ts';
import { keys } from './keys.ts';
import type { SearchCard } from './queue-messages.ts';

/** Removes all traces of a search: its jobs and their results, its setups and its card. */
export async function removeTraces(redis: Redis, { id, lanes }: Pick<SearchCard, 'id' | 'lanes'>): Promise<void> {
  for (const { name } of lanes) {
    const queue = new Queue(name, { connection: redis, prefix: serverPrefix });
    await queue.obliterate({ force: true });
    await queue.close();
    await redis.del(keys.aborted(name));
  }
  const setups = await redis.smembers(keys.setups(id));
  await redis.del(keys.search(id), keys.setups(id), ...setups.map((each) => keys.setup(id, each)));
  await redis.srem(keys.searches, id);
}
