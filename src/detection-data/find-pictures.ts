// Finds files of a dataset: annotations below a folder, and the picture of a name in the folders where it may be.

import { existsSync, readdirSync } from 'node:fs';
import { extname, join, posix } from 'node:path';
import { byName } from '../data/image-formats.ts';

/** Returns the path of a picture by its name with or without ending; undefined if it is absent. */
export type PictureFinder = (name: string) => string | undefined;

/** Returns the name without its ending. */
export const stemOf = (name: string): string => name.slice(0, name.length - extname(name).length);

/** Returns a name of a list without the ending of a picture: "img.0001" has none. */
export const withoutPictureEnding = (name: string): string => (byName(name) === 'picture' ? stemOf(name) : name);

/** Returns the files below a folder with an ending, sorted by path; hidden ones are not listed. */
export function filesBelow(folder: string, ending: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory() && !entry.name.startsWith('.') && entry.name.toLowerCase().endsWith(ending))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/**
 * Returns a finder that looks in each folder for the name, for the name with a picture's ending, and for the name
 * without its folders. Folders that are absent or undefined are skipped; each is listed once.
 */
export function pictureFinder(folders: readonly (string | undefined)[]): PictureFinder {
  const lists = [...new Set(folders.filter((folder) => folder !== undefined))].map((folder) => new PictureList(folder));
  return (name) => {
    const plain = name.replaceAll('\\', '/');
    for (const wanted of new Set([plain, posix.basename(plain)])) {
      for (const list of lists) {
        const path = list.find(wanted);
        if (path !== undefined) return path;
      }
    }
    return undefined;
  };
}

/** A folder with pictures; its sub-folders are listed when a name needs them. */
class PictureList {
  readonly #folder: string;
  readonly #names = new Map<string, Map<string, string>>(); // by sub-folder: names and stems

  constructor(folder: string) {
    this.#folder = folder;
  }

  find(name: string): string | undefined {
    const place = posix.dirname(name);
    const file = this.#listOf(place).get(posix.basename(name));
    return file === undefined ? undefined : join(this.#folder, place, file);
  }

  #listOf(place: string): Map<string, string> {
    let names = this.#names.get(place);
    if (!names) {
      names = listed(join(this.#folder, place));
      this.#names.set(place, names);
    }
    return names;
  }
}

function listed(folder: string): Map<string, string> {
  if (!existsSync(folder)) return new Map();
  const pictures = readdirSync(folder).filter((name) => byName(name) === 'picture' || /\.bmp$/i.test(name));
  const names = new Map(pictures.map((name) => [stemOf(name), name]));
  for (const name of pictures) names.set(name, name);
  return names;
}
