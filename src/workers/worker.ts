// One worker process as its pool sees it: started, ready, busy with a job, dead. It decides nothing; the pool does.

import { type ChildProcess, fork } from 'node:child_process';
import type { FromWorker, ToWorker } from './messages.ts';
import { LastLines, whenEnded } from './process-end.ts';

const childModule = import.meta.filename.replace(/worker(\.\w+)$/, 'child$1'); // .ts in the checkout, .js when compiled

/** How a worker process ended. */
export interface WorkerEnd {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** Why its pool ended it, if it did. */
  reason: string | undefined;
  /** The class of failure that this is for its job; undefined: what can be told from the rest. */
  kind?: string | undefined;
  /** The last lines that it wrote to stdout or stderr. */
  lines: string[];
}

export interface WorkerOptions {
  evaluator: URL;
  setup: unknown;
  resources: unknown;
  /** How many threads its numeric libraries may use. */
  threads: number;
  onMessage: (message: FromWorker) => void;
  /** Called once, after its last message. */
  onEnd: (end: WorkerEnd) => void;
}

export class WorkerProcess {
  readonly #child: ChildProcess;
  #reason: string | undefined;

  constructor({ evaluator, setup, resources, threads, onMessage, onEnd }: WorkerOptions) {
    const count = String(threads);
    const threadLimits = { OMP_NUM_THREADS: count, OPENBLAS_NUM_THREADS: count, MKL_NUM_THREADS: count };
    this.#child = fork(childModule, [String(process.pid)], {
      execPath: process.execPath,
      execArgv: [],
      serialization: 'advanced',
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: { ...process.env, ...threadLimits },
    });
    const lines = new LastLines();
    for (const output of [this.#child.stdout!, this.#child.stderr!]) lines.read(output);
    this.#child.on('message', onMessage);
    whenEnded(this.#child, lines, (code, signal) => onEnd({ code, signal, reason: this.#reason, lines: lines.all() }));
    this.send({ kind: 'setup', evaluator: evaluator.href, setup, resources });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  send(message: ToWorker): void {
    this.#child.send(message, () => {}); // an error means that it has died, which onEnd tells
  }

  /** Ends it at once, also one that is stopped or computes. */
  kill(reason?: string): void {
    this.#reason ??= reason;
    this.#child.kill('SIGKILL');
  }

  stop(): void {
    this.kill();
  }
}
