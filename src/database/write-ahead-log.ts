// Checks the write-ahead log next to a database file (SQLite's file format, section 4; its index: "WAL-mode file
// format", section 2). SQLite applies a log up to the first frame that it cannot read and silently ignores the rest, so
// commits would be lost if the log is damaged, older, missing or that of another file. This module only reads.

import { existsSync, readFileSync } from 'node:fs';
import { endianness } from 'node:os';
import { Failure } from '../failure.ts';

const headerBytes = 32;
const frameHeaderBytes = 24;
const version = 3007000;
const tries = 3; // a writer may start a new log while the two files are read

/**
 * Checks the log of a database file, if there is one.
 * @param place the file without links
 * @param path the name of the file in messages
 * @throws Failure if the log does not contain all commits
 */
export function checkLog(place: string, path: string): void {
  for (let left = tries; ; left--) {
    const index = readIndex(`${place}-shm`); // before the log, which only grows while its index stays the same
    const problem = problemOf(readLog(`${place}-wal`), index);
    if (problem === undefined) return;
    if (left > 1) continue;
    throw new Failure(
      `${path}-wal, the log with the latest changes of ${path}, ${problem}: put the right one back next to the file, or, to continue without those changes, remove ${path}-wal and ${path}-shm`,
    );
  }
}

/** The state of the log according to SQLite's index. */
interface Index {
  /** Number of frames up to the last commit. */
  frames: number;
  /** Number of frames that are also in the database file. */
  merged: number;
  salt: string;
}

interface Log {
  /** Undefined if the log has no valid header. */
  salt: string | undefined;
  /** Number of frames up to the last readable commit. */
  committed: number;
  /** Whether an unreadable commit is followed by another one, so that it was once complete. */
  broken: boolean;
}

function problemOf(log: Log | undefined, index: Index | undefined): string | undefined {
  if (index && index.frames > index.merged) {
    if (!log) return 'is missing';
    if (log.salt !== index.salt) return 'is damaged, older, or that of another file';
    if (log.committed < index.frames) return 'is damaged or older than the last change';
  }
  return log && (log.salt === undefined || log.broken) ? 'is damaged' : undefined;
}

/** Reads the index of a log. Returns undefined if there is none or it is not valid. */
function readIndex(path: string): Index | undefined {
  if (!existsSync(path)) return undefined;
  const bytes = readFileSync(path);
  const isWhole = bytes.length >= 100 && bytes.subarray(0, 48).equals(bytes.subarray(48, 96));
  const number = (at: number) => (endianness() === 'LE' ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at));
  if (!isWhole || number(0) !== version || bytes[12] !== 1) return undefined;
  return { frames: number(16), merged: number(96), salt: bytes.toString('hex', 32, 40) };
}

/** Reads a log. Returns undefined if there is none or it is empty. */
function readLog(path: string): Log | undefined {
  if (!existsSync(path)) return undefined;
  const bytes = readFileSync(path);
  if (bytes.length < headerBytes + frameHeaderBytes || bytes.subarray(0, headerBytes).every((byte) => byte === 0))
    return undefined;
  const magic = bytes.readUInt32BE(0);
  const sum = checksum(bytes, 0, 24, [0, 0], magic);
  const isHeader = (magic & ~1) >>> 0 === 0x377f0682 && bytes.readUInt32BE(4) === version && endsIn(sum, bytes, 24);
  if (!isHeader) return { salt: undefined, committed: 0, broken: true };
  return readFrames(bytes, magic, sum);
}

function readFrames(bytes: Buffer, magic: number, header: Sum): Log {
  const frameBytes = frameHeaderBytes + bytes.readUInt32BE(8);
  const salt = bytes.toString('hex', 16, 24);
  let sum: Sum = header;
  let [readable, broken, committed, committedLater] = [true, false, 0, false];
  for (let frame = 1, at = headerBytes; at + frameBytes <= bytes.length; frame++, at += frameBytes) {
    if (bytes.toString('hex', at + 8, at + 16) !== salt) break; // a frame of an earlier log in the same file
    if (committedLater) broken = true; // frames after a commit are written after it is on disk
    const commits = bytes.readUInt32BE(at + 4) > 0;
    if (readable) {
      sum = checksum(bytes, at + frameHeaderBytes, at + frameBytes, checksum(bytes, at, at + 8, sum, magic), magic);
      readable = endsIn(sum, bytes, at + 16);
    }
    if (commits && readable) committed = frame;
    if (commits && !readable) committedLater = true;
  }
  return { salt, committed, broken };
}

type Sum = readonly [number, number];

/** Computes SQLite's checksum of words in the byte order that the magic number states. */
function checksum(bytes: Buffer, from: number, to: number, [start, second]: Sum, magic: number): Sum {
  let [a, b] = [start, second];
  const word = (at: number) => ((magic & 1) === 1 ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at));
  for (let at = from; at < to; at += 8) {
    a = (a + word(at) + b) >>> 0;
    b = (b + word(at + 4) + a) >>> 0;
  }
  return [a, b];
}

const endsIn = ([a, b]: Sum, bytes: Buffer, at: number) =>
  bytes.readUInt32BE(at) === a && bytes.readUInt32BE(at + 4) === b;
