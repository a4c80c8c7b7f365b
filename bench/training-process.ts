// A training process of bench/training.ts, ours or the peer's: started, told to make steps, ended.
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Failure } from '../src/failure.ts';

export interface Hello {
  parameters: number;
  /** Only ours: what the plan says. */
  planned?: number;
  version: string;
}

export interface Steps {
  seconds: number;
  /** Of the last step. */
  loss: number;
}

export interface Size {
  cells: number;
  filters: number;
  batch: number;
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
  /** What it says of itself, once built. */
  readonly hello: Promise<Hello>;

  /** @param start a file that ours writes and the peer reads: parameters and images to start from */
  constructor({ command, script }: Side, size: Size, threads: number, start?: string) {
    const count = String(threads);
    const limits = { OMP_NUM_THREADS: count, OPENBLAS_NUM_THREADS: count, MKL_NUM_THREADS: count };
    const words = [threads, size.cells, size.filters, size.batch].map(String);
    this.#process = spawn(command, [script, ...words, ...(start ? [start] : [])], {
      env: { ...process.env, ...limits, PYTHONDONTWRITEBYTECODE: '1' },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#process.stdin!.on('error', () => {}); // it has ended, which the missing answer says
    this.#lines = createInterface({ input: this.#process.stdout! })[Symbol.asyncIterator]();
    this.hello = this.#answer<Hello>();
  }

  make(steps: number): Promise<Steps> {
    this.#process.stdin!.write(`${steps}\n`);
    return this.#answer<Steps>();
  }

  end(): void {
    this.#process.stdin!.end();
  }

  /** @throws Failure when it ended instead */
  async #answer<Answer>(): Promise<Answer> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Failure(`${this.#process.spawnargs.join(' ')}: ended without an answer`);
    return JSON.parse(value) as Answer;
  }
}
