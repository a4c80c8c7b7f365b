// Quotes file names in suggested commands for a shell.

import { visible } from './visible.ts';

/** Quotes a name if necessary. A name that starts like an option is written as a path. */
export function shellPath(name: string): string {
  const path = name.startsWith('-') ? `./${name}` : name;
  if (/^[\w@%+=:,./#-]+$/.test(path) && !path.startsWith('#')) return path;
  return visible(path) === path ? `'${path.replaceAll("'", `'\\''`)}'` : `$'${escaped(path)}'`;
}

/** Escapes a name for $'…' of bash and zsh. */
const escaped = (path: string): string =>
  Array.from(path, (each) => {
    if (each === '\\' || each === "'") return `\\${each}`;
    return visible(each) === each ? each : Array.from(new TextEncoder().encode(each), octal).join('');
  }).join('');

const octal = (byte: number): string => `\\${byte.toString(8).padStart(3, '0')}`;
