// Checks a value that comes from outside (JSON of a file or of a database's row) against a schema, and refuses it in one sentence: where it
// stands, what was expected, what was found.

import type { z } from 'zod';
import { InputError } from './failure.ts';

/**
 * The value itself, its keys in the order in which they came: the schema must not transform it. `where` names the file, `what` the part of
 * it that the value is: "runs/a/study.db" and "settings". @throws InputError about the first part that does not fit
 */
export function checked<T>(schema: z.ZodType<T>, value: unknown, where: string, what: string): T {
  assertFits(schema, value, where, what);
  return value;
}

/** @throws InputError for text that is not JSON; the names as above */
export function parsedJson(text: string, where: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new InputError(`${where}: ${what}: expected JSON, got ${shown(text)} (${(error as Error).message})`);
  }
}

/** The sentence for a value that does not fit. */
export const refusal = (where: string, place: string, expected: string, got: unknown): InputError =>
  new InputError(`${where}: ${place}: expected ${expected}, got ${shown(got)}`);

function assertFits<T>(schema: z.ZodType<T>, value: unknown, where: string, what: string): asserts value is T {
  const result = schema.safeParse(value);
  if (result.success) return;
  const [issue] = result.error.issues;
  if (!issue) throw result.error;
  const unknownKeys = issue.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : [];
  const path = [...issue.path, ...unknownKeys];
  const expected = unknownKeys.length > 0 ? 'no such field' : expectedIn(issue.message);
  throw refusal(where, placeOf(what, path), expected, valueAt(value, path));
}

/** Of a message such as "Invalid input: expected number, received string". */
function expectedIn(message: string): string {
  const [, said = message] = /^[^:]*: (?:expected )?(.*?)(?:, received .*)?$/s.exec(message) ?? [];
  return said.replaceAll('"|"', '", "');
}

type Path = readonly PropertyKey[];

/** "settings.ladder.rungs[1].recipe.epochs" */
const placeOf = (what: string, path: Path): string =>
  path.reduce<string>(
    (place, step) => (typeof step === 'number' ? `${place}[${step}]` : `${place}.${String(step)}`),
    what,
  );

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (part, step) => (typeof part === 'object' && part !== null ? Reflect.get(part, step) : undefined),
    value,
  );
}

/** A value in a message: JSON, at most so many characters of it. */
export function shown(value: unknown, most = 60): string {
  if (value === undefined) return 'none';
  const text = jsonOf(value);
  return text.length > most ? `${text.slice(0, most)} …` : text;
}

/** A value of a stranger's file may be nested deeper than it can be written. */
function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch {
    return Array.isArray(value) ? 'a deep list' : 'a deep object';
  }
}
