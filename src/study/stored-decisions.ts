// The decisions of a trial as its row stores them. Whether they are some of the search's space is space/'s.

import { parsedJson, refusal } from '../checked.ts';
import type { DatabaseFile } from '../database/file.ts';
import type { Row } from '../database/row.ts';

/** Of a row with the columns `number` or `trial`, and `decisions`. @throws InputError for what is no list of whole numbers */
export function storedDecisions(file: DatabaseFile, row: Row): number[] {
  const what = `decisions of trial ${row.number ?? row.trial}`;
  const value = parsedJson(String(row.decisions), file.path, what);
  if (isDecisions(value)) return value;
  throw refusal(file.path, what, 'whole numbers', value);
}

/** By hand: there may be tens of thousands of trials. */
const isDecisions = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((each) => Number.isInteger(each) && each >= 0);
