// Results are never lost: the files that a command is about to write are claimed before its work begins. A file that exists is replaced only if the
// same command wrote it for the same thing and nobody changed it since, or with --overwrite; a file that the command reads is never
// replaced. Who wrote what stands in a small record in each folder. Writing itself is whole-file.ts's.

import { accessSync, constants, existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { InputError } from './failure.ts';
import { hashOfFile } from './file-hash.ts';
import { makeFolder, writeFiles, writeWhole } from './whole-file.ts';

export interface ResultFilesOptions {
  /** What the files are made from, the same text whenever they are to be the same: 'draw nasnet-a'. */
  of: string;
  /** Files that the command reads. */
  inputs?: readonly string[];
  /** Replaces what others wrote, too; never an input. */
  overwrite?: boolean | undefined;
  /** Takes files without a record for its own: those of a study that was finished before there were records. */
  adopt?: boolean;
}

export const overwriteHelp = 'replace files that exist, also those that this command did not write';

/** In each folder with results: who wrote which file. */
const recordName = '.nasnet-results.json';

interface Entry {
  of: string;
  /** Of the file as it was written; absent while it is being written. */
  sha256?: string;
}

export class ResultFiles {
  readonly #options: ResultFilesOptions;
  readonly #claimed = new Set<string>();

  constructor(options: ResultFilesOptions) {
    this.#options = options;
  }

  /**
   * To be called before the work with every file that it will write; makes their folders. What is no file, such as /dev/null or a pipe, is
   * only written to.
   * @throws InputError for an input, a folder, a file of someone else, and a place that cannot be written
   */
  claim(...paths: readonly string[]): void {
    this.check(...paths);
    const files = paths.filter((path) => !isDevice(path));
    for (const path of files) this.#claimed.add(path);
    record(files, () => ({ of: this.#options.of }));
  }

  /** What claim() refuses, without a claim. @throws InputError as claim() */
  check(...paths: readonly string[]): void {
    for (const path of paths) if (!isDevice(path)) this.#check(path);
  }

  /** To be called when the claimed files are written. Those that were not written are forgotten. */
  keep(): void {
    const { of } = this.#options;
    record([...this.#claimed], (path) => (existsSync(path) ? { of, sha256: hashOfFile(path) } : undefined));
    this.#claimed.clear();
  }

  /** Texts by file name, claimed, written into a folder and kept; returns their paths. */
  write(directory: string, texts: Record<string, string>): string[] {
    this.claim(...Object.keys(texts).map((name) => join(directory, name)));
    const paths = writeFiles(directory, texts);
    this.keep();
    return paths;
  }

  #check(path: string): void {
    const { inputs = [], overwrite, adopt, of } = this.#options;
    const input = inputs.find((each) => isSame(each, path));
    if (input !== undefined)
      throw new InputError(`${path}: expected another file than ${input}, which is read: it would be lost`);
    const found = statSync(path, { throwIfNoEntry: false });
    if (found?.isDirectory()) throw new InputError(`${path}: expected a file to write, got a folder`);
    if (!found) {
      makeFolder(dirname(resolve(path)));
      requireWritable(dirname(resolve(path)), path);
      return;
    }
    requireWritable(realpathSync(path), path);
    requireWritable(dirname(realpathSync(path)), path);
    if (overwrite) return;
    const entry = readRecord(dirname(resolve(path)))[basename(path)];
    if (!entry && adopt) return;
    if (entry?.of === of && (entry.sha256 === undefined || entry.sha256 === hashOfFile(path))) return;
    const whose = !entry ? 'another program or version' : entry.of !== of ? entry.of : 'someone since';
    throw new InputError(`${path}: exists already, written by ${whose}; name another place, or let it be replaced`, {
      code: 'result-exists',
    });
  }
}

/** Changes the records of the files' folders, each once; without an entry a file is forgotten. */
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

/** Whether two paths are one file, by whatever names. */
function isSame(one: string, other: string): boolean {
  const [a, b] = [one, other].map((path) => statSync(path, { throwIfNoEntry: false }));
  return a !== undefined && b !== undefined && a.ino === b.ino && a.dev === b.dev;
}

function isDevice(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  return found !== undefined && !found.isFile() && !found.isDirectory();
}

function requireWritable(place: string, path: string): void {
  try {
    accessSync(place, constants.W_OK);
  } catch (error) {
    throw new InputError(`${path}: cannot be written (${(error as Error).message})`);
  }
}

/** A damaged record is none: the files then need --overwrite. */
function readRecord(folder: string): Record<string, Entry> {
  try {
    const record: unknown = JSON.parse(readFileSync(join(folder, recordName), 'utf8'));
    const entries = Object.entries(record ?? {}).filter(([, entry]) => typeof (entry as Entry | null)?.of === 'string');
    return Object.fromEntries(entries as [string, Entry][]);
  } catch {
    return {};
  }
}
