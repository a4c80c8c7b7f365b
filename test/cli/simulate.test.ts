// `nasnet simulate` as a user runs it, on each search space.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nasnets } from './run.ts';

test('simulate runs on the decisions of each space: the same seed gives the same figures, another space others', () => {
  const words = ['simulate', '--strategy', 'random', '--trials', '60', '--workers', '5', '--json'];
  const rewards = (stdout: string) => JSON.parse(stdout)[0].rewards;
  const [a, again, b, c] = nasnets([
    words,
    [...words, '--space', 'a'],
    [...words, '--space', 'b'],
    [...words, '--space', 'c'],
  ]).map(({ code, stdout, stderr }) => {
    assert.equal(code, 0, stderr);
    return stdout;
  });
  assert.deepEqual(rewards(a!), rewards(again!), 'space A is what there is without the flag');
  for (const other of [b!, c!]) assert.notDeepEqual(rewards(a!), rewards(other));
  assert.equal(JSON.parse(b!)[0].space, 'b');
});

test('an unknown space is refused, and the text names the simulated one', () => {
  const [refused, said] = nasnets([
    ['simulate', '--space', 'd', '--trials', '10'],
    ['simulate', '--space', 'b', '--strategy', 'random', '--trials', '10', '--workers', '2'],
  ]);
  assert.equal(refused!.code, 2);
  assert.match(refused!.stderr, /^nasnet: --space: expected .*a, b.*c.*\n$/);
  assert.match(said!.stdout, /^10 architectures of space B on 2 workers/);
});
