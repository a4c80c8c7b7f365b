// Lines that are redrawn in place: at any width a block has as many rows as lines, so that it is removed completely.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cutTo, LiveBlock } from '../../src/cli/terminal/live-block.ts';

const escapeCode = '\u001b';
const pieces = new RegExp(`${escapeCode}\\[\\d*[AJK]|\\n|[^${escapeCode}\\n]+`, 'g');
const sequence = new RegExp(`^${escapeCode}\\[(\\d*)([AJK])`);

/** Returns the rows of a terminal of this width after these writes; it implements the sequences that a block uses. */
function shown(width: number, written: string[]): string[] {
  const rows = [''];
  let row = 0;
  for (const [piece] of written.join('').matchAll(pieces)) {
    const code = sequence.exec(piece);
    if (code?.[2] === 'A') row -= Number(code[1]);
    else if (code?.[2] === 'J') rows.splice(row, Number.POSITIVE_INFINITY, '');
    else if (code?.[2] === 'K') rows[row] = '';
    else if (piece === '\n') rows[++row] ??= '';
    else {
      for (const letter of piece) {
        if (rows[row]!.length === width) rows[++row] ??= '';
        rows[row] += letter;
      }
    }
  }
  return rows;
}

for (const width of [10, 20, 40, 80]) {
  test(`a block drawn ten times over is one block on ${width} columns`, () => {
    const written: string[] = [];
    const stream = { isTTY: true, columns: width, write: (text: string) => written.push(text) };
    const block = new LiveBlock(stream as unknown as NodeJS.WriteStream);
    for (let time = 0; time < 10; time++) block.draw(['first '.repeat(20), `second ${time}`, '█░'.repeat(60)]);
    block.log('stays');
    block.draw(['the last one']);
    const rows = shown(width, written).filter((row) => row !== '');
    assert.deepEqual(rows, ['stays', 'the last one'.slice(0, width - 1)]);
  });
}

test('a line is cut by columns: letters with marks count once, wide ones twice, sequences not at all', () => {
  assert.equal(cutTo('abcdef', 4), 'abcd');
  assert.equal(cutTo('abc', 4), 'abc');
  assert.equal(cutTo('e\u0301e\u0301e\u0301', 2), 'e\u0301e\u0301');
  assert.equal(cutTo('日本語', 5), '日本');
  assert.equal(cutTo('\x1b[31mred\x1b[0m', 3), 'red');
});
