// The text form of a ladder: rungs separated by commas, the lowest first, each with its changes from the one below it.
//   1,3,9                                 epochs
//   1,3:images=20000,9:filters=16:cells=2 and other changes, separated by colons

import { InputError } from '../failure.ts';
import { within } from '../largest.ts';
import type { Training } from './settings.ts';

/** Changes of a rung from the training below it; of the lowest from the preset's child. */
export interface RungChange {
  epochs?: number;
  /** Training images. */
  images?: number;
  /** F */
  filters?: number;
  /** N */
  cells?: number;
  /** Side of the square input in pixels. */
  resolution?: number;
}

const least = { epochs: Number.MIN_VALUE, images: 1, filters: 1, cells: 0, resolution: 4 } as const;
type Name = keyof typeof least;
const sizes = { epochs: 'epochs', filters: 'filters', cells: 'cells', resolution: 'pixels' } as const;

/** Parses a ladder. @throws InputError if it is not a ladder of at least two rungs */
export function parseRungs(text: string, where = 'rungs'): RungChange[] {
  const rungs = text.split(',').map((rung) => parseRung(rung.trim(), where));
  if (rungs.length < 2)
    throw new InputError(`${where}: expected at least two rungs, such as 1,3,9, got ${JSON.stringify(text)}`);
  return rungs;
}

function parseRung(text: string, where: string): RungChange {
  const rung: RungChange = {};
  for (const part of text.split(':')) {
    const [, name = 'epochs', digits] = /^(?:\s*(\w+)\s*=)?\s*([\d_]+(?:\.\d+)?)\s*$/.exec(part) ?? [];
    const value = Number(digits?.replaceAll('_', ''));
    const known = Object.hasOwn(least, name) ? (name as Name) : undefined;
    const right = known && value >= least[known] && (known === 'epochs' || Number.isInteger(value));
    if (!right || rung[known] !== undefined) {
      const names = Object.keys(least).join(', ');
      throw new InputError(
        `${where}: expected rungs such as 1,3,9 or 1,3:images=20000,9:filters=16 (${names}), got ${JSON.stringify(text)}`,
      );
    }
    rung[known] = known === 'images' ? value : within(sizes[known], value, `${where}: ${known}`);
  }
  return rung;
}

/** Returns the shortest text that parses to these rungs. */
export function printRungs(rungs: readonly RungChange[]): string {
  const printOne = ({ epochs, ...others }: RungChange) => [
    ...(epochs === undefined ? [] : [String(epochs)]),
    ...(Object.keys(least) as Name[])
      .filter((name) => name !== 'epochs' && others[name] !== undefined)
      .map((name) => `${name}=${others[name as Exclude<Name, 'epochs'>]}`),
  ];
  return rungs.map((rung) => printOne(rung).join(':')).join(',');
}

/** Returns the training of a rung from the one below and its changes. */
export function changed(below: Training, change: RungChange): Training {
  const { epochs, images, ...sizes } = change;
  return {
    ...below,
    ...sizes,
    ...(images !== undefined && { trainingImages: images }),
    recipe: { ...below.recipe, ...(epochs !== undefined && { epochs }) },
  };
}
