// Weights that are loaded next are not drawn, however deep the building goes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { empty, zeros } from '../../src/engine/create.ts';
import { generatorState } from '../../src/engine/random.ts';
import { initialised, normal, withoutDrawing } from '../../src/nn/initialise.ts';

test('without drawing, what is built after a part that draws nothing either still draws nothing', () => {
  const before = generatorState();
  const weight = zeros([100]);
  withoutDrawing(() => {
    withoutDrawing(() => initialised(empty([3]), normal(1)));
    initialised(weight, normal(1));
  });
  assert.deepEqual(generatorState(), before);
  assert.ok(weight.toArray().every((value) => value === 0));

  initialised(weight, normal(1));
  assert.notDeepEqual(generatorState(), before);
  assert.ok(weight.toArray().some((value) => value !== 0));
});
