// Text of foreign files never controls the terminal.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InputError } from '../src/failure.ts';
import { visible } from '../src/visible.ts';

test('escapes, new lines, direction marks and lone surrogates are escaped', () => {
  assert.equal(visible('a\x1b]0;owned\x07\x1b[2J.png'), 'a\\x1b]0;owned\\x07\\x1b[2J.png');
  assert.equal(visible('x\r\nnasnet: all fine'), 'x\\r\\nnasnet: all fine');
  assert.equal(visible('\x9b31m\x7f'), '\\x9b31m\\x7f');
  assert.equal(visible('cod\u202egnp.exe\u2066'), 'cod\\u202egnp.exe\\u2066');
  assert.equal(visible('half \ud83d and \udc00'), 'half \\ud83d and \\udc00');
});

test('all other text stays unchanged', () => {
  for (const text of ['', 'größe 名 🙂', '👩‍🔬', 'C:\\images\\n.png', 'עברית']) assert.equal(visible(text), text);
});

test('an error message is one line, whatever it quotes', () => {
  assert.equal(new InputError('a\nb: expected an image').message, 'a\\nb: expected an image');
});
