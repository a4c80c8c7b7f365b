// Images that grow: which size a step has, and that a network at another size is the network of that size.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { randn } from '../../src/engine/create.ts';
import { noGrad, scope } from '../../src/engine/memory.ts';
import { InputError } from '../../src/failure.ts';
import { buildNetwork } from '../../src/model/network.ts';
import { planNetwork } from '../../src/plan/plan.ts';
import { nasnetA } from '../../src/space/published.ts';
import { checkGrowth, sideAt } from '../../src/train/growth.ts';

const planAt = (input: number, auxiliary = false) => planNetwork(nasnetA, { cells: 1, filters: 4, input, auxiliary });

test('the side is the first whose share is not done yet, in the end the full one', () => {
  const growth = [
    { side: 8, until: 0.25 },
    { side: 12, until: 0.5 },
  ];
  assert.deepEqual(
    [0, 0.24, 0.25, 0.49, 0.5, 1].map((progress) => sideAt(growth, progress)),
    [8, 8, 12, 12, undefined, undefined],
  );
  assert.equal(sideAt(undefined, 0), undefined);
});

test('at every side that is allowed, the network answers as the one that is planned for that side', () => {
  const network = buildNetwork(planAt(16), { seed: 1 }).train(false);
  for (const side of [4, 8, 12, 16]) {
    checkGrowth(planAt(16), [{ side, until: 0.5 }]);
    const planned = buildNetwork(planAt(side), { seed: 2 }).train(false);
    planned.loadStateDict(network.stateDict());
    scope(() =>
      noGrad(() => {
        const images = randn([3, 3, side, side]);
        assert.deepEqual(network.forward(images).logits.toArray(), planned.forward(images).logits.toArray());
      }),
    );
    planned.dispose();
  }
});

test('a side that a reduction does not halve, one that is larger, and an auxiliary head are refused', () => {
  const grow = (side: number, plan = planAt(16)) => checkGrowth(plan, [{ side, until: 0.5 }]);
  const refused = (got: number) =>
    new InputError(
      `growth: expected sides of at most 16 pixels that every reduction halves (multiples of 4), got ${got}`,
    );
  assert.throws(() => grow(10), refused(10));
  assert.throws(() => grow(32), refused(32));
  assert.throws(() => grow(8, planAt(32, true)), /^InputError: growth: expected a network without an auxiliary head/);
  assert.throws(() => grow(9, planAt(18)), /got 9$/); // 18 → 9 → 5: the paddings of 9 → 5 → 3 are others
});
