// Named cells as decisions of a search.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planNetwork } from '../../src/plan/plan.ts';
import { cellTitle, namedCells } from '../../src/space/named-cells.ts';
import { Candidate } from '../../src/study/candidate.ts';
import { namedDecisions, nameOfCell } from '../../src/study/named-decisions.ts';

test('each named cell has decisions in the space of its own, by which it is named again', () => {
  const decisions = namedDecisions('a', 5);
  assert.deepEqual(
    decisions.map((cell) => nameOfCell(cell, 'a', 5)),
    Object.keys(namedCells),
  );
  assert.deepEqual(Object.keys(namedCells).map(cellTitle), ['Quick', 'NASNet-A']);
  assert.deepEqual([namedDecisions('b', 4), namedDecisions('a', 4)], [[], []]);
});

test('Quick has as many parameters as NASNet-A with the filters with which they are compared', () => {
  const [quick, nasnetA] = Object.values(namedCells).map(
    (cell) => planNetwork(cell, { cells: 1, filters: 8, classes: 10 }).trainableParameters,
  ) as [number, number];
  assert.deepEqual([quick, nasnetA], [72_338, 72_370]);
  const [decisions] = namedDecisions('a', 5);
  const { architecture } = new Candidate(decisions!, 'a');
  assert.equal(planNetwork(architecture, { cells: 1, filters: 8, classes: 10 }).trainableParameters, quick);
});
