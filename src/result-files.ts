// Protects results: a command claims the files that it will write before its work starts. An existing file is replaced
// only if the same command wrote it from the same source and it has not changed since, or with --overwrite; an input of
// the command is never replaced. A record in each folder says what wrote which file. whole-file.ts writes the files.

import { accessSync, constants, existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { InputError } from './failure.ts';
import { hashOfFile } from './file-hash.ts';
import { clearUnfinished, makeFolder, writeFiles, writeWhole } from './whole-file.ts';

export interface ResultFilesOptions {
  /** The source of the files, equal for equal files: 'draw nasnet-a'. */
  of: string;
  /** Files that the command reads. */
  inputs?: readonly string[];
  /** Also replaces files that other commands wrote; never an input. */
  overwrite?: boolean | undefined;
  /**
   * Whether the command also replaces a file that `of` wrote by the record, or that has no record: earlier versions
   * left some of the command's own without one, and a checkpoint says itself whose it is.
   */
  adopts?: (path: string, of: string | undefined) => boolean;
}

export const overwriteHelp = 'replace files that exist, also those that this command did not write';

/** The record in each folder with results: what wrote which file. */
const recordName = '.nasnet-results.json';

const recordBeside = (path: string) => join(dirname(resolve(path)), recordName);

interface Entry {
  of: string;
  /** SHA-256 of the written file; absent while it is being written. */
  sha256?: string;
}

export class ResultFiles {
  readonly #options: ResultFilesOptions;
  readonly #claimed = new Set<string>();

  constructor(options: ResultFilesOptions) {
    this.#options = options;
  }

  /**
   * Claims every file that the work will write, before it starts, creates their folders, and removes what killed
   * processes left of these files. Devices and pipes are not claimed.
   * @throws InputError for an input, a folder, a file that something else wrote, and a place that cannot be written
   */
  claim(...paths: readonly string[]): void {
    this.check(...paths);
    const files = paths.filter((path) => !isDevice(path));
    for (const path of files) this.#claimed.add(path);
    record(files, () => ({ of: this.#options.of }));
    for (const path of new Set(files.flatMap((file) => [file, recordBeside(file)]))) clearUnfinished(path);
  }

  /** Checks files without claiming them. @throws InputError as `claim` */
  check(...paths: readonly string[]): void {
    for (const path of paths) if (!isDevice(path)) this.#check(path);
  }

  /** Records the claimed files after they are written. Files that were not written are dropped from the record. */
  keep(): void {
    this.#keep([...this.#claimed]);
  }

  /**
   * Claims, writes and records texts by file name in a folder; returns their paths. Other claimed files stay claimed.
   */
  write(directory: string, texts: Record<string, string>): string[] {
    const claimed = Object.keys(texts).map((name) => join(directory, name));
    this.claim(...claimed);
    const paths = writeFiles(directory, texts);
    this.#keep(claimed.filter((path) => this.#claimed.has(path)));
    return paths;
  }

  #keep(paths: readonly string[]): void {
    const { of } = this.#options;
    record(paths, (path) => (existsSync(path) ? { of, sha256: hashOfFile(path) } : undefined));
    for (const path of paths) this.#claimed.delete(path);
  }

  #check(path: string): void {
    const { inputs = [], overwrite, adopts, of } = this.#options;
    const input = inputs.find((each) => isSame(each, path));
    if (input !== undefined)
      throw new InputError(`${path}: expected another file than ${input}, which is an input and would be lost`);
    const status = statSync(path, { throwIfNoEntry: false });
    if (status?.isDirectory()) throw new InputError(`${path}: expected a file to write, got a folder`);
    if (!status) {
      makeFolder(dirname(resolve(path)));
      requireWritable(dirname(resolve(path)), path);
      return;
    }
    requireWritable(realpathSync(path), path);
    requireWritable(dirname(realpathSync(path)), path);
    if (overwrite) return;
    const entry = readRecord(dirname(resolve(path)))[basename(path)];
    if (adopts?.(path, entry?.of)) return;
    if (entry?.of === of && (entry.sha256 === undefined || entry.sha256 === hashOfFile(path))) return;
    const whose = !entry ? 'another program or version' : entry.of !== of ? briefly(entry.of) : 'someone since';
    throw new InputError(`${path}: exists already, written by ${whose}; name another place, or let it be replaced`, {
      code: 'result-exists',
    });
  }
}

/** Returns what wrote a file without its settings, which are JSON and may be long. */
const briefly = (of: string): string => of.replace(/ \{.*$/s, ' with other settings');

/** Updates the records of the files' folders, each once. A file without an entry is removed from the record. */
function record(paths: readonly string[], entryOf: (path: string) => Entry | undefined): void {
  for (const [folder, files] of Map.groupBy(paths, (path) => dirname(resolve(path)))) {
    const entries = readRecord(folder);
    for (const path of files) {
      const entry = entryOf(path);
      if (entry) entries[basename(path)] = entry;
      else delete entries[basename(path)];
    }
    writeWhole(join(folder, recordName), [`${JSON.stringify(entries, null, 1)}\n`]);
  }
}

/** Refuses a folder to write that is the source or lies in it: a later reading would find both. */
export function requireOutside(from: string, to: string): void {
  const folder = statSync(from, { throwIfNoEntry: false })?.isDirectory();
  const between = relative(resolve(from), resolve(to));
  if (between === '' || (folder && !between.startsWith('..')))
    throw new InputError(`${to}: expected a folder outside ${from}, which is read`);
}

/** Whether two paths are the same file. */
export function isSame(one: string, other: string): boolean {
  const [a, b] = [one, other].map((path) => statSync(path, { throwIfNoEntry: false }));
  return a !== undefined && b !== undefined && a.ino === b.ino && a.dev === b.dev;
}

function isDevice(path: string): boolean {
  const status = statSync(path, { throwIfNoEntry: false });
  return status !== undefined && !status.isFile() && !status.isDirectory();
}

function requireWritable(place: string, path: string): void {
  try {
    accessSync(place, constants.W_OK);
  } catch (error) {
    throw new InputError(`${path}: cannot be written (${(error as Error).message})`);
  }
}

/** Reads the record of a folder. A damaged record counts as empty: its files then need --overwrite. */
function readRecord(folder: string): Record<string, Entry> {
  try {
    const record: unknown = JSON.parse(readFileSync(join(folder, recordName), 'utf8'));
    const entries = Object.entries(record ?? {}).filter(([, entry]) => typeof (entry as Entry | null)?.of === 'string');
    return Object.fromEntries(entries as [string, Entry][]);
  } catch {
    return {};
  }
}
