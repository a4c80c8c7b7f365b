// A process for command-pool.test.ts: prints the ids of an evaluator command and of a process that it started, then
// waits.

import { CommandPool } from '../../src/workers/command-pool.ts';

const pool = new CommandPool({ command: process.argv[2]!, workers: 1 });
void pool.run({}, { onMessage: (report) => console.log(JSON.stringify((report as { details: unknown }).details)) });
