// Architecture files: which are accepted, and the message for those that are not.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InputError } from '../../src/failure.ts';
import { parseArchitecture, parseArchitectureText } from '../../src/space/parse.ts';
import { nasnetA } from '../../src/space/published.ts';

// biome-ignore lint/suspicious/noExplicitAny: a document that tests make invalid
const document = (): any => structuredClone(nasnetA);

/** Returns the message for NASNet-A after one change. */
function refusal(change: (architecture: ReturnType<typeof document>) => void, where?: string): string {
  const changed = document();
  change(changed);
  try {
    parseArchitecture(changed, where);
  } catch (error) {
    assert.ok(error instanceof InputError, String(error));
    return error.message;
  }
  return assert.fail('the change was accepted');
}

test('the message for a mistake names its place, what was expected and what was found', () => {
  const cases: [(architecture: ReturnType<typeof document>) => void, string][] = [
    [
      (a) => (a.normal.blocks[3].inputs[0] = 7),
      'normal.blocks[3].inputs[0]: expected a hidden state from 0 to 4, got 7',
    ],
    [
      (a) => (a.normal.blocks[0].inputs[1] = 2),
      'normal.blocks[0].inputs[1]: expected a hidden state from 0 to 1, got 2',
    ],
    [
      (a) => (a.normal.blocks[0].inputs[1] = -1),
      'normal.blocks[0].inputs[1]: expected a hidden state from 0 to 1, got -1',
    ],
    [
      (a) => (a.normal.blocks[1].inputs[0] = '1'),
      'normal.blocks[1].inputs[0]: expected a hidden state from 0 to 2, got "1"',
    ],
    [
      (a) => (a.normal.blocks[1].inputs[0] = 0.5),
      'normal.blocks[1].inputs[0]: expected a hidden state from 0 to 2, got 0.5',
    ],
    [
      (a) => (a.reduction.blocks[2].inputs = [1]),
      'reduction.blocks[2].inputs: expected a list of two hidden states, got a list of 1',
    ],
    [
      (a) => (a.reduction.blocks[2].combine = 'mul'),
      'reduction.blocks[2].combine: expected one of add, concat, add_layer_norm, add_instance_norm, got "mul"',
    ],
    [
      (a) => delete a.reduction.blocks[2].combine,
      'reduction.blocks[2].combine: expected one of add, concat, add_layer_norm, add_instance_norm, got nothing',
    ],
    [
      (a) => (a.reduction.blocks[2].weight = 1),
      'reduction.blocks[2].weight: expected only inputs, operations, combine, got this key',
    ],
    [(a) => (a.reduction.blocks = []), 'reduction.blocks: expected at least one block, got an empty list'],
    [(a) => (a.reduction.blocks = {}), 'reduction.blocks: expected a list of blocks, got an object'],
    [(a) => (a.normal.output = [2, 9]), 'normal.output[1]: expected a hidden state from 0 to 6, got 9'],
    [(a) => (a.normal.output = [2, 2]), 'normal.output[1]: expected each hidden state once, got 2 again'],
    [(a) => (a.normal.output = []), 'normal.output: expected at least one hidden state, got an empty list'],
    [(a) => (a.normal = null), 'normal: expected an object with inputs, blocks and output, got null'],
    [(a) => (a.stem = 1), 'stem: expected only normal, reduction, operations, got this key'],
  ];
  for (const [change, message] of cases) assert.equal(refusal(change), message);
});

test('the message for an unknown operation lists the thirteen that exist', () => {
  const message = refusal((a) => (a.normal.blocks[0].operations[1] = 'sep_conv_9x9'));
  assert.match(message, /^normal\.blocks\[0\]\.operations\[1\]: expected one of identity, .*, got "sep_conv_9x9"$/);
  assert.equal(message.split(',').length - 1, 13);
  assert.match(
    refusal((a) => (a.normal.blocks[0].operations[1] = 'toString')),
    /got "toString"$/,
  );
});

test('the message starts with the name of the file', () => {
  const message = refusal((a) => (a.normal.blocks[3].inputs[0] = 7), 'cell.json');
  assert.equal(message, 'cell.json: normal.blocks[3].inputs[0]: expected a hidden state from 0 to 4, got 7');
  assert.throws(() => parseArchitecture([], 'cell.json'), /cell\.json: expected an object with normal and reduction/);
  assert.throws(() => parseArchitectureText('{"normal":', 'cell.json'), /cell\.json: expected a JSON document, got/);
});

test('cells of different block counts and without output lists are accepted', () => {
  const changed = document();
  changed.reduction.blocks.pop();
  delete changed.reduction.output;
  assert.deepEqual(parseArchitecture(changed), changed);
});
