// A candidate's architecture and plans follow from its decisions and are computed once.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planNetwork } from '../../src/plan/plan.ts';
import { RandomStream } from '../../src/random/stream.ts';
import { decode } from '../../src/space/decisions.ts';
import { sampleDecisions } from '../../src/space/sample.ts';
import { spaceNames, spaces } from '../../src/space/search-space.ts';
import { Candidate } from '../../src/study/candidate.ts';
import { presets } from '../../src/study/presets.ts';

const { child, final } = presets.paper;

for (const space of spaceNames) {
  test(`in space ${space} its architecture and plans are those of its decisions, and are cached`, () => {
    const decisions = sampleDecisions(new RandomStream(`candidate ${space}`), spaces[space].blocks, space);
    const candidate = new Candidate(decisions, space);
    assert.deepEqual(candidate.architecture, decode(decisions, space));
    const { cells, filters, resolution } = child;
    const bare = planNetwork(candidate.architecture, { cells, filters, input: resolution, classes: 7 });
    assert.deepEqual(candidate.usedPlan(child, 7), bare);
    assert.equal(candidate.trainedPlan(child, 7).auxiliary !== undefined, child.recipe.auxiliaryWeight > 0);
    for (const make of [
      () => candidate.architecture,
      () => candidate.usedPlan(child, 7),
      () => candidate.trainedPlan(final, 7),
    ])
      assert.equal(make(), make());
    const longer = { ...child, recipe: { ...child.recipe, epochs: 1 } };
    assert.equal(candidate.trainedPlan(longer, 7), candidate.trainedPlan(child, 7), 'recipes change no plan');
    assert.notEqual(candidate.usedPlan(child, 8), candidate.usedPlan(child, 7));
    assert.notEqual(candidate.usedPlan({ ...child, resolution: 16 }, 7), candidate.usedPlan(child, 7));
  });
}

test('decisions that are not of the space are refused when the architecture is computed', () => {
  const candidate = new Candidate(Array(50).fill(99));
  assert.throws(
    () => candidate.architecture,
    /^InputError: decisions\[0\]: expected a whole number from 0 to 1, got 99$/,
  );
});
