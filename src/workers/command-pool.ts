// A pool of evaluator commands: programs in any language that read trials as lines of JSON and answer with rewards
// (docs/evaluator.md). Each worker runs one. A command that ends, hangs or violates the protocol is replaced and its
// trial is retried once, as pool.ts does for worker processes.

import { CommandWorker } from './command-worker.ts';
import { GroupGuard } from './group-guard.ts';
import { JobPool, type TimeLimits } from './pool.ts';

export interface CommandPoolOptions {
  /** The command that /bin/sh runs once per worker. */
  command: string;
  /** Maximum number of processes; they start when there is work for them. */
  workers: number;
  /** Further fields of the hello line: plain data. */
  about?: object | undefined;
  /** Time limit of a job in seconds. Default: by `time`. */
  timeLimit?: number | undefined;
  /**
   * Derives the time limit from the jobs so far. Default: twenty times the longest one, at least an hour; a week before
   * any job has ended.
   */
  time?: TimeLimits | undefined;
  /** Milliseconds between a cancellation and SIGKILL. */
  grace?: number | undefined;
  /** Milliseconds to wait for the hello line. */
  toStart?: number | undefined;
  /** Called with every line of stderr, without control characters. */
  onErrorLine?: ((line: string) => void) | undefined;
}

const defaultTime: TimeLimits = { first: 7 * 86_400, least: 3600, times: 20 };
const defaultGrace = 2000;
const defaultToStart = 180_000; // frameworks on a cold disk

export class CommandPool extends JobPool {
  readonly #guard: GroupGuard;

  constructor(options: CommandPoolOptions) {
    const { workers, timeLimit, time = defaultTime, grace = defaultGrace, toStart = defaultToStart } = options;
    const guard = new GroupGuard();
    const usedNumbers = new Set<number>(); // of the live workers
    super({
      workers,
      start: ({ onMessage, onEnd }) => {
        let worker = 0;
        while (usedNumbers.has(worker)) worker++;
        usedNumbers.add(worker);
        return new CommandWorker({
          command: options.command,
          about: options.about ?? {},
          timeLimit: options.timeLimit,
          onErrorLine: options.onErrorLine,
          worker,
          grace,
          guard,
          onMessage,
          onEnd: (end) => {
            usedNumbers.delete(worker);
            onEnd(end);
          },
        });
      },
      words: { one: 'the evaluator', all: `the command ${JSON.stringify(options.command)}` },
      silence: undefined,
      time: timeLimit === undefined ? time : undefined,
      milliseconds: { toStart, toGiveUp: grace },
    });
    this.#guard = guard;
  }

  override async close(): Promise<void> {
    await super.close();
    this.#guard[Symbol.dispose]();
  }
}
