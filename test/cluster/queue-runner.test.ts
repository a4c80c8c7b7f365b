// The contract of all job runners, by a queue on a real server and a worker that joins it.

import { after, before } from 'node:test';
import type { RunOptions } from '../../src/workers/job-runner.ts';
import type { TestJob } from '../workers/evaluator.ts';
import { type TestRunner, testRunner } from '../workers/runner-contract.ts';
import { newAgent, newSearch } from './cluster.ts';
import { RedisServer, skip } from './redis-server.ts';

let server: RedisServer;
before(async () => {
  if (skip === false) server = await RedisServer.start();
});
after(() => server?.[Symbol.asyncDispose]());

function create({ workers = 1 } = {}): TestRunner {
  const opened = (async () => {
    const search = await newSearch(server.address);
    return { search, worker: await newAgent(server.address, { slots: workers }) };
  })();
  let pids = () => [] as number[];
  void opened.then(({ worker }) => (pids = () => worker.agent.pids));
  const close = async () => {
    const { search, worker } = await opened;
    await search[Symbol.asyncDispose]();
    await worker[Symbol.asyncDispose]();
  };
  return {
    pool: {
      get pids() {
        return pids();
      },
      pause: (paused: boolean) => void opened.then(({ search }) => search.runner.pause?.(paused)),
      close,
    },
    run: async (job: TestJob, options?: RunOptions) => (await opened).search.runner.run(job, options),
    [Symbol.asyncDispose]: close,
  };
}

testRunner({ name: 'a queue', one: 'the worker process', create, skip });
