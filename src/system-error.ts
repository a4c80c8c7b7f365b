// Explains errors of the operating system in one sentence: which file, which operation, and the reason. Folders that
// know more (a database, the cache) explain their own errors.

import { Failure, InputError } from './failure.ts';

/** Operations by the name of the system call; an unlisted one is shown by its name. */
const operations: Readonly<Record<string, string>> = {
  access: 'used',
  chmod: 'changed in its permissions',
  close: 'closed',
  copyfile: 'copied',
  fstat: 'examined',
  fsync: 'written to disk',
  ftruncate: 'truncated',
  link: 'linked',
  lstat: 'examined',
  mkdir: 'created',
  mkdtemp: 'created',
  open: 'opened',
  opendir: 'listed',
  read: 'read',
  readlink: 'followed',
  realpath: 'followed',
  rename: 'renamed',
  rmdir: 'removed',
  scandir: 'listed',
  spawn: 'started',
  stat: 'examined',
  statfs: 'examined',
  unlink: 'removed',
  write: 'written',
};

/** Errors of the path that the user named; all others are errors of the machine. */
const pathErrors = new Set(['EINVAL', 'EISDIR', 'ELOOP', 'ENAMETOOLONG', 'ENOENT', 'ENOTDIR', 'ENXIO']);

/** Whether an error comes from the operating system. */
export function isSystemError(error: unknown): error is NodeJS.ErrnoException & { code: string; syscall: string } {
  if (!(error instanceof Error)) return false;
  const { code, syscall } = error as NodeJS.ErrnoException;
  return typeof syscall === 'string' && typeof code === 'string' && /^E[A-Z0-9]+$/.test(code);
}

/** Returns Node's reason: "permission denied", "no such file or directory". */
export const reasonOf = ({ message }: Error): string => /^E[A-Z0-9]+: ([^,]+)/.exec(message)?.[1] ?? message;

/** Returns an error of the operating system as an error with one sentence; undefined for any other error. */
export function systemFailure(error: unknown): Failure | InputError | undefined {
  if (!isSystemError(error)) return undefined;
  const { code, syscall, path, message } = error;
  const [verb = ''] = syscall.split(' '); // "spawn python3"
  const reason = /^E[A-Z0-9]+: /.test(message) ? `${reasonOf(error)} (${code})` : message;
  const sentence = `${path ?? 'a file'}: could not be ${operations[verb] ?? `used (${syscall})`}: ${reason}`;
  return pathErrors.has(code)
    ? new InputError(sentence, { code: 'system' })
    : new Failure(sentence, { code: 'system', fields: { reason: code } });
}
