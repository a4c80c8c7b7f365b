// One set-up at a time in one folder: a lock file that names its holder, and is taken over when the holder is gone.
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * A holder on another machine (a shared file system) counts as gone when its lock has not been touched for this long.
 */
const heartbeatLimit = 60_000; // ms
const heartbeat = 10_000; // ms

/**
 * Runs work while holding the lock; waits for another holder, and says so once.
 * @template T
 * @param {string} path of the lock file
 * @param {(holder: string) => void} onWait
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(path, onWait, work) {
  mkdirSync(dirname(path), { recursive: true });
  const mine = JSON.stringify({ process: process.pid, started: startTime(process.pid), machine: hostname() });
  let waited = false;
  while (!acquire(path, mine)) {
    if (!waited) onWait(holderOf(path));
    waited = true;
    await sleep(200);
  }
  const beating = setInterval(() => touch(path), heartbeat);
  beating.unref();
  try {
    return await work();
  } finally {
    clearInterval(beating);
    if (read(path) === mine) rmSync(path, { force: true });
  }
}

/**
 * Appears at once with its content, or not at all: a link to a finished file. @param {string} path @param {string} mine
 */
function acquire(path, mine) {
  const written = `${path}.${process.pid}`;
  writeFileSync(written, mine);
  try {
    linkSync(written, path);
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error;
    removeIfAbandoned(path);
    return false;
  } finally {
    rmSync(written, { force: true });
  }
}

/** @param {string} path */
function removeIfAbandoned(path) {
  const content = read(path);
  if (content === undefined || !isAbandoned(path, content)) return;
  const aside = `${path}.${process.pid}.aside`;
  try {
    renameSync(path, aside); // only one of several waiting processes succeeds
    if (read(aside) !== content) linkSync(aside, path); // another had taken over in between: give it back
  } catch {
    // another was first; the next try sees whose it is
  }
  rmSync(aside, { force: true });
}

/** @param {string} path @param {string} content */
function isAbandoned(path, content) {
  try {
    const holder = JSON.parse(content);
    if (holder.machine === hostname()) return !isAlive(holder.process) || startTime(holder.process) !== holder.started;
  } catch {
    // not ours, or damaged: its age decides
  }
  try {
    return Date.now() - statSync(path).mtimeMs > heartbeatLimit;
  } catch {
    return false;
  }
}

/** @param {number} process_ */
function isAlive(process_) {
  try {
    process.kill(process_, 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM';
  }
}

/**
 * Tells a process from a later one with the same number: Linux's start time in clock ticks since boot. @param {number}
 * process_
 */
function startTime(process_) {
  const status = read(`/proc/${process_}/stat`);
  return status ? (status.slice(status.lastIndexOf(')')).split(' ')[20] ?? '') : '';
}

/** @param {string} path */
function holderOf(path) {
  try {
    const { process: number, machine } = JSON.parse(read(path) ?? '');
    return `process ${number} on ${machine}`;
  } catch {
    return 'another process';
  }
}

/** @param {string} path */
function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** @param {string} path */
function touch(path) {
  try {
    utimesSync(path, new Date(), new Date());
  } catch {
    // the lock was taken away by hand: nothing to keep alive
  }
}
