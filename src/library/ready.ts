// Loads the engine for a program that imports the package, and builds it if necessary, as the command `nasnet` does.

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { useAddon } from '../engine/addon.ts';
import { tuneProcess } from '../engine/host-process.ts';
import { devices, libtorch, setThreads } from '../engine/machine.ts';
import { namedAddon } from '../environment.ts';
import { Failure } from '../failure.ts';

export interface ReadyOptions {
  /**
   * Whether to build a missing or outdated engine, which takes minutes and needs a C++ compiler and libtorch. Default
   * true.
   */
  build?: boolean;
  /** Called with each line of the set-up's output. Default: writes to stderr if there is something to do. */
  onLine?: (line: string) => void;
  /**
   * Sets OMP_WAIT_POLICY=passive and GOMP_SPINCOUNT=2000 in this process unless they are set, and makes sharp decode
   * each image on one thread. Use it if the process does no other heavy work. Default false.
   */
  tuneProcess?: boolean;
  /** Threads of one operator. Default: libtorch's, all cores. */
  threads?: number;
}

export interface Engine {
  /** Version of libtorch that the engine was compiled with. */
  libtorch: string;
  /** Available devices: 'cpu', then 'cuda:0' … */
  devices: string[];
}

/**
 * Loads the tensor engine, and builds it first if it is missing. Call it once before using networks, training or the
 * PPO strategy; cells, plans, drawings, studies and the other strategies do not need it.
 * @returns the version and devices of the engine
 * @throws Failure with code 'engine-missing' if it is missing and `build` is false, 'engine-not-built' if building
 * fails (the message says at which step and what to do), 'engine-not-loaded' if it does not fit this machine
 */
export async function ready(options: ReadyOptions = {}): Promise<Engine> {
  if (options.tuneProcess) tuneProcess();
  if (namedAddon() === undefined) useAddon(await builtAddon(options));
  const { version } = libtorch();
  if (options.threads !== undefined) setThreads(options.threads);
  return { libtorch: version, devices: devices() };
}

/** Returns the path of the addon that is built from this package's sources. */
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

/** Returns a writer of text parts that calls `onLine` with each complete line. */
function byLine(onLine: (line: string) => void): (text: string) => void {
  let open = '';
  return (text) => {
    const lines = (open + text).split('\n');
    open = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  };
}
