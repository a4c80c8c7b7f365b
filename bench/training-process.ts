// A process of bench/training.ts, ours or PyTorch's: starts it, runs steps, reads its memory, ends it.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Failure } from '../src/failure.ts';
import type { Buffers } from './training-arrangements.ts';
import type { Case } from './training-cases.ts';

export interface Hello {
  parameters: number;
  /** The planned number of parameters; only from our process. */
  planned?: number;
  version: string;
  /** Seconds to compile or capture before the first step. */
  prepared?: number;
}

export interface Steps {
  seconds: number;
  /** The loss of the last step. */
  loss: number;
  /** The norm of all gradients of the last step before clipping; absent in inference. */
  norm?: number;
  /** Peak GPU memory so far in MiB. */
  deviceMemory?: number;
}

/** The job of a process, its only argument. */
export interface Job extends Omit<Case, 'name' | 'about' | 'steps'> {
  threads: number;
  device: string;
  /** The variant: eager, autocast, graph; PyTorch also compile and compile-graph. */
  variant: string;
  /** Whether a GPU computes full float32 products instead of rounding to 19 bits, to compare the sides. */
  exact?: boolean;
  /** A file with parameters and images to start from, which our process writes and PyTorch's reads. */
  start?: string;
}

export interface Side {
  name: string;
  command: string;
  script: string;
}

/** glibc's settings under which a process keeps what it has freed. */
const keptBuffers = { MALLOC_MMAP_THRESHOLD_: `${2 ** 30}`, MALLOC_TRIM_THRESHOLD_: `${2 ** 30}` };

/** The instruction set of NASNET_KERNELS=avx2 for libtorch, oneDNN, OpenBLAS and MKL too. */
const onlyAvx2 = {
  ATEN_CPU_CAPABILITY: 'avx2',
  ONEDNN_MAX_CPU_ISA: 'AVX2',
  DNNL_MAX_CPU_ISA: 'AVX2',
  OPENBLAS_CORETYPE: 'Haswell',
  MKL_ENABLE_INSTRUCTIONS: 'AVX2',
};

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
  /** Its first message, after it has built the network. */
  readonly hello: Promise<Hello>;

  constructor({ command, script }: Side, job: Job, buffers: Buffers = 'as installed') {
    const count = String(job.threads);
    const limits = { OMP_NUM_THREADS: count, OPENBLAS_NUM_THREADS: count, MKL_NUM_THREADS: count };
    this.#process = spawn(command, [script, JSON.stringify(job)], {
      env: {
        ...process.env,
        ...limits,
        ...(process.env.NASNET_KERNELS === 'avx2' && onlyAvx2),
        ...(buffers === 'kept' && keptBuffers),
        PYTHONDONTWRITEBYTECODE: '1',
        ...(job.exact && { NVIDIA_TF32_OVERRIDE: '0' }),
      },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#process.stdin!.on('error', () => {}); // the process has ended; the missing answer reports it
    this.#process.on('error', () => {}); // likewise
    this.#lines = createInterface({ input: this.#process.stdout! })[Symbol.asyncIterator]();
    this.hello = this.#answer<Hello>();
    this.hello.catch(() => {}); // callers that await it get the error
  }

  async make(steps: number): Promise<Steps> {
    this.#process.stdin!.write(`${steps}\n`);
    const made = await this.#answer<Steps>();
    this.#deviceMemory = made.deviceMemory;
    return made;
  }

  /**
   * Returns its peak memory in MiB, on the GPU if it uses one, otherwise of the whole process; undefined if the system
   * does not report it.
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

  /** Ends the process and resolves when it has exited. */
  async end(): Promise<void> {
    this.#process.stdin!.end();
    await this.#closed();
  }

  async #closed(): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) await once(this.#process, 'close');
  }

  /** Reads the next message. @throws Failure if the process has ended */
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
