// The log of a bench that can be stopped and resumed: a JSON document a line.

import { appendFileSync, existsSync, readFileSync } from 'node:fs';

/** Returns the lines of a log; none if there is no such file yet. */
export const readLog = <Line>(path: string): Line[] =>
  existsSync(path)
    ? readFileSync(path, 'utf8')
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line))
    : [];

export const appendToLog = (path: string, line: object): void => appendFileSync(path, `${JSON.stringify(line)}\n`);
