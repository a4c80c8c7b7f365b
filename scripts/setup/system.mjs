// What the operating system's package manager can do for us: install with apt when it may, else name the one command.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { compareVersions, oldestLibtorch } from './libtorch.mjs';
import { run, SetupFailure } from './step.mjs';

/** The words before apt-get: none as root, sudo where it asks for no password; undefined where we may not. */
export function aptPrefix() {
  if (process.platform !== 'linux' || !onPath('apt-get')) return undefined;
  if (process.getuid?.() === 0) return [];
  return onPath('sudo') && spawnSync('sudo', ['-n', 'true']).status === 0 ? ['sudo', '-n'] : undefined;
}

/**
 * Installs Debian packages; refreshes the package lists first when apt does not know a package or no longer finds its
 * file.
 * @param {string[]} prefix from aptPrefix
 * @param {string[]} packages
 */
export async function aptInstall(prefix, packages) {
  if (!packages.every((name) => aptVersion(name))) await aptGet(prefix, ['update']);
  const install = ['install', '--yes', '--no-install-recommends', ...packages];
  try {
    await aptGet(prefix, install);
  } catch {
    await aptGet(prefix, ['update']); // lists older than the archive name files that are gone
    await aptGet(prefix, install);
  }
}

/** @param {string[]} prefix */
export async function aptOffersLibtorch(prefix) {
  if (!aptVersion('libtorch-dev')) await aptGet(prefix, ['update']);
  const offered = aptVersion('libtorch-dev');
  return offered !== undefined && compareVersions(offered, oldestLibtorch) >= 0;
}

/** Whether apt knows a package. @param {string} name */
export const aptOffers = (name) => aptVersion(name) !== undefined;

/** @param {string[]} prefix @param {string[]} parameters */
function aptGet(prefix, parameters) {
  const [command = 'env', ...words] = [
    ...prefix,
    'env',
    'DEBIAN_FRONTEND=noninteractive',
    'apt-get',
    '--quiet',
    '-o',
    'DPkg::Lock::Timeout=300',
  ];
  return run(command, [...words, ...parameters], {
    advice: `let apt reach its archive, or ${libtorchCommand()}`,
  });
}

/** The version that apt would install, as 1.13.1, or undefined where it knows none. @param {string} name */
function aptVersion(name) {
  const asked = spawnSync('apt-cache', ['policy', name], { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } });
  return asked.stdout?.match(/Candidate: (?:\d+:)?(\d[\d.]*)/)?.[1];
}

/** The one command that brings libtorch here, for the user to run. */
export function libtorchCommand(families = systemFamilies()) {
  const commands = Object.entries(libtorchCommands).find(([family]) => families.includes(family));
  const pip = 'pip install torch';
  return commands
    ? `run: ${commands[1]}   (or without root, in a virtual environment: ${pip})`
    : `run: ${pip}   (in an active virtual environment)`;
}

const libtorchCommands = {
  debian: 'sudo apt-get install libtorch-dev libopenblas0-pthread',
  fedora: 'sudo dnf install python3-torch-devel',
  arch: 'sudo pacman -S python-pytorch',
  darwin: 'brew install pytorch',
};

/** This system's name and those it descends from: ubuntu → debian. @returns {string[]} */
export function systemFamilies(file = '/etc/os-release') {
  if (process.platform !== 'linux') return [process.platform];
  if (!existsSync(file)) return [];
  const text = readFileSync(file, 'utf8');
  return [...text.matchAll(/^ID(?:_LIKE)?="?([^"\n]*)"?$/gm)].flatMap(([, names = '']) => names.split(' '));
}

/** @param {string} command */
export function onPath(command) {
  return (process.env.PATH ?? '').split(':').some((folder) => folder !== '' && existsSync(`${folder}/${command}`));
}

/** @param {string[]} passedOver what the search saw and could not use @returns {SetupFailure} */
export function noLibtorch(passedOver) {
  const seen = passedOver.length > 0 ? ` (${passedOver.join('; ')})` : '';
  return new SetupFailure(`no libtorch with headers in NASNET_LIBTORCH, the active Python or the system${seen}`, {
    advice: `${libtorchCommand()}, or set NASNET_LIBTORCH to a libtorch folder`,
  });
}
