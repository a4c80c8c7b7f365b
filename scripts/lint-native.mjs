// The layout of native/: no line is wider than a TypeScript one, and all is as .clang-format says, which is checked
// where a clang-format is installed whose releases agree on it.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './setup/places.mjs';
import { headerFiles, sourceFiles } from './setup/units.mjs';

/** Releases that lay these sources out alike; others may break a line elsewhere. */
const releases = { first: 14, last: 16 };

const installed = spawnSync('clang-format', ['--version'], { encoding: 'utf8' });
const release = Number(/version (\d+)/.exec(installed.stdout ?? '')?.[1]);
const folder = join(root, 'native');
const files = [...sourceFiles(folder), ...headerFiles(folder)].map((name) => join(folder, name));
const widest = 120; // characters, comments included, which clang-format does not wrap

for (const file of files) {
  readFileSync(file, 'utf8')
    .split('\n')
    .forEach((line, index) => {
      if ([...line].length <= widest) return;
      say(`${file}:${index + 1} has ${[...line].length} characters, more than ${widest}`);
      process.exitCode = 1;
    });
}

if (installed.error) {
  say('clang-format is not installed; the layout of native/ is not checked');
} else if (!(release >= releases.first && release <= releases.last)) {
  say(`clang-format ${release} is none of ${releases.first} to ${releases.last}; the layout of native/ is not checked`);
} else {
  const checked = spawnSync('clang-format', ['--dry-run', '--Werror', ...files], { stdio: 'inherit' });
  if (checked.status !== 0) {
    say('native/ is not laid out as .clang-format says; run: clang-format -i FILE');
    process.exitCode = 1;
  }
}

/** @param {string} line */
function say(line) {
  process.stderr.write(`lint: ${line}\n`);
}
