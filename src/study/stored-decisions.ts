// Parses the stored decisions of a trial. space/ checks that they are of the search's space.

import { parsedJson, refusal } from '../checked.ts';
import type { DatabaseFile } from '../database/file.ts';
import type { Row } from '../database/row.ts';

/**
 * Returns the decisions of a row with the columns `number` or `trial`, and `decisions`.
 * @throws InputError if they are not a list of integers
 */
export function storedDecisions(file: DatabaseFile, row: Row): number[] {
  const what = `decisions of trial ${row.number ?? row.trial}`;
  const value = parsedJson(String(row.decisions), file.path, what);
  if (isDecisions(value)) return value;
  throw refusal(file.path, what, 'whole numbers', value);
}

/** A check by hand is fast enough for tens of thousands of trials. */
const isDecisions = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((each) => Number.isInteger(each) && each >= 0);
