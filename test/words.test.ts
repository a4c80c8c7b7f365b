import assert from 'node:assert/strict';
import { test } from 'node:test';
import { duration, epochWord, percent, roughly, whole } from '../src/words.ts';

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

test('an epoch that a training ends within has two digits', () => {
  assert.deepEqual([3, 13.813, 0.049786628733997154].map(epochWord), ['3', '13.81', '0.05']);
});

const hour = 3600;
const year = 365 * 24 * hour;

test('rough durations have two digits and one unit', () => {
  const texts = [0.42, 8.4, 95, 170, 3 * hour, 30 * hour, 880 * 24 * hour, 55 * year].map(roughly);
  assert.deepEqual(texts, ['0.42 s', '8.4 s', '95 s', '2.8 min', '3 h', '30 h', '880 days', '20,000 days']);
});
