// Checks that an exported Python file computes the same as the engine, by running the file's own check.

import { execFile } from 'node:child_process';
import { Failure, InputError } from '../../failure.ts';
import { isSystemError } from '../../system-error.ts';

export interface CheckOptions {
  /** The Python program. Default: python3. */
  python?: string | undefined;
  signal?: AbortSignal | undefined;
}

/** The result of the check, or the reason why it could not run. */
export type CheckResult = { largestDifference: number } | { unverified: string };

/**
 * Runs the check of an exported file.
 * @throws Failure if the logits differ by more than 1e-4 or the file does not run; the signal's reason if it is aborted
 */
export async function checkPyTorch(file: string, { python = 'python3', signal }: CheckOptions): Promise<CheckResult> {
  const { code, stdout, stderr } = await run(python, file, signal);
  signal?.throwIfAborted();
  if (code === 'ENOENT') return { unverified: `${python} is not installed` };
  if (typeof code === 'string' && /^E[A-Z]+$/.test(code))
    throw new InputError(`${python}: expected a program that runs Python files, but it could not be started (${code})`);
  if (/No module named '?torch/.test(stderr)) return { unverified: `${python} has no torch` };
  const [, figure] = /relative difference [^:]*: (\S+)/.exec(stdout) ?? [];
  if (figure === undefined) {
    const last = stderr.trim().split('\n').at(-1);
    throw new Failure(`${python} could not run the exported file (${last || `exit code ${code}`}): nothing is written`);
  }
  if (code === 0) return { largestDifference: Number(figure) };
  throw new Failure(
    `expected PyTorch's logits within 1e-4 of the network's, relative, got ${figure}: nothing is written`,
  );
}

type ProcessResult = { code: number | string | undefined; stdout: string; stderr: string };

function run(program: string, file: string, signal: AbortSignal | undefined): Promise<ProcessResult> {
  return new Promise<ProcessResult>((resolve) => {
    execFile(program, [file], { signal }, (error, stdout, stderr) => {
      resolve({ code: error ? (error.code ?? error.signal ?? undefined) : 0, stdout, stderr });
    });
  }).catch((error) => {
    if (isSystemError(error)) return { code: error.code, stdout: '', stderr: '' }; // refused before there was a process
    throw error;
  });
}
