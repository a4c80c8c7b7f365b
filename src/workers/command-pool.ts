// A pool of evaluator commands: programs in any language that read trials as lines of JSON and answer with rewards (docs/evaluator.md). One runs per
// worker; a dead, hung or nonsense-talking one is replaced and its trial tried once more, as pool.ts does for our own processes.

import { CommandWorker } from './command-worker.ts';
import { GroupGuard } from './group-guard.ts';
import { JobPool, type TimeLimits } from './pool.ts';

export interface CommandPoolOptions {
  /** Run by /bin/sh, once per worker. */
  command: string;
  /** How many at most; they start when there is work for them. */
  workers: number;
  /** What the hello line says besides the protocol: plain data. */
  about?: object | undefined;
  /** Seconds that a job may take. Default: by `time`. */
  timeLimit?: number | undefined;
  /** How the limit follows from the jobs so far. Default: twenty times the longest one, at least an hour; a week before any has ended. */
  time?: TimeLimits | undefined;
  /** Milliseconds between a cancellation and SIGKILL. */
  grace?: number | undefined;
  /** Milliseconds until the first answer, the hello line. */
  toStart?: number | undefined;
  /** Called with every line that one of them writes to stderr, without control characters. */
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
    const taken = new Set<number>(); // numbers of the workers that live
    super({
      workers,
      start: ({ onMessage, onEnd }) => {
        let worker = 0;
        while (taken.has(worker)) worker++;
        taken.add(worker);
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
            taken.delete(worker);
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
