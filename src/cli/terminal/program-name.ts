// The program's name in suggested commands, which can be pasted where the user is: in a checkout the path of its
// bin/nasnet, else the installed name.

import { isAbsolute, relative, resolve, sep } from 'node:path';
import { shellPath } from '../../shell-path.ts';

const program = resolve(import.meta.dirname, '../../../bin/nasnet');

export const programName = import.meta.filename.endsWith('.ts') ? pathFrom(process.cwd()) : 'nasnet';

/** Returns ./bin/nasnet in the checkout and the absolute path outside it. */
function pathFrom(folder: string): string {
  const path = relative(folder, program);
  return path.startsWith('..') || isAbsolute(path) ? shellPath(program) : `.${sep}${path}`;
}
