// Weights that are loaded next are not drawn, however deep the building goes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { empty, zeros } from '../../src/engine/create.ts';
import { generatorState } from '../../src/engine/random.ts';
import { initialised, truncatedNormal, withoutDrawing } from '../../src/nn/initialise.ts';

test('without drawing, what is built after a part that draws nothing either still draws nothing', () => {
  const before = generatorState();
  const weight = zeros([100]);
  withoutDrawing(() => {
    withoutDrawing(() => initialised(empty([3]), truncatedNormal(1)));
    initialised(weight, truncatedNormal(1));
  });
  assert.deepEqual(generatorState(), before);
  assert.ok(weight.toArray().every((value) => value === 0));

  initialised(weight, truncatedNormal(1));
  assert.notDeepEqual(generatorState(), before);
  assert.ok(weight.toArray().some((value) => value !== 0));
});
