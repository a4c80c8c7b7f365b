// `nasnet queue status|drain|cancel`: what a queue's server knows of searches and workers, for whoever runs it.

import { Queue } from 'bullmq';
import type { Command } from 'commander';
import type { Redis } from 'ioredis';
import { keys } from '../cluster/keys.ts';
import { difference, type SearchCard, type WorkerCard } from '../cluster/queue-messages.ts';
import { removeTraces } from '../cluster/search-traces.ts';
import { searchesOf, workersOf } from '../cluster/workers-there.ts';
import { Failure, InputError } from '../failure.ts';
import { type Connection, connect, type QueueServer, serverPrefix, serverProblems } from '../store/redis-connection.ts';
import { bytesWords, duration } from '../words.ts';
import { addQueueFlag } from './flags/queue-flags.ts';
import { printDocument, printWords } from './terminal/answer.ts';
import { alignColumns } from './terminal/columns.ts';

interface QueueFlags {
  queue: QueueServer;
  json?: boolean;
}

export function registerQueue(program: Command): void {
  const queue = program.command('queue').description('searches and workers that share a queue: see them, stop them');
  addQueueFlag(queue.command('status').description('searches, workers and what they do'))
    .option('--json', 'print them as one JSON document')
    .action((flags: QueueFlags) => within(flags, (connection) => status(connection, flags)));
  addQueueFlag(queue.command('drain [worker]').description('let workers end their children and take no more'))
    .addHelpText('after', '\nWithout a name, all of them; a name is a host or an id from "nasnet queue status".')
    .action((worker: string | undefined, flags: QueueFlags) =>
      within(flags, (connection) => drain(connection, worker)),
    );
  addQueueFlag(
    queue
      .command('cancel <search>')
      .description(
        'end a search and its running children, or forget one that was stopped; its study keeps what is finished',
      ),
  ).action((search: string, flags: QueueFlags) => within(flags, (connection) => cancel(connection, search)));
  queue.addHelpText(
    'after',
    '\nExamples:\n  nasnet queue status --queue redis://head:6379\n  nasnet queue drain node7 --queue redis://head:6379\n  nasnet queue cancel runs/cifar10/study.db --queue redis://head:6379',
  );
}

async function within({ queue }: QueueFlags, work: (connection: Connection) => Promise<void>): Promise<void> {
  await using connection = await connect(queue, { patience: 2000 });
  await work(connection);
}

interface SearchStatus extends SearchCard {
  waiting: number;
  running: number;
  searched: boolean;
}

async function status(connection: Connection, { json }: QueueFlags): Promise<void> {
  const { redis } = connection;
  const workers = await workersOf(redis);
  const searches = await Promise.all((await searchesOf(redis)).map((card) => statusOf(connection, card)));
  if (json) return printDocument({ searches, workers });
  const lines = [
    ...(await serverProblems(connection)),
    searches.length === 0 ? 'No search.' : 'Searches:',
    ...alignColumns(searches.map(searchRow), 'l'),
    workers.length === 0 ? 'No worker.' : 'Workers:',
    ...alignColumns(
      workers.map((worker) => workerRow(worker, searches)),
      'l',
    ),
  ];
  printWords(`${lines.join('\n')}\n`);
}

async function statusOf({ redis }: Connection, card: SearchCard): Promise<SearchStatus> {
  let [waiting, running] = [0, 0];
  for (const { name } of card.lanes) {
    const queue = new Queue(name, { connection: redis, prefix: serverPrefix });
    const counts = await queue.getJobCounts('wait', 'active');
    waiting += counts.wait ?? 0;
    running += counts.active ?? 0;
    await queue.close();
  }
  return { ...card, waiting, running, searched: (await redis.exists(keys.owner(card.id))) === 1 };
}

const searchRow = ({ name, host, startedAt, waiting, running, searched }: SearchStatus): string[] => [
  `  ${name}`,
  `on ${host}`,
  searched ? `for ${duration((Date.now() - startedAt) / 1000)}` : 'stopped',
  `${running} running`,
  `${waiting} waiting`,
];

function workerRow(
  { id, slots, running, memory, kind, terms, done, failed, draining }: WorkerCard,
  searches: SearchCard[],
) {
  const refused = searches.map((search) => difference(search.terms, terms)).find((why) => why !== undefined);
  return [
    `  ${id}`,
    `${running.length} of ${slots}`,
    `${bytesWords(memory)} each`,
    kind,
    `${done} done${failed > 0 ? `, ${failed} failed` : ''}`,
    draining ? 'takes no more' : refused === undefined ? '' : `cannot work for a search: it needs ${refused}`,
  ];
}

async function drain({ redis, name }: Connection, worker: string | undefined): Promise<void> {
  const workers = await workersOf(redis);
  const asked = workers.filter(({ id, host }) => worker === undefined || id === worker || host === worker);
  if (asked.length === 0 && worker !== undefined)
    throw new InputError(
      `${name}: expected a worker's host or id, got ${JSON.stringify(worker)}; there are ${workers.map(({ id }) => id).join(', ') || 'none'}`,
    );
  for (const { id } of asked) await redis.set(keys.drain(id), '1', 'EX', 86_400);
  printWords(`${asked.length === 1 ? 'One worker takes' : `${asked.length} workers take`} no more and will end.\n`);
}

async function cancel(connection: Connection, named: string): Promise<void> {
  const { redis, name } = connection;
  const searches = await searchesOf(redis);
  const [search, another] = searches.filter(({ id, name: study }) => id === named || study === named);
  if (!search)
    throw new InputError(
      `${name}: expected a search's study or id, got ${JSON.stringify(named)}; there are ${searches.map((each) => each.name).join(', ') || 'none'}`,
    );
  if (another)
    throw new Failure(
      `${name}: two searches have the name ${named}; name one by its id: ${search.id} or ${another.id}`,
    );
  const running = await abortAll(redis, search);
  if (running > 0 || (await redis.exists(keys.owner(search.id))) === 1)
    await redis.set(keys.cancelled(search.id), '1', 'EX', 86_400);
  else await removeTraces(redis, search); // nobody searches it
  printWords(`${search.name} is cancelled. What was finished is in its study.\n`);
}

/** Takes back the jobs of a search that wait, and asks workers to end those that run. Returns how many run. */
async function abortAll(redis: Redis, { lanes }: SearchCard): Promise<number> {
  let running = 0;
  for (const { name } of lanes) {
    const queue = new Queue(name, { connection: redis, prefix: serverPrefix });
    await queue.drain();
    for (const { id } of await queue.getActive()) {
      if (id === undefined) continue;
      await redis.sadd(keys.aborted(name), id);
      running++;
    }
    await redis.expire(keys.aborted(name), 86_400);
    await queue.close();
  }
  return running;
}
