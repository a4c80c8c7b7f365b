// An evaluator for the tests: each job names the action to take.

import { appendFileSync, existsSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { InputError } from '../../src/failure.ts';
import type { EvaluateJob } from '../../src/workers/messages.ts';

export interface TestJob {
  action:
    | 'double'
    | 'double-late'
    | 'describe'
    | 'throw'
    | 'refuse'
    | 'crash'
    | 'crash-once'
    | 'exit'
    | 'lose-once'
    | 'killed'
    | 'interrupt'
    | 'hold'
    | 'note'
    | 'kill-parent'
    | 'large'
    | 'spin'
    | 'report';
  value?: number;
  /** The kind of an error; undefined: none. */
  kind?: string;
  /**
   * For crash-once and lose-once: a file that the first attempt creates. For note: a file that gets a line an attempt.
   */
  file?: string;
}

/** Kills this process and waits until the signal arrives. */
async function end(signal: NodeJS.Signals): Promise<never> {
  process.kill(process.pid, signal);
  await sleep(60_000);
  throw new Error('still alive');
}

export function start(setup: unknown, resources: unknown): EvaluateJob {
  if (setup === 'refuse') throw new Error('no data here');
  if (setup === 'die') process.exit(3);
  return async (message, report, signal) => {
    const { action, value = 0, kind, file } = message as TestJob;
    switch (action) {
      case 'double':
        return 2 * value;
      case 'double-late':
        await sleep(7000);
        return 2 * value;
      case 'describe':
        return {
          setup,
          resources,
          pid: process.pid,
          threads: process.env.OMP_NUM_THREADS,
          openblas: process.env.OPENBLAS_NUM_THREADS,
        };
      case 'report':
        for (let epoch = 1; epoch <= value; epoch++) report({ epoch });
        return 'reported';
      case 'refuse':
        throw new InputError('expected this, got that');
      case 'throw':
        throw Object.assign(new Error('this went wrong'), kind === undefined ? {} : { kind });
      case 'crash':
        process.stderr.write('loading\nIllegal thing at 0x2a\n');
        return end('SIGSEGV');
      case 'crash-once':
        if (existsSync(file!)) return 'second time lucky';
        writeFileSync(file!, '');
        return end('SIGSEGV');
      case 'lose-once':
        if (existsSync(file!)) return 'in a fresh process';
        writeFileSync(file!, '');
        throw Object.assign(new Error('CUDA answers nothing'), { kind: 'device-lost' });
      case 'exit':
        return process.exit(7);
      case 'killed':
        return end('SIGKILL');
      case 'interrupt': // a signal to the own process arrives before kill() returns
        process.kill(process.pid, 'SIGINT');
        return process.pid;
      case 'note':
        appendFileSync(file!, `${process.pid}\n`);
        report({ epoch: 1 });
        await sleep(value, undefined, { signal });
        return 'noted';
      case 'kill-parent':
        report({ epoch: 1 });
        await sleep(value);
        process.kill(process.ppid, 'SIGKILL');
        return sleep(60_000);
      case 'large':
        return 'x'.repeat(value);
      case 'hold':
        report(process.pid);
        await sleep(60_000, undefined, { signal });
        return 'not stopped';
      case 'spin':
        report(process.pid);
        for (;;); // blocks the event loop, as a long native computation does
    }
  };
}
