// Errors of the operating system as sentences: which file, what was tried, why it was refused. Like failure.ts for every folder; what a
// folder knows better (a database's disk, the cache's place) it says itself.

import { Failure, InputError } from './failure.ts';

/** What was tried, by the system's name for it; of what is missing here the name itself is said. */
const tried: Readonly<Record<string, string>> = {
  access: 'used',
  chmod: 'given its rights',
  close: 'written to its end',
  copyfile: 'copied',
  fstat: 'looked at',
  fsync: 'written to the disk',
  ftruncate: 'cut',
  link: 'linked',
  lstat: 'looked at',
  mkdir: 'made',
  mkdtemp: 'made',
  open: 'opened',
  opendir: 'listed',
  read: 'read',
  readlink: 'followed',
  realpath: 'followed',
  rename: 'renamed',
  rmdir: 'removed',
  scandir: 'listed',
  spawn: 'started',
  stat: 'looked at',
  statfs: 'looked at',
  unlink: 'removed',
  write: 'written',
};

/** Refusals for what the user named; all others are the machine's. */
const ofTheName = new Set(['EINVAL', 'EISDIR', 'ELOOP', 'ENAMETOOLONG', 'ENOENT', 'ENOTDIR', 'ENXIO']);

/** Whether an error comes from the operating system, not from our code. */
export function isSystemError(error: unknown): error is NodeJS.ErrnoException & { code: string; syscall: string } {
  if (!(error instanceof Error)) return false;
  const { code, syscall } = error as NodeJS.ErrnoException;
  return typeof syscall === 'string' && typeof code === 'string' && /^E[A-Z0-9]+$/.test(code);
}

/** "permission denied", "no such file or directory": Node's own words. */
export const reasonOf = ({ message }: Error): string => /^E[A-Z0-9]+: ([^,]+)/.exec(message)?.[1] ?? message;

/** The sentence of a system's error; undefined for any other. */
export function systemFailure(error: unknown): Failure | InputError | undefined {
  if (!isSystemError(error)) return undefined;
  const { code, syscall, path, message } = error;
  const [verb = ''] = syscall.split(' '); // "spawn python3"
  const reason = /^E[A-Z0-9]+: /.test(message) ? `${reasonOf(error)} (${code})` : message;
  const sentence = `${path ?? 'a file'}: could not be ${tried[verb] ?? `used (${syscall})`}: ${reason}`;
  return ofTheName.has(code)
    ? new InputError(sentence, { code: 'system' })
    : new Failure(sentence, { code: 'system', fields: { reason: code } });
}
