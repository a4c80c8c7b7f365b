// The npm packages of a checkout: are they what the lock file says, and installing them.
// An installed package has its dependencies from npm already and never comes here.
import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { run } from './step.mjs';

/**
 * @typedef {{ version?: string, optional?: boolean, os?: string[], cpu?: string[], libc?: string[] }} LockedPackage
 */

/**
 * Compares the lock file with the record that npm leaves in node_modules when an install is complete.
 * @param {string} folder that holds package-lock.json
 * @returns {string[]} the paths of packages that are missing or of another version; empty when all is in place
 */
export function missingPackages(folder) {
  const wanted = lockedPackages(join(folder, 'package-lock.json'));
  const present = lockedPackages(join(folder, 'node_modules/.package-lock.json'));
  return Object.entries(wanted)
    .filter(([path, locked]) => path !== '' && isNeeded(locked))
    .filter(([path, locked]) => present[path]?.version !== locked.version || !existsSync(join(folder, path)))
    .map(([path]) => path);
}

/**
 * Installs exactly the lock file. No package's own script runs: what we use carries its binaries inside. @param
 * {string} folder
 */
export async function installPackages(folder) {
  const parameters = ['ci', '--ignore-scripts', '--include=dev', '--include=optional', '--no-audit', '--no-fund'];
  await npm(parameters, { cwd: folder, advice: 'let npm reach its registry' });
}

/**
 * Runs the npm that started us, else the one on PATH.
 * @param {string[]} parameters
 * @param {{ cwd: string, advice?: string }} options
 */
export function npm(parameters, options) {
  const script = process.env.npm_execpath;
  if (script && basename(script) === 'npm-cli.js' && existsSync(script)) {
    return run(process.execPath, [script, ...parameters], { ...options, telling: npmErrors });
  }
  return run('npm', parameters, { ...options, telling: npmErrors });
}

/** npm's own words without the manual page that it prints after some of them. @param {string} output */
function npmErrors(output) {
  const [told = ''] = output.split(/^npm (?:error|ERR!) (?:Usage:|Clean install a project)/m);
  return told.replaceAll(/^npm (?:warn|WARN) EBADENGINE.*$/gm, '');
}

/** @param {string} path @returns {Record<string, LockedPackage>} */
function lockedPackages(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).packages ?? {};
  } catch {
    return {}; // no record, or one cut short: everything is missing
  }
}

/** Optional packages count only where they are made for this very platform. @param {LockedPackage} locked */
function isNeeded(locked) {
  if (!locked.optional) return true;
  if (!locked.os && !locked.cpu) return false;
  return (
    (locked.os?.includes(process.platform) ?? true) &&
    (locked.cpu?.includes(process.arch) ?? true) &&
    (locked.libc?.includes(isMusl() ? 'musl' : 'glibc') ?? true)
  );
}

/** Alpine and its like. */
function isMusl() {
  return process.platform === 'linux' && existsSync('/etc/alpine-release');
}
