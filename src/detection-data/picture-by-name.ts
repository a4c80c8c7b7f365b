// Finds a dataset's picture by the name of a file, where only one can be meant.

import { basename } from 'node:path';
import { withoutPictureEnding } from './find-pictures.ts';

/**
 * Returns a function from a file's path or name to the places of the pictures that it may mean: those whose whole name
 * ends the path, else those of the same file name, else those of the same name without an ending.
 */
export function pictureByName(pictures: readonly { name: string }[]): (file: string) => number[] {
  const names = pictures.map(({ name }) => name.replaceAll('\\', '/'));
  const byStem = Map.groupBy(names.keys(), (place) => stem(names[place]!));
  return (file) => {
    const path = file.replaceAll('\\', '/');
    const alike = byStem.get(stem(path)) ?? [];
    const rules = [
      (name: string) => path === name || path.endsWith(`/${name}`),
      (name: string) => basename(name) === basename(path),
    ];
    for (const rule of rules) {
      const found = alike.filter((place) => rule(names[place]!));
      if (found.length > 0) return found;
    }
    return alike;
  };
}

const stem = (path: string): string => withoutPictureEnding(basename(path));
