// Progressive resizing: the size of each step, and a network at another size is the network of that size.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { randn } from '../../src/engine/create.ts';
import { noGrad, scope } from '../../src/engine/memory.ts';
import { InputError } from '../../src/failure.ts';
import { buildNetwork } from '../../src/model/network.ts';
import { type Plan, planNetwork } from '../../src/plan/plan.ts';
import { nasnetA } from '../../src/space/published.ts';
import { sidesOf, timeShare } from '../../src/train/growth.ts';
import { recipes } from '../../src/train/recipe.ts';

const planAt = (input: number, auxiliary = false) => planNetwork(nasnetA, { cells: 1, filters: 4, input, auxiliary });

test('the side is the first whose share is not done yet, in the end the full one', () => {
  const growth = [
    { scale: 0.5, until: 0.25 },
    { scale: 0.75, until: 0.5 },
  ];
  const sides = (input: number) => [0, 0.24, 0.25, 0.49, 0.5, 1].map(sidesOf(planAt(input), growth));
  assert.deepEqual(sides(16), [8, 8, 12, 12, undefined, undefined]);
  assert.deepEqual(
    sides(12),
    [8, 8, 8, 8, undefined, undefined],
    'reductions need multiples of 4: of 6 and 9 the nearest',
  );
  assert.deepEqual(sides(8), Array(6).fill(undefined), 'images of 8 pixels are as small as any');
  assert.deepEqual(sides(18), [10, 10, 14, 14, undefined, undefined], '9 and 5 are as odd as 5 and 3, and as 7 and 4');
  assert.deepEqual(sides(31), [15, 15, 23, 23, undefined, undefined]);
  assert.equal(sidesOf(planAt(18))(0), undefined);
});

test('half the side until 40% of the steps takes a fifth of the time', () => {
  const growth = [{ scale: 0.5, until: 0.4 }];
  const near = (actual: number, expected: number) => assert.ok(Math.abs(actual - expected) < 1e-12, `${actual}`);
  const shares = (progress: number) => timeShare(planAt(16), growth, progress);
  near(shares(0.2), 0.1); // a step of half the side counts 0.375: 0.4 of them 0.15, all 0.75
  near(shares(0.4), 0.2);
  near(shares(0.7), 0.6);
  near(shares(1), 1);
  near(timeShare(planAt(16), undefined, 0.4), 0.4);
});

test('at every side of a growth the network answers as the one that is planned for that side', () => {
  const sizes = [
    [16, 'cifar', [8, 12]],
    [18, 'cifar', [10, 14]],
    [31, 'cifar', [11, 15, 27]],
    [128, 'imagenet', [32, 64, 96]],
    [99, 'imagenet', [35, 67]],
  ] as const;
  for (const [full, layout, sides] of sizes) {
    const planOf = (input: number) => planNetwork(nasnetA, { layout, cells: 1, filters: 4, input });
    const network = buildNetwork(planOf(full), { seed: 1 }).train(false);
    for (const side of sides) {
      assert.equal(sidesOf(planOf(full), [{ scale: side / full, until: 1 }])(0), side);
      const planned = buildNetwork(planOf(side), { seed: 2 }).train(false);
      planned.loadStateDict(network.stateDict());
      scope(() =>
        noGrad(() => {
          const images = randn([3, 3, side, side]);
          assert.deepEqual(network.forward(images).logits.toArray(), planned.forward(images).logits.toArray());
        }),
      );
      planned.dispose();
    }
  }
});

test('every preset’s growth has sides for images of any size', () => {
  for (let input = 1; input <= 70; input++) {
    const side = sidesOf(planAt(input), recipes.fast.growth)(0) ?? input;
    assert.ok(side <= input && side >= Math.min(8, input), `${side} of ${input} pixels`);
  }
});

test('an auxiliary head, and images that are no squares, are refused', () => {
  const grow = (plan: Plan) => () => sidesOf(plan, [{ scale: 0.5, until: 0.5 }]);
  const refused = 'growth: expected a network that can process smaller images, got one';
  const head = `${refused} with an auxiliary head, whose weights depend on the size`;
  assert.throws(grow(planAt(32, true)), new InputError(head));
  const wide = planNetwork(nasnetA, { cells: 1, filters: 4, input: [16, 32] });
  assert.throws(grow(wide), new InputError(`${refused} for 16 × 32 pixels`));
});
