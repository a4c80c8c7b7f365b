// A name for plain data that is made of the data alone: equal data has one name on every machine.

import { createHash } from 'node:crypto';

/** SHA-256 of JSON without regard to the order of an object's fields, as hexadecimal digits. What JSON leaves out does not count. */
export function contentIdentity(data: unknown): string {
  const sorted = (_: string, value: unknown): unknown =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)))
      : value;
  return createHash('sha256').update(JSON.stringify(data, sorted)).digest('hex');
}
