// Where two trainings differ, for the replica that was started with other flags than the first one.

import { shown } from '../checked.ts';

/** Returns the first difference of two values as JSON, or undefined. */
export function differenceOf(first: string, other: string): string | undefined {
  if (first === other) return undefined;
  const [path, expected, got] = different(JSON.parse(first), JSON.parse(other)) ?? ['', undefined, undefined];
  return `${path.slice(1) || 'another one'}: ${shown(got)}, there ${shown(expected)}`;
}

type Difference = [path: string, first: unknown, other: unknown];

function different(first: unknown, other: unknown, path = ''): Difference | undefined {
  if (JSON.stringify(first) === JSON.stringify(other)) return undefined;
  if (!isObject(first) || !isObject(other)) return [path, first, other];
  const names = new Set([...Object.keys(first), ...Object.keys(other)]);
  for (const name of names) {
    const found = different(first[name], other[name], `${path}.${name}`);
    if (found) return found;
  }
  return [path, first, other];
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
