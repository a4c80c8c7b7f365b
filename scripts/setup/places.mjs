// Where things stand: the package's own folder, the folder for what is built, and the user's cache.
// Plain paths and one question (may I write here?); nothing is created.
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of package.json, in a checkout and in an installed package alike. */
export const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/** A checkout has TypeScript sources and a lock file; the published package has dist/ and neither. */
export const inCheckout = existsSync(join(root, 'src/cli/main.ts')) || existsSync(join(root, 'package-lock.json'));

/** This package's version, from package.json. */
export const version = String(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version);

/** The cache root that data/ uses too: NASNET_CACHE, else $XDG_CACHE_HOME/nasnet, else ~/.cache/nasnet. */
export function cacheRoot(environment = process.env) {
  if (environment.NASNET_CACHE) return environment.NASNET_CACHE;
  return join(environment.XDG_CACHE_HOME || join(environment.HOME || homedir(), '.cache'), 'nasnet');
}

/** Where set-up may write: the package's folder, or a folder of this version in the cache if that is read-only. */
export function writableHome(environment = process.env) {
  return isWritable(root) ? root : join(cacheRoot(environment), `package-${version}`);
}

/** @param {string} folder */
export function isWritable(folder) {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
