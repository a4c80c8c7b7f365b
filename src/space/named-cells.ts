// The architectures that have a name on the command line, such as "nasnet-a", each with its title in reports.

import type { Architecture } from './architecture.ts';
import { nasnetA } from './published.ts';

/** Architectures by their name in a MODEL string. */
export const namedCells: Readonly<Record<string, Architecture>> = { 'nasnet-a': nasnetA };

/** Returns the title of a named architecture: "NASNet-A". */
export const cellTitle = (name: string): string => (name === 'nasnet-a' ? 'NASNet-A' : name);
