// What every kind of worker process has in common: the last lines that it wrote, and its end, told once and after its output.

import type { ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';
import { eachLine } from './line-splitter.ts';

const keptLines = 20;
const keptLineLength = 400;
const millisecondsForOutput = 500;

/** The last lines of a process, each cut to its beginning. */
export class LastLines {
  readonly #lines: string[] = [];

  add(line: string): void {
    this.#lines.push(line.slice(0, keptLineLength));
    if (this.#lines.length > keptLines) this.#lines.shift();
  }

  /** Adds what a stream says until its end. */
  read(stream: Readable): void {
    eachLine(stream, keptLineLength, (line) => this.add(line));
  }

  all(): string[] {
    return [...this.#lines];
  }
}

/**
 * Calls `onEnd` once: when the process has ended and its output is read, or a moment after its exit if another process holds the output
 * open, or when it could not even be started. An error of the process is added to its lines.
 */
export function whenEnded(
  child: ChildProcess,
  lines: LastLines,
  onEnd: (code: number | null, signal: NodeJS.Signals | null) => void,
): void {
  let ended = false;
  let waiting: NodeJS.Timeout;
  const end = (code: number | null, signal: NodeJS.Signals | null) => {
    clearTimeout(waiting);
    if (ended) return;
    ended = true;
    onEnd(code, signal);
  };
  child.on('close', end);
  child.on('exit', (code, signal) => (waiting = setTimeout(end, millisecondsForOutput, code, signal)));
  child.on('error', (error) => {
    lines.add(error.message);
    if (child.pid === undefined) end(null, null);
  });
}
