// A process of bench/training.ts, ours or the peer's: started, told to make steps, asked for its memory, ended.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Failure } from '../src/failure.ts';
import type { Case } from './training-cases.ts';

export interface Hello {
  parameters: number;
  /** Only ours: what the plan says. */
  planned?: number;
  version: string;
  /** Seconds of compiling or capturing before the first step. */
  prepared?: number;
}

export interface Steps {
  seconds: number;
  /** Of the last step. */
  loss: number;
  /** Of all its gradients together, before clipping; absent where nothing is trained. */
  norm?: number;
  /** MiB of the GPU that it held at most so far. */
  deviceMemory?: number;
}

/** What a process is to do, its only argument. */
export interface Job extends Omit<Case, 'name' | 'about' | 'steps'> {
  threads: number;
  device: string;
  /** How it is run: eager, autocast, graph; the peer also compile and compile-graph. */
  variant: string;
  /** Full float32 products on a GPU, which rounds them to 19 bits otherwise: for comparing the sides. */
  exact?: boolean;
  /** A file that ours writes and the peer reads: parameters and images to start from. */
  start?: string;
}

export interface Side {
  name: string;
  command: string;
  script: string;
}

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));

export function sides(python: string): [ours: Side, peer: Side] {
  return [
    { name: 'nasnet', command: process.execPath, script: here('training-side.ts') },
    { name: 'PyTorch', command: python, script: here('peers/nasnet_training.py') },
  ];
}

export class TrainingProcess {
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  #deviceMemory: number | undefined;
  /** What it says of itself, once built. */
  readonly hello: Promise<Hello>;

  constructor({ command, script }: Side, job: Job) {
    const count = String(job.threads);
    const limits = { OMP_NUM_THREADS: count, OPENBLAS_NUM_THREADS: count, MKL_NUM_THREADS: count };
    this.#process = spawn(command, [script, JSON.stringify(job)], {
      env: { ...process.env, ...limits, PYTHONDONTWRITEBYTECODE: '1', ...(job.exact && { NVIDIA_TF32_OVERRIDE: '0' }) },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#process.stdin!.on('error', () => {}); // it has ended, which the missing answer says
    this.#process.on('error', () => {}); // as well
    this.#lines = createInterface({ input: this.#process.stdout! })[Symbol.asyncIterator]();
    this.hello = this.#answer<Hello>();
    this.hello.catch(() => {}); // whoever awaits it hears of it
  }

  async make(steps: number): Promise<Steps> {
    this.#process.stdin!.write(`${steps}\n`);
    const made = await this.#answer<Steps>();
    this.#deviceMemory = made.deviceMemory;
    return made;
  }

  /**
   * The most memory that it ever had, in MiB: of the GPU where it uses one, else of the machine, interpreter and libraries included.
   * undefined where the system does not say.
   */
  get peakMemory(): number | undefined {
    if (this.#deviceMemory !== undefined) return this.#deviceMemory;
    try {
      const status = readFileSync(`/proc/${this.#process.pid}/status`, 'utf8');
      return Number(/^VmHWM:\s*(\d+) kB$/m.exec(status)?.[1]) / 1024;
    } catch {
      return undefined;
    }
  }

  /** Resolves when it is gone, and its memory with it. */
  async end(): Promise<void> {
    this.#process.stdin!.end();
    await this.#closed();
  }

  async #closed(): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) await once(this.#process, 'close');
  }

  /** @throws Failure when it ended instead */
  async #answer<Answer>(): Promise<Answer> {
    const { value, done } = await this.#lines.next();
    if (done) {
      await this.#closed();
      const killed =
        this.#process.signalCode === 'SIGKILL' ? ', killed: is there memory for all processes at once?' : '';
      throw new Failure(`${this.#process.spawnargs.slice(0, 2).join(' ')}: ended without an answer${killed}`);
    }
    return JSON.parse(value) as Answer;
  }
}
