// Checks external values (JSON of a file or of a database row) against a schema, and refuses them in one sentence:
// where the value is, what was expected, and what was found.

import type { z } from 'zod';
import { InputError } from './failure.ts';

/**
 * Returns the value unchanged, including the order of its keys, if it fits the schema. The schema must not transform
 * it.
 * @param where the file, for the message: "runs/a/study.db"
 * @param what the name of the value in the file: "settings"
 * @throws InputError about the first part that does not fit
 */
export function checked<T>(schema: z.ZodType<T>, value: unknown, where: string, what: string): T {
  assertFits(schema, value, where, what);
  return value;
}

/** Parses JSON; `where` and `what` as in `checked`. @throws InputError if the text is not JSON */
export function parsedJson(text: string, where: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new InputError(`${where}: ${what}: expected JSON, got ${shown(text)} (${(error as Error).message})`);
  }
}

/** Returns the error for a value that does not fit. */
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

/** Returns the expectation in a message such as "Invalid input: expected number, received string". */
function expectedIn(message: string): string {
  const [, expectation = message] = /^[^:]*: (?:expected )?(.*?)(?:, received .*)?$/s.exec(message) ?? [];
  return expectation.replaceAll('"|"', '", "');
}

type Path = readonly PropertyKey[];

/** Returns the place of a value, such as "settings.ladder.rungs[1].recipe.epochs". */
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

/** Returns a value as JSON for a message, at most `most` characters. */
export function shown(value: unknown, most = 60): string {
  if (value === undefined) return 'none';
  const text = jsonOf(value);
  return text.length > most ? `${text.slice(0, most)} …` : text;
}

/** Returns JSON, or a description of a value that is nested too deeply. */
function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch {
    return Array.isArray(value) ? 'a deep list' : 'a deep object';
  }
}
