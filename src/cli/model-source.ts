// Where the commands read an architecture from: a published name, an architecture file, a trial of a study.

import { readFile } from 'node:fs/promises';
import { InputError } from '../failure.ts';
import { type ArchitectureSource, resolveArchitecture } from '../plan/model-name.ts';
import type { Architecture } from '../space/architecture.ts';

/** @throws InputError for what is missing or is no architecture */
export function readArchitecture(source: ArchitectureSource): Promise<Architecture> {
  return resolveArchitecture(source, {
    readText: (path) => readFile(path, 'utf8').catch((error) => unreadable(path, error)),
    // A study needs SQLite; published cells and files start without it.
    readTrial: async (path, trial) => (await import('./study-architecture.ts')).readTrial(path, trial),
  });
}

function unreadable(path: string, error: NodeJS.ErrnoException): never {
  const got = error.code === 'ENOENT' ? 'no such file' : error.message;
  throw new InputError(`${path}: expected an architecture file, got ${got}`);
}

/** A commander argument parser: a whole number of at least 1. */
export function wholeNumber(flag: string): (text: string) => number {
  return (text) => {
    if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
    throw new InputError(`${flag}: expected a whole number of at least 1, got ${JSON.stringify(text)}`);
  };
}

/** A commander argument parser: a whole number of 0 or more. */
export function countFromZero(flag: string): (text: string) => number {
  return (text) => {
    if (/^\d{1,9}$/.test(text)) return Number(text);
    throw new InputError(`${flag}: expected a whole number, got ${JSON.stringify(text)}`);
  };
}

const magnitudes: Record<string, number> = { '': 1, K: 1e3, M: 1e6, G: 1e9, B: 1e9 };

/** A commander argument parser: a count of at least 1, such as 3346538, 3.3M, 564M or 23.8B. */
export function quantity(flag: string): (text: string) => number {
  return (text) => {
    const [, digits, letter] = /^(\d[\d_,]*(?:\.\d+)?)([KMGB]?)$/i.exec(text) ?? [];
    const value =
      digits === undefined ? 0 : Math.round(Number(digits.replace(/[_,]/g, '')) * magnitudes[letter!.toUpperCase()]!);
    if (value >= 1) return value;
    throw new InputError(`${flag}: expected a count such as 3346538, 3.3M or 23.8B, got ${JSON.stringify(text)}`);
  };
}

/** A commander argument parser: a number above 0. */
export function positiveNumber(flag: string): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && Number.isFinite(value) && value > 0) return value;
    throw new InputError(`${flag}: expected a number above 0, got ${JSON.stringify(text)}`);
  };
}

/** `32`, or `32x48` for height and width. */
export function imageSize(text: string): number | [number, number] {
  const parts = /^([1-9]\d{0,5})(?:x([1-9]\d{0,5}))?$/.exec(text);
  if (!parts)
    throw new InputError(`--input: expected a size in pixels such as 32 or 32x48, got ${JSON.stringify(text)}`);
  return parts[2] ? [Number(parts[1]), Number(parts[2])] : Number(parts[1]);
}
