// What bin/nasnet does: set up what the command needs, then run the command line on Node 24 or newer.
// `doctor` sets nothing up; where the command line cannot run yet, it answers from here.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { runDoctor } from './doctor/doctor.mjs';
import { followLauncher, relay } from './launch/relay.mjs';
import { collapseRepeatedSignals } from './launch/signals.mjs';
import { watchStreams } from './launch/streams.mjs';
import { findAddon } from './setup/addon.mjs';
import { findNode, isNewEnough } from './setup/node.mjs';
import { missingPackages } from './setup/packages.mjs';
import { inCheckout, root } from './setup/places.mjs';
import { SetupFailure } from './setup/step.mjs';
import { setUp } from './setup.mjs';

/** Commands that compute no tensors: they need no libtorch and no compiler. */
const withoutTensors = new Set(['doctor', 'help', 'profile', 'draw', 'show', 'dashboard', 'report', 'convert']);
/** Flags with which a command computes tensors all the same, or none: `detect evaluate` of detections in a file. */
const flagsOfTensors = { with: '--measure', without: '--detections' };
const askingOnly = new Set(['--help', '-h', '--version', '-V']);

/** @param {string} script bin/nasnet itself @param {string[]} words what the user typed after it */
export async function launch(script, words) {
  watchStreams();
  const followed = followLauncher();
  const command = words.find((word) => !word.startsWith('-'));
  if (command === 'doctor' && !canRunCommands()) {
    process.exitCode = runDoctor(words.slice(words.indexOf('doctor') + 1));
    return;
  }
  const asking = words.some((word) => askingOnly.has(word));
  const tensors = words.includes(flagsOfTensors.with) || !withoutTensors.has(command ?? '');
  const addon = command !== undefined && !asking && tensors && !words.includes(flagsOfTensors.without);
  const node = followed || command === 'doctor' ? (findNode() ?? process.execPath) : await setUpOrExit(addon);
  if (!isNewEnough(process.versions.node)) {
    relay(node, [script, ...words]);
    return;
  }
  const built = findAddon();
  // the cache's, of a read-only package
  if (built && dirname(dirname(built)) !== root) process.env.NASNET_ADDON = built;
  collapseRepeatedSignals();
  const { main } = await import(pathToFileURL(commandLine()).href);
  process.exitCode = await main(words);
}

/** The sources in a checkout, the compiled JavaScript in a published package. */
function commandLine() {
  const source = join(root, 'src/cli/main.ts');
  return existsSync(source) ? source : join(root, 'dist/cli/main.js');
}

/** Is all there that the command line itself needs? */
function canRunCommands() {
  return findNode() !== undefined && existsSync(commandLine()) && (!inCheckout || missingPackages(root).length === 0);
}

/** @param {boolean} addon */
async function setUpOrExit(addon) {
  try {
    return await setUp({ addon });
  } catch (error) {
    if (!(error instanceof SetupFailure)) throw error;
    process.stderr.write(`nasnet: ${error.describe()}\n`);
    return process.exit(error.exitCode);
  }
}
