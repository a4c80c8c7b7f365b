// The version of nasnet, which results record.

import { readFileSync } from 'node:fs';

/** Returns the package's version, such as "0.1.0". */
export function nasnetVersion(): string {
  const file = new URL('../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
