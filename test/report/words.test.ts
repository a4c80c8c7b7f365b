import assert from 'node:assert/strict';
import { test } from 'node:test';
import { duration, percent, whole } from '../../src/report/words.ts';

test('durations name their two largest units', () => {
  const cases: [number, string][] = [
    [0, '0 s'],
    [0.4, '0 s'],
    [59.6, '1 min'],
    [190, '3 min 10 s'],
    [3600, '1 h'],
    [7500, '2 h 5 min'],
    [356_400, '4 d 3 h'],
  ];
  for (const [seconds, words] of cases) assert.equal(duration(seconds), words);
});

test('shares and counts', () => {
  assert.equal(percent(0.4821), '48.2%');
  assert.equal(percent(1, 0), '100%');
  assert.equal(whole(3_346_538), '3,346,538');
});
