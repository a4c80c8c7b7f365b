// A search and workers of it in one process, for tests: their jobs are those of test/workers/evaluator.ts.

import { randomUUID } from 'node:crypto';
import { Agent, type AgentOptions } from '../../src/cluster/agent.ts';
import type { Terms } from '../../src/cluster/queue-messages.ts';
import { QueueRunner } from '../../src/cluster/queue-runner.ts';
import { SearchQueue, type SearchQueueOptions } from '../../src/cluster/search-queue.ts';
import { contentIdentity } from '../../src/content-identity.ts';
import { connect, type QueueAccess, type QueueServer } from '../../src/store/redis-connection.ts';
import type { JobRunner } from '../../src/workers/job-runner.ts';

export const testTerms: Terms = { version: '1.0.0', evaluator: 'test', precision: 'float32', libtorch: '2.8' };

/** Short, so that a lost worker is noticed within a test's time. */
export const lease = 2;
const times = { heartbeat: 200, absence: 2000, reconcile: 1000 };

export interface TestSearch extends AsyncDisposable {
  queue: SearchQueue;
  runner: JobRunner;
  notes: string[];
}

export async function newSearch(
  server: QueueServer,
  {
    setup = {} as unknown,
    leave = false,
    access = {} as QueueAccess,
    ...options
  }: Partial<SearchQueueOptions> & { setup?: unknown; leave?: boolean; access?: QueueAccess } = {},
): Promise<TestSearch> {
  const connection = await connect(server, { access });
  const notes: string[] = [];
  const queue = await SearchQueue.open({
    connection,
    id: randomUUID(),
    name: 'study.db',
    terms: testTerms,
    store: 'none',
    lease,
    times,
    onNote: (line) => notes.push(line),
    ...options,
  }).catch(async (error) => {
    await connection[Symbol.asyncDispose]();
    throw error;
  });
  const runner = new QueueRunner({ queue, setup, identity: contentIdentity(setup), threads: 'one', leave });
  const end = async () => {
    await runner.close();
    await queue.close({ finished: false });
    await connection[Symbol.asyncDispose]();
  };
  return { queue, runner, notes, [Symbol.asyncDispose]: end };
}

export interface TestAgent extends AsyncDisposable {
  agent: Agent;
  lines: string[];
}

export async function newAgent(
  server: QueueServer,
  { access = {}, ...options }: Partial<AgentOptions> & { access?: QueueAccess } = {},
): Promise<TestAgent> {
  const connection = await connect(server, { access });
  const lines: string[] = [];
  const agent = new Agent({
    connection,
    slots: 1,
    memory: 2 ** 34,
    machine: 'a test',
    terms: testTerms,
    evaluator: new URL('../workers/evaluator.ts', import.meta.url),
    prepare: async () => ({ resources: undefined, threads: 1 }),
    onLine: (line) => lines.push(line),
    onJob: (line) => lines.push(line),
    times,
    ...options,
  });
  await agent.start();
  const end = async () => {
    await agent[Symbol.asyncDispose]();
    await connection[Symbol.asyncDispose]();
  };
  return { agent, lines, [Symbol.asyncDispose]: end };
}
