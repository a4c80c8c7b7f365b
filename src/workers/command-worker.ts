// One evaluator command of a pool. It translates the pool's messages into lines of the protocol and the evaluator's
// lines into messages, and enforces the time limit of a job; the pool decides everything else.

import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { nasnetVersion } from '../version.ts';
import { type Answer, harmless, nonsense, parseAnswer, protocolVersion } from './evaluator-protocol.ts';
import type { GroupGuard } from './group-guard.ts';
import { eachLine } from './line-splitter.ts';
import type { ToWorker } from './messages.ts';
import type { PoolWorker, WorkerHooks } from './pool.ts';
import { LastLines, whenEnded } from './process-end.ts';

const longestLine = 1_000_000; // characters of an answer
const longestErrorLine = 10_000;
const longestTimer = 2 ** 31 - 1; // milliseconds; the maximum of setTimeout

export interface CommandWorkerOptions extends WorkerHooks {
  /** The command that /bin/sh runs. */
  command: string;
  /** The number 0, 1 … of this worker among the running ones. */
  worker: number;
  /** Further fields of the hello line. */
  about: object;
  /** Time limit of a job in seconds; undefined: none. */
  timeLimit: number | undefined;
  /** Milliseconds between a cancellation or the end of stdin and SIGKILL. */
  grace: number;
  /** Called with every line of stderr. */
  onErrorLine: ((line: string) => void) | undefined;
  guard: GroupGuard;
}

interface RunningJob {
  id: number;
  timer: NodeJS.Timeout | undefined;
  cancelled: boolean;
  overdue: boolean;
}

export class CommandWorker implements PoolWorker {
  readonly #options: CommandWorkerOptions;
  readonly #shell: ChildProcess;
  readonly #lines = new LastLines();
  readonly #sentJobs = new Set<number>();
  #job: RunningJob | undefined;
  #ready = false;
  #killed = false;
  #reason: string | undefined;
  #kind: string | undefined;
  #stopTimer: NodeJS.Timeout | undefined;

  constructor(options: CommandWorkerOptions) {
    this.#options = options;
    const { command, worker, about } = options;
    this.#shell = spawn('/bin/sh', ['-c', command], {
      detached: true, // in its own process group, so that it can be killed with all that it started
      stdio: 'pipe',
      env: { ...process.env, NASNET_WORKER: String(worker) },
    });
    if (this.#shell.pid !== undefined) options.guard.add(this.#shell.pid);
    const { stdin, stdout, stderr } = this.#shell;
    stdin?.on('error', () => {}); // the process has ended, which onEnd reports
    if (stdout) eachLine(stdout, longestLine, (line, whole) => this.#read(line, whole));
    if (stderr) eachLine(stderr, longestErrorLine, (line) => this.#readError(line));
    this.#reportEnd();
    this.#write({ hello: { protocol: protocolVersion, nasnet: nasnetVersion(), worker, ...about } });
  }

  get pid(): number | undefined {
    return this.#shell.pid;
  }

  send(message: ToWorker): void {
    if (message.kind === 'job') this.#begin(message.id, message.job as object);
    else if (message.kind === 'abort' && this.#job?.id === message.id) this.#cancel(this.#job);
  }

  kill(reason?: string, kind?: string): void {
    if (this.#killed) return;
    this.#killed = true;
    this.#reason = reason;
    this.#kind = kind;
    this.#killGroup();
  }

  /** Asks the command to end, and kills it after the grace time. */
  stop(): void {
    if (!this.#ready) this.kill();
    if (this.#job) this.#cancel(this.#job);
    this.#shell.stdin?.end();
    this.#stopTimer ??= setTimeout(() => this.kill(), this.#options.grace);
  }

  #begin(id: number, job: object): void {
    const { timeLimit } = this.#options;
    const limited = timeLimit !== undefined && 1000 * timeLimit <= longestTimer;
    const timer = limited ? setTimeout(() => this.#overdue(), 1000 * timeLimit) : undefined;
    this.#job = { id, timer, overdue: false, cancelled: false };
    this.#sentJobs.add(id);
    this.#write({ id, ...job });
  }

  /** Cancels a job at its time limit, and kills the evaluator if it does not answer within the grace time. */
  #overdue(): void {
    const job = this.#job;
    if (!job) return;
    const { timeLimit, grace } = this.#options;
    job.overdue = true;
    this.#cancel(job);
    const reason = `took longer than ${timeLimit} s for a trial, did not stop within ${grace / 1000} s of its cancellation, and was ended`;
    job.timer = setTimeout(() => this.kill(reason, 'timeout'), grace);
  }

  #cancel(job: RunningJob): void {
    if (!job.cancelled) this.#write({ cancel: job.id });
    job.cancelled = true;
  }

  #read(line: string, whole: boolean): void {
    if (this.#killed || line.trim() === '') return;
    this.#handle(whole ? parseAnswer(line) : nonsense(line, `a line of at most ${longestLine} characters`), line);
  }

  #handle(answer: Answer, line: string): void {
    if (answer.kind === 'nonsense') this.#refuse(answer.why);
    else if (answer.kind === 'hello') this.#handleHello(answer.protocol, line);
    else if (!this.#ready) this.#refuse(nonsense(line, 'a hello line first').why);
    else if (!this.#sentJobs.has(answer.id)) this.#refuse(nonsense(line, 'the "id" of a request that it was sent').why);
    // an answer to another job comes after its cancellation or its outcome
    else if (this.#job?.id === answer.id) this.#forward(answer, this.#job);
  }

  /** Forwards an answer to the running job. */
  #forward(answer: Exclude<Answer, { kind: 'nonsense' | 'hello' }>, { timer, overdue }: RunningJob): void {
    const { onMessage } = this.#options;
    const { id } = answer;
    if (answer.kind === 'epoch') {
      onMessage({ kind: 'message', id, message: answer.report });
      return;
    }
    clearTimeout(timer);
    this.#job = undefined;
    if (answer.kind === 'reward') {
      const { reward, details } = answer;
      onMessage({ kind: 'result', id, result: { reward, ...(details !== undefined && { details }) } });
    } else {
      onMessage({ kind: 'failed', id, failure: overdue ? this.#timeout(answer.failure.message) : answer.failure });
    }
  }

  #timeout(message: string) {
    return { kind: 'timeout', message: `it took longer than ${this.#options.timeLimit} s; the evaluator: ${message}` };
  }

  #handleHello(protocol: number, line: string): void {
    const { onMessage } = this.#options;
    if (this.#ready) {
      this.#refuse(nonsense(line, 'one hello line').why);
    } else if (protocol === protocolVersion) {
      this.#ready = true;
      onMessage({ kind: 'ready' });
    } else {
      const message = `expected protocol ${protocolVersion} in its hello line, got ${protocol}`;
      onMessage({ kind: 'setup-failed', failure: { kind: 'protocol', message } });
    }
  }

  #refuse(why: string): void {
    this.kill(`wrote ${why}`, 'protocol');
  }

  #readError(text: string): void {
    const line = harmless(text, longestErrorLine);
    this.#lines.add(line);
    this.#options.onErrorLine?.(line);
  }

  #reportEnd(): void {
    const shell = this.#shell;
    shell.on('exit', () => {
      this.#killGroup(); // processes that the command started
      if (shell.pid !== undefined) this.#options.guard.drop(shell.pid);
    });
    whenEnded(shell, this.#lines, (code, signal) => {
      clearTimeout(this.#stopTimer);
      clearTimeout(this.#job?.timer);
      const by = signal ?? signalOfExitCode(code);
      this.#options.onEnd({ code, signal: by, reason: this.#reason, kind: this.#kind, lines: this.#lines.all() });
    });
  }

  #killGroup(): void {
    const { pid } = this.#shell;
    if (pid === undefined) return;
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // the group has ended
    }
  }

  #write(line: object): void {
    this.#shell.stdin?.write(`${JSON.stringify(line)}\n`);
  }
}

/** Returns the signal that ended the program of a shell: the shell exits with 128 plus the signal's number. */
function signalOfExitCode(code: number | null): NodeJS.Signals | null {
  const entry = Object.entries(constants.signals).find(([, number]) => code === 128 + number);
  return entry ? (entry[0] as NodeJS.Signals) : null;
}
