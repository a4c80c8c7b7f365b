import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { shellPath } from '../src/shell-path.ts';
import { visible } from '../src/visible.ts';

test('a shell reads every quoted name unchanged, on one line that cannot control the terminal', () => {
  const names = [
    ...[
      'runs/laptop/study.db',
      'my photos',
      "it's",
      '"x"',
      '$(ls) `ls` $HOME',
      'a*b?[c]',
      '~',
      '#1',
      'a;b&c|d',
      'é日',
      '',
    ],
    ...['two\nlines', 'tab\tand\x1b[31mred', "back\\slash and 'quotes'\r", '\u202ereversed', 'study.db#4:2'],
  ];
  for (const name of names) {
    const word = shellPath(name);
    assert.equal(visible(word), word);
    assert.equal(execFileSync('bash', ['-c', `printf %s ${word}`], { encoding: 'utf8' }), name, word);
  }
  assert.equal(shellPath('runs/laptop/study.db'), 'runs/laptop/study.db');
  assert.equal(shellPath('-o'), './-o');
});
