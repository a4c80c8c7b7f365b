// Which nasnet this is, for all folders: what a result says of its origin.

import { readFileSync } from 'node:fs';

/** The package's version, such as "0.1.0". */
export function nasnetVersion(): string {
  const file = new URL('../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
