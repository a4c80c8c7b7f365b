// Prints the findings as a table or as JSON. Runs on Node 20 with nothing installed, so that it can say what is
// missing.
import { parseArgs } from 'node:util';
import { findings } from './findings.mjs';

/**
 * @param {{ json?: boolean }} options
 * @returns {number} the exit code: 1 if something needed is missing
 */
export function doctor({ json = false }) {
  const found = findings();
  const missing = found.filter(({ state }) => state === 'missing');
  const ok = missing.length === 0;
  process.stdout.write(json ? `${JSON.stringify({ ok, findings: found }, null, 2)}\n` : table(found));
  return ok ? 0 : 1;
}

/** The same where the command line itself cannot run yet. @param {string[]} words after `doctor` */
export function runDoctor(words) {
  try {
    const { values } = parseArgs({
      args: words,
      options: { json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
    });
    if (!values.help) return doctor(values);
    process.stdout.write(
      'Usage: nasnet doctor [--json]\n\nWhat this machine has and lacks. Exits 1 if something needed is missing.\n',
    );
    return 0;
  } catch (error) {
    process.stderr.write(`nasnet doctor: ${/** @type {Error} */ (error).message}\n`);
    return 2;
  }
}

/** @param {import('./findings.mjs').Finding[]} found */
export function table(found) {
  const lines = found.flatMap(({ name, state, value, advice }) => [
    `${name.padEnd(10)}${state.padEnd(9)}${value}`,
    ...(advice && state !== 'ok' ? [`${''.padEnd(19)}→ ${advice}`] : []),
  ]);
  const missing = found.filter(({ state }) => state === 'missing').map(({ name }) => name);
  const verdict = missing.length === 0 ? 'Everything needed is here.' : `Missing: ${missing.join(', ')}.`;
  return `${[...lines, '', verdict].join('\n')}\n`;
}
