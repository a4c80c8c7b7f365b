// `npm test`: sets up what is missing, then types, lint and tests on Node 24; stops at the first phase that fails. `npm
// test -- space test/data/split.test.ts --test-name-pattern=seed` narrows the tests: folders or files of test/, and
// options of node:test.
import { spawn } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root } from './setup/places.mjs';
import { Report, SetupFailure, seconds } from './setup/step.mjs';
import { setUp } from './setup.mjs';

/** Test files at a time, for two cores: each may load libtorch and use a core, and many wait for other processes. */
const concurrency = 3;

/** A test that hangs fails after ten minutes, by its name, and then its file ends with whatever it left open. */
const testOptions = [`--test-concurrency=${concurrency}`, '--test-timeout=600000', '--test-force-exit'];

/** @param {string[]} words after `npm test --` */
async function main(words) {
  const node = await setUp({ report: new Report({ quiet: true }) });
  const phases = [
    { name: 'types', parameters: [join(root, 'node_modules/typescript/bin/tsc')] },
    {
      name: 'types of the page',
      parameters: [join(root, 'node_modules/typescript/bin/tsc'), '-p', join(root, 'tsconfig.page.json')],
    },
    { name: 'lint', parameters: [join(root, 'node_modules/@biomejs/biome/bin/biome'), 'check'] },
    { name: 'lint of native/', parameters: [join(root, 'scripts/lint-native.mjs')] },
    { name: 'tests', parameters: ['--test', ...testOptions, ...narrowed(words)] },
  ];
  for (const { name, parameters } of phases) {
    const start = performance.now();
    const code = await phase(node, parameters);
    if (code !== 0) {
      process.stderr.write(`\n${name}: failed (exit code ${code}) after ${seconds(performance.now() - start)}\n`);
      return code;
    }
    // node:test's own closing lines stay the last ones.
    if (name !== 'tests') process.stdout.write(`${name}: in order, ${seconds(performance.now() - start)}\n`);
  }
  return 0;
}

/** Options pass as they are; `space` means test/space; no path means every test. @param {string[]} words */
function narrowed(words) {
  const options = words.filter((word) => word.startsWith('-'));
  const paths = words.filter((word) => !word.startsWith('-')).map(testFiles);
  return [...options, ...(paths.length > 0 ? paths : ['test/**/*.test.ts'])];
}

/** @param {string} word */
function testFiles(word) {
  const path = existsSync(join(root, word)) ? word : join('test', word);
  const isFolder = existsSync(join(root, path)) && statSync(join(root, path)).isDirectory();
  return isFolder ? join(path, '**/*.test.ts') : path;
}

/**
 * @param {string} node
 * @param {string[]} parameters
 * @returns {Promise<number>} the exit code
 */
function phase(node, parameters) {
  return new Promise((resolve) => {
    // Whatever starts `node` itself (a package's launcher) must get this one too. Every test file is a process that
    // finds the sources compiled by the one before.
    const NODE_COMPILE_CACHE = process.env.NODE_COMPILE_CACHE ?? join(root, 'build/code');
    const env = { ...process.env, NODE_COMPILE_CACHE, PATH: `${dirname(node)}:${process.env.PATH}` };
    const child = spawn(node, parameters, { cwd: root, stdio: 'inherit', env });
    const stop = (/** @type {NodeJS.Signals} */ signal) => child.kill(signal);
    process.on('SIGINT', stop).on('SIGTERM', stop);
    child.on('error', (error) => {
      process.stderr.write(`${node} could not be started: ${error.message}\n`);
      resolve(1);
    });
    child.on('close', (code) => {
      process.off('SIGINT', stop).off('SIGTERM', stop);
      resolve(code ?? 1);
    });
  });
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof SetupFailure)) throw error;
  process.stderr.write(`${error.describe()}\n`);
  process.exitCode = error.exitCode;
}
