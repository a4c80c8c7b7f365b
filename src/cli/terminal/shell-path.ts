// A file's name as a word of the commands that we suggest: pasted into a shell, it is that file, whatever it is called.

import { visible } from '../../visible.ts';

/** Quoted where a shell would read something else. A name that begins as an option does is written as a path. */
export function shellPath(name: string): string {
  const path = name.startsWith('-') ? `./${name}` : name;
  if (/^[\w@%+=:,./#-]+$/.test(path) && !path.startsWith('#')) return path;
  return visible(path) === path ? `'${path.replaceAll("'", `'\\''`)}'` : `$'${escaped(path)}'`;
}

/** As bash and zsh read it between $' and '. */
const escaped = (path: string): string =>
  Array.from(path, (each) => {
    if (each === '\\' || each === "'") return `\\${each}`;
    return visible(each) === each ? each : Array.from(Buffer.from(each), octal).join('');
  }).join('');

const octal = (byte: number): string => `\\${byte.toString(8).padStart(3, '0')}`;
