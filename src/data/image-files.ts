// Finds the images below a folder by name and, for unknown names, by their first bytes, and counts omitted files by
// kind. Pipes, devices, cyclic links and unreadable folders are skipped.

import { type Dirent, readdirSync, statSync } from 'node:fs';
import { dirname, extname, join, resolve, sep } from 'node:path';
import { whole } from '../words.ts';
import { isForeign, isHidden } from './folder-names.ts';
import { byName, formatOf, readHead } from './image-formats.ts';

export interface ImageFile {
  path: string;
  bytes: number;
  modified: number;
}

/** Counts omitted files by kind: '.txt files', 'hidden'. */
export class OmittedFiles {
  readonly counts = new Map<string, number>();

  add(kind: string): void {
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
  }

  /** Returns "20 .bmp (a BMP image, not read), 3 .txt, 1 hidden", most frequent first; '' if nothing was omitted. */
  words(most = 8): string {
    const sorted = [...this.counts].sort(([one, a], [other, b]) => b - a || (one < other ? -1 : 1));
    const shown = sorted.slice(0, most).map(([kind, count]) => `${whole(count)} ${kind}`);
    return sorted.length > most ? `${shown.join(', ')} and ${sorted.length - most} kinds more` : shown.join(', ');
  }
}

/**
 * Returns all images below a folder at any depth, sorted by path. A folder with several links to it is visited once, a
 * parent folder never. A broken link counts as an image, which cannot be read later.
 */
export function imageFilesBelow(folder: string, omitted = new OmittedFiles()): ImageFile[] {
  const images: ImageFile[] = [];
  const root = join(folder);
  const entered = new Set<string>(); // includes parents: a link to one would add all other classes
  for (let above = resolve(root); above !== dirname(above); above = dirname(above))
    enteredFirst(dirname(above), entered);
  const enter = (current: string) => {
    if (!enteredFirst(current, entered)) return;
    const before = current === '.' ? '' : current.endsWith(sep) ? current : current + sep;
    for (const entry of entriesOf(current, omitted)) {
      if (isHidden(entry.name)) omitted.add('hidden');
      else visit(entry, before + entry.name);
    }
  };
  const visit = (entry: Dirent, path: string) => {
    const kind = kindOf(entry, path);
    if (kind === 'lost' && byName(entry.name) !== 'picture') omitted.add('broken link');
    else if (kind === 'folder') {
      if (isForeign(entry.name)) omitted.add(`folder ${JSON.stringify(entry.name)}`);
      else enter(path);
    } else if (kind === 'special') omitted.add('special (a pipe, device or socket)');
    else if (isImage(entry.name, path, omitted)) {
      const status = statOf(path);
      images.push({ path, bytes: status?.size ?? 0, modified: status?.mtimeMs ?? 0 });
    }
  };
  enter(root);
  return images.sort((one, other) => (one.path < other.path ? -1 : 1)); // all paths start with the folder
}

/** Returns the names of sub-folders that may contain images, including links. */
export function visibleFolders(folder: string, omitted = new OmittedFiles()): string[] {
  const folders = entriesOf(folder, omitted).filter(
    (entry) => !isHidden(entry.name) && kindOf(entry, join(folder, entry.name)) === 'folder',
  );
  for (const { name } of folders) if (isForeign(name)) omitted.add(`folder ${JSON.stringify(name)}`);
  return folders.map(({ name }) => name).filter((name) => !isForeign(name));
}

/** Counts images next to the class folders, which belong to no class. */
export function countLoose(folder: string, omitted: OmittedFiles): void {
  for (const { name } of entriesOf(folder, omitted).filter((entry) => entry.isFile()))
    if (!isHidden(name) && byName(name) === 'picture') omitted.add('next to the class folders');
}

function entriesOf(folder: string, omitted: OmittedFiles): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    omitted.add('folder that may not be read');
    return [];
  }
}

/** Whether a folder was not visited before by another path. */
function enteredFirst(folder: string, entered: Set<string>): boolean {
  const status = statOf(folder);
  if (!status) return false;
  const identity = `${status.dev}:${status.ino}`;
  if (entered.has(identity)) return false;
  entered.add(identity);
  return true;
}

/** Returns undefined also for a link to itself. */
function statOf(path: string) {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

function kindOf(entry: Dirent, path: string): 'folder' | 'file' | 'special' | 'lost' {
  const what = entry.isSymbolicLink() ? (statOf(path) ?? 'lost') : entry;
  if (what === 'lost') return 'lost';
  if (what.isFile()) return 'file';
  return what.isDirectory() ? 'folder' : 'special';
}

/** Whether a file is an image; other files are counted. */
function isImage(name: string, path: string, omitted: OmittedFiles): boolean {
  const known = byName(name);
  if (known === 'picture') return true;
  const ending = extname(name).toLowerCase() || 'without an ending';
  if (known === 'other') {
    omitted.add(ending);
    return false;
  }
  try {
    const format = formatOf(readHead(path));
    if (format?.read) return true;
    omitted.add(format ? `${ending} (${format.title}, not read here)` : ending);
  } catch {
    omitted.add(`${ending} (may not be read)`);
  }
  return false;
}
