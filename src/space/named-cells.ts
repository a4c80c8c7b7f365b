// The architectures that have a name on the command line, such as "nasnet-a", each with its title in reports.

import type { Architecture } from './architecture.ts';
import { nasnetA } from './published.ts';
import { quick } from './quick.ts';

/** Architectures by their name in a MODEL string; the known cells of a budget's search are in this order. */
export const namedCells: Readonly<Record<string, Architecture>> = { quick, 'nasnet-a': nasnetA };

const titles: Readonly<Record<string, string>> = { quick: 'Quick', 'nasnet-a': 'NASNet-A' };

/** Returns the title of a named architecture: "NASNet-A". */
export const cellTitle = (name: string): string => titles[name]!;
