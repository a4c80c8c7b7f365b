// The main module of a worker process: loads the evaluator, runs one job at a time, and ends when its parent does.

import { flushCompileCache } from 'node:module';
import { Worker } from 'node:worker_threads';
import { Failure, InputError } from '../failure.ts';
import {
  deviceLost,
  type EvaluateJob,
  type Evaluator,
  type FromWorker,
  type JobFailure,
  type ToWorker,
} from './messages.ts';

process.on('SIGINT', () => {}); // Ctrl-C reaches the whole process group; the parent handles it
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
watchParent(Number(process.argv[2]));

let evaluate: EvaluateJob | undefined;
const running = new Map<number, AbortController>();

process.on('message', (message: ToWorker) => {
  if (message.kind === 'setup') void setUp(message);
  else if (message.kind === 'job') void work(message.id, message.job);
  else running.get(message.id)?.abort(new Error('the job was cancelled'));
});

async function setUp({ evaluator, setup, resources }: ToWorker & { kind: 'setup' }): Promise<void> {
  try {
    const module: Evaluator = await import(evaluator);
    evaluate = await module.start(setup, resources);
    send({ kind: 'ready' });
    flushCompileCache(); // this process will be killed, and Node writes the cache only at a normal exit
  } catch (error) {
    send({ kind: 'setup-failed', failure: failureOf(error) });
  }
}

const millisecondsBetweenHeartbeats = 2000;

async function work(id: number, job: unknown): Promise<void> {
  const controller = new AbortController();
  running.set(id, controller);
  const heartbeats = setInterval(() => send({ kind: 'alive' }), millisecondsBetweenHeartbeats);
  try {
    const result = await evaluate!(job, (message) => send({ kind: 'message', id, message }), controller.signal);
    send({ kind: 'result', id, result });
  } catch (error) {
    const failure = failureOf(error);
    if (failure.kind === deviceLost) end(failure.message);
    send({ kind: 'failed', id, failure });
  } finally {
    clearInterval(heartbeats);
    running.delete(id);
  }
}

/** Ends this process. The pool reports the last lines and gives the job to a new process. */
function end(lastLine: string): never {
  process.stderr.write(`${lastLine}\n`);
  process.exit(1);
}

function send(message: FromWorker): void {
  process.send!(message);
}

function failureOf(error: unknown): JobFailure {
  if (!(error instanceof Error)) return { kind: 'error', message: String(error) };
  const kind = (error as { kind?: unknown }).kind;
  if (typeof kind === 'string') return { kind, message: error.message };
  if (isSentence(error)) return { kind: 'error', message: error.message };
  const [, place] = /^\s*at .*?([^/\\]+:\d+):\d+\)?$/m.exec(error.stack ?? '') ?? [];
  return { kind: 'error', message: place ? `${error.message} (${place})` : error.message };
}

/** Whether the error is a sentence for users. Any other error is a bug, whose place in the code is reported. */
const isSentence = (error: Error) => error instanceof InputError || error instanceof Failure;

/**
 * Kills this process when its parent dies. It is a thread, because the main thread may be in a long native computation.
 */
function watchParent(parent: number): void {
  const code = `
    const { workerData } = require('node:worker_threads');
    setInterval(() => { if (process.ppid !== workerData) process.kill(process.pid, 'SIGKILL'); }, 500);
  `;
  const limits = { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 1, stackSizeMb: 1 };
  new Worker(code, { eval: true, workerData: parent, resourceLimits: limits }).unref();
}
