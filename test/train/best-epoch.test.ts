// The best epoch of made curves, and when patience is over.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BestEpoch, comparedAccuracy } from '../../src/train/best-epoch.ts';

/** Returns the best epoch and the epoch after which a training ends. */
function courseOf(curve: readonly (readonly [accuracy: number, loss: number])[], patience: number) {
  const epochs = new BestEpoch();
  for (const [place, [accuracy, loss]] of curve.entries()) {
    epochs.add(place + 1, accuracy, loss);
    if (epochs.isOver(place + 1, patience)) return { best: epochs.state?.epoch, ends: place + 1 };
  }
  return { best: epochs.state?.epoch, ends: undefined };
}

test('patience counts the epochs since the accuracy rose, and the best one is the highest', () => {
  const curve = [0.3, 0.5, 0.4, 0.45, 0.6, 0.1, 0.6, 0.59, 0.9].map((accuracy) => [accuracy, 1] as const);
  assert.deepEqual(courseOf(curve, 1), { best: 2, ends: 3 });
  assert.deepEqual(courseOf(curve, 2), { best: 2, ends: 4 });
  assert.deepEqual(courseOf(curve, 3), { best: 5, ends: 8 });
  assert.deepEqual(courseOf(curve, 4), { best: 9, ends: undefined });
});

test('of equal accuracies the lowest loss is the best, but does not renew the patience', () => {
  const curve = [
    [0.5, 2],
    [0.5, 1],
    [0.5, 1.5],
    [0.5, 0.5],
  ] as const;
  assert.deepEqual(courseOf(curve, 3), { best: 4, ends: 4 });
  assert.deepEqual(courseOf(curve, 2), { best: 2, ends: 3 });
});

test('an accuracy of no images is never the best, and patience with none never ends', () => {
  assert.deepEqual(courseOf(Array(9).fill([Number.NaN, Number.NaN]), 1), { best: undefined, ends: undefined });
});

test('what is compared is the balanced accuracy where classes are balanced', () => {
  const figures = { accuracy: 0.9, balancedAccuracy: 0.4 };
  assert.equal(comparedAccuracy({}, figures), 0.9);
  assert.equal(comparedAccuracy({ balance: 'weights' }, figures), 0.4);
});
