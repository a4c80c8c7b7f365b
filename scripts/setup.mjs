// Sets up what is missing: npm packages, Node 24, libtorch, the addon. Node 20 runs this file and those in setup/.
// `node scripts/setup.mjs` does it with a line per step; bin/nasnet and the test runner call setUp.
import { existsSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildAddon, currentAddon, sourceName } from './setup/addon.mjs';
import { withLock } from './setup/lock.mjs';
import { fetchNode, findNode, oldestNode } from './setup/node.mjs';
import { installPackages, missingPackages } from './setup/packages.mjs';
import { inCheckout, root, writableHome } from './setup/places.mjs';
import { Report, SetupFailure, stopCommands } from './setup/step.mjs';

/**
 * @param {{ addon?: boolean, report?: Report, node?: string }} [options] addon: false for commands that need no
 * tensors; node: the one that will load the addon, as it is, where that is not to be found or fetched
 * @returns {Promise<string>} the Node to run everything with
 * @throws {SetupFailure}
 */
export async function setUp({ addon = true, report = new Report({ quiet: true }), node: given } = {}) {
  const node = given ?? findNode();
  if (node && packagesMissing().length === 0 && (!addon || currentAddon())) {
    if (!report.quiet) await everyStep(addon, report, given);
    return node;
  }
  const lock = join(writableHome(), 'build/setup.lock');
  return withLock(
    lock,
    (holder) => report.note(`another set-up is at work (${holder}); waiting for it`),
    () => withSignals(() => everyStep(addon, report, given)),
  );
}

/** @param {boolean} addon @param {Report} report @param {string} [given] */
async function everyStep(addon, report, given) {
  const missing = packagesMissing();
  if (missing.length === 0) report.skipped('packages', inCheckout ? 'as the lock file says' : 'installed by npm');
  else {
    await report.step('packages', `npm ci (${missing.length} packages missing)`, async () => {
      await installPackages(root);
      const still = packagesMissing();
      if (still.length > 0)
        throw new SetupFailure(`npm left out ${still.slice(0, 3).join(', ')}`, {
          advice: 'run npm ci and read what it says',
        });
      return {};
    });
  }
  let node = given ?? findNode();
  if (node)
    report.skipped(
      'node',
      `${node === process.execPath ? `this machine's ${process.versions.node}` : `Node ${oldestNode} in ${node}`}`,
    );
  else {
    const fetched = { path: '' };
    await report.step(
      'node',
      `Node ${oldestNode} from the npm registry (this machine's is ${process.versions.node})`,
      async () => {
        fetched.path = await fetchNode();
        return {};
      },
    );
    node = fetched.path;
  }
  if (!addon) return node;
  const record = currentAddon();
  if (record) {
    const { version, lib, source } = record.libtorch;
    report.skipped('libtorch', `${version} in ${lib} (${sourceName(source)})`);
    report.skipped('addon', 'built from these sources and this libtorch');
  } else await buildAddon(report, node);
  return node;
}

/** An installed package has its dependencies from npm already. */
function packagesMissing() {
  return inCheckout && existsSync(join(root, 'package-lock.json')) ? missingPackages(root) : [];
}

/**
 * Told to stop, the set-up ends its commands first, so that no npm or compiler goes on behind the next one's back.
 * @template T @param {() => Promise<T>} work
 */
async function withSignals(work) {
  /** @type {NodeJS.Signals | undefined} */
  let stopped;
  const stop = (/** @type {NodeJS.Signals} */ signal) => {
    stopped = signal;
    stopCommands(signal);
  };
  /** @type {NodeJS.Signals[]} */
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of signals) process.on(signal, stop);
  try {
    return await work();
  } catch (error) {
    if (stopped) throw new SetupFailure(`told to stop (${stopped})`, { advice: 'nothing', exitCode: 130 });
    throw error;
  } finally {
    for (const signal of signals) process.off(signal, stop);
  }
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const start = performance.now();
  try {
    await setUp({ report: new Report() });
    process.stderr.write(`  all in place after ${((performance.now() - start) / 1000).toFixed(1)} s\n`);
  } catch (error) {
    if (!(error instanceof SetupFailure)) throw error;
    process.stderr.write(`${error.describe()}\n`);
    process.exitCode = error.exitCode;
  }
}
