// The engine for a program that imports the package: found, or built as the command `nasnet` builds it.

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { useAddon } from '../engine/addon.ts';
import { tuneProcess } from '../engine/host-process.ts';
import { devices, libtorch, setThreads } from '../engine/machine.ts';
import { namedAddon } from '../environment.ts';
import { Failure } from '../failure.ts';

export interface ReadyOptions {
  /** Whether a missing or outdated engine is built: that takes minutes and needs a C++ compiler and libtorch. Default true. */
  build?: boolean;
  /** Is given what the set-up writes, a line per step. Default: stderr, and only when something has to be done. */
  onLine?: (line: string) => void;
  /**
   * Sets OMP_WAIT_POLICY=passive and GOMP_SPINCOUNT=2000 in this process unless they are set, and lets sharp decode each image on one
   * thread: right where nothing else of weight runs in the process. Default false.
   */
  tuneProcess?: boolean;
  /** Threads of one operator. Default: libtorch's own choice, all cores. */
  threads?: number;
}

export interface Engine {
  /** Version of the libtorch that the engine was compiled against. */
  libtorch: string;
  /** 'cpu', then 'cuda:0' … */
  devices: string[];
}

/**
 * Loads the tensor engine, after building it where it is missing. Whatever computes (networks, training, the PPO strategy) needs
 * this once before; cells, plans, drawings, studies and the other strategies do not.
 * @returns what was loaded
 * @throws Failure with code 'engine-missing' where it is not there and may not be built, 'engine-not-built' where building fails
 * (the message says at which step and what to do), 'engine-not-loaded' where it does not fit this machine
 */
export async function ready(options: ReadyOptions = {}): Promise<Engine> {
  if (options.tuneProcess) tuneProcess();
  if (namedAddon() === undefined) useAddon(await builtAddon(options));
  const { version } = libtorch();
  if (options.threads !== undefined) setThreads(options.threads);
  return { libtorch: version, devices: devices() };
}

/** The file of an addon that is built from this package's sources. */
async function builtAddon({ build = true, onLine }: ReadyOptions): Promise<string> {
  const { currentAddon, findAddon } = await import('../../scripts/setup/addon.mjs');
  const { Report, SetupFailure } = await import('../../scripts/setup/step.mjs');
  try {
    if (build && !currentAddon()) {
      const { setUp } = await import('../../scripts/setup.mjs');
      await setUp({
        node: process.execPath,
        report: new Report({ quiet: true, ...(onLine && { write: byLine(onLine) }) }),
      });
    }
  } catch (error) {
    if (!(error instanceof SetupFailure)) throw error;
    throw new Failure(error.describe(), { code: 'engine-not-built' });
  }
  const path = findAddon();
  if (path !== undefined && existsSync(path)) return path;
  throw new Failure(
    `the tensor engine is not built: call ready() without build: false, or run node ${fileURLToPath(new URL('../../scripts/setup.mjs', import.meta.url))}`,
    { code: 'engine-missing' },
  );
}

/** The set-up writes parts of lines; whole ones are handed on. */
function byLine(onLine: (line: string) => void): (text: string) => void {
  let open = '';
  return (text) => {
    const lines = (open + text).split('\n');
    open = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  };
}
