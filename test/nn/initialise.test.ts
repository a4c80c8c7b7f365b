// Weights that are loaded next are not initialised, also in nested builds.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { empty, zeros } from '../../src/engine/create.ts';
import { generatorState } from '../../src/engine/random.ts';
import { initialised, truncatedNormal, withoutInitialisation } from '../../src/nn/initialise.ts';

test('initialisation stays disabled after a nested build without initialisation', () => {
  const before = generatorState();
  const weight = zeros([100]);
  withoutInitialisation(() => {
    withoutInitialisation(() => initialised(empty([3]), truncatedNormal(1)));
    initialised(weight, truncatedNormal(1));
  });
  assert.deepEqual(generatorState(), before);
  assert.ok(weight.toArray().every((value) => value === 0));

  initialised(weight, truncatedNormal(1));
  assert.notDeepEqual(generatorState(), before);
  assert.ok(weight.toArray().some((value) => value !== 0));
});
