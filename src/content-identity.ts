// Hashes plain data: equal data has the same identity on every machine.

import { createHash } from 'node:crypto';

/** Returns the SHA-256 of the data as JSON with sorted fields, in hexadecimal. Values that JSON omits do not count. */
export function contentIdentity(data: unknown): string {
  const sorted = (_: string, value: unknown): unknown =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)))
      : value;
  return createHash('sha256').update(JSON.stringify(data, sorted)).digest('hex');
}
