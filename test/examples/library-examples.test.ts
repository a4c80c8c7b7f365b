// The library's examples, as a reader would run them: each in an empty folder, in a process of its own.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { temporaryFolder } from '../data/temporary.ts';

const examples = resolve(import.meta.dirname, '../../examples/library');
/** The checkout's, as the set-up left it: a test never compiles. */
const addon = process.env.NASNET_ADDON ?? resolve(examples, '../../build/nasnet.node');
const folder = temporaryFolder({ after });

/** The output of each, as a pattern for any machine. */
const said: Record<string, { first: RegExp; again?: RegExp }> = {
  'features.ts': { first: /Cell_11 \[2, 96, 8, 8\], Reduction_Cell_0 \[2, 32, 16, 16\]\nlogits \[2, 10\]\n/ },
  'own-dataset.ts': { first: /^400 training images, 100 test images\n[\s\S]*test 1\.00\ndark or bright: \d+ bytes/ },
  'own-evaluator.ts': { first: /^150 trials, 150 in the study\n/, again: /^0 trials, 150 in the study\n/ },
  'own-operation.ts': { first: /^drawn: true\nlogits \[2, 3\]\n\d+ parameters, \d+ nodes of ONNX/ },
  'own-space.ts': {
    first: /^[1-9]\d* of 12 operations are sep_conv_9x9\nlogits \[2, 3\]\n\d+ parameters at full size\n/,
  },
  'own-strategy.ts': { first: /^first 0\.0\d+, best 0\.\d+ of 200\n/ },
  'search-and-train.ts': { first: /^6 trials; the best cell, larger: test accuracy (0\.9\d|1\.00)\n/ },
};

async function run(name: string): Promise<string> {
  const parameters = ['--conditions=nasnet-source', '--disable-warning=ExperimentalWarning', join(examples, name)];
  const env = { ...process.env, NASNET_CACHE: join(folder, 'cache'), NASNET_ADDON: addon };
  return (await promisify(execFile)(process.execPath, parameters, { cwd: folder, env })).stdout;
}

test('there is an expectation of every example', () => {
  assert.deepEqual(readdirSync(examples).sort(), Object.keys(said).sort());
});

for (const [name, { first, again }] of Object.entries(said)) {
  test(`${name} runs as it stands${again ? ', and goes on when it is run again' : ''}`, async () => {
    assert.match(await run(name), first);
    if (again) assert.match(await run(name), again);
  });
}
