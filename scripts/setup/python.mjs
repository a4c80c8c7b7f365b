// Asks the python3 on PATH where its torch lies, without importing torch (which takes seconds).
// The answer carries what it depends on, so that it can be remembered until something changes.
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** @typedef {{ torch: string | null, prefix: string, path: string[] }} PythonAnswer */

const question = `
import json, os, sys
from importlib.util import find_spec
try:
    spec = find_spec("torch")
    torch = os.path.dirname(spec.origin) if spec and spec.origin else None
except Exception:
    torch = None
print(json.dumps({"torch": torch, "prefix": sys.prefix, "path": [p for p in sys.path if p]}))
`;

/**
 * @param {NodeJS.ProcessEnv} environment @returns {PythonAnswer | undefined} undefined: no Python, or none that answers
 */
export function pythonTorch(environment) {
  // From the root folder, so that a folder named torch where the user stands is not taken for the package.
  const asked = spawnSync('python3', ['-c', question], {
    cwd: '/',
    env: environment,
    encoding: 'utf8',
    timeout: 20_000,
  });
  if (asked.status !== 0) return undefined;
  try {
    return JSON.parse(asked.stdout.trim().split('\n').at(-1) ?? '');
  } catch {
    return undefined;
  }
}

/**
 * Returns a text of all that determines where libtorch is searched: equal texts mean that a new search would have the
 * same result.
 * @param {NodeJS.ProcessEnv} environment
 * @param {string[]} folders of Python's module path as it was; installing a package changes their times
 */
export function searchKey(environment, folders) {
  const names = ['NASNET_LIBTORCH', 'VIRTUAL_ENV', 'CONDA_PREFIX', 'PYTHONPATH', 'PYENV_VERSION', 'HOMEBREW_PREFIX'];
  const python = (environment.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, 'python3'))
    .find((path) => existsSync(path));
  const times = [python, ...folders].map((path) => (path && existsSync(path) ? statSync(path).mtimeMs : 0));
  return JSON.stringify([names.map((name) => environment[name] ?? ''), python ?? '', times]);
}
