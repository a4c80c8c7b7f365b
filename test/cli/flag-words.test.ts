// Messages of lower folders as the command line prints them: the words for an option become the flag.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { typedSentence } from '../../src/cli/flag-words.ts';
import { resolveDevice } from '../../src/engine/device.ts';
import { Failure, InputError } from '../../src/failure.ts';
import { sampleWithin } from '../../src/search/sample-within.ts';

const caught = (work: () => unknown): Error => {
  try {
    work();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
};

test('messages about the device and the limits name their flags', () => {
  assert.equal(
    typedSentence(caught(() => resolveDevice('gpu'))),
    '--device: expected auto, cpu, cuda or cuda:N, got "gpu"',
  );
  const none = () =>
    sampleWithin(
      () => false,
      () => [],
      (drawn: number[]) => drawn,
    );
  assert.match(
    typedSentence(caught(none)),
    /raise them, or add --over-limit penalise so that the strategy learns the limits$/,
  );
});

test('a message without a code, or with a code without a flag, is unchanged', () => {
  assert.equal(typedSentence(new InputError('device: a word')), 'device: a word');
  assert.equal(typedSentence(new Failure('device: a word', { code: 'disk-full' })), 'device: a word');
});

test('no folder below the command line names a flag in a message', () => {
  const source = resolve(import.meta.dirname, '../../src');
  const found = readdirSync(source, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.startsWith('cli'))
    .flatMap((name) =>
      readFileSync(join(source, name), 'utf8')
        .split('\n')
        .filter((line) =>
          /[`'"][^`'"]*(?<![-\w])--[a-z]{3}/.test(line.replace(/\/\/.*|\/\*\*.*|^\s*\*.*|^\s*--.*/, '')),
        )
        .map((line) => `${name}: ${line.trim()}`),
    );
  // flags of Node and other programs, CSS, and whole commands
  const foreign =
    /`nasnet |npm|space-size|nvidia-smi|--query-gpu|--install|--pack|--fetch|color-scheme|'--json'|<!--|--ink/;
  assert.deepEqual(
    found.filter((line) => !foreign.test(line)),
    [],
  );
});
