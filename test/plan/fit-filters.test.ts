// The largest network within limits: NASNet-A's published sizes are found from their costs.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fitFilters } from '../../src/plan/fit-filters.ts';
import { namedModels } from '../../src/plan/named-models.ts';
import { type Plan, planNetwork } from '../../src/plan/plan.ts';
import { nasnetA } from '../../src/space/published.ts';

for (const name of ['cifar', 'mobile'] as const) {
  const { filters: published, ...options } = namedModels[name];
  const { multiplyAdds, trainableParameters } = planNetwork(nasnetA, { ...options, filters: published });

  test(`the ${name} network is the largest within its own multiply-adds, and within its own parameters`, async () => {
    for (const isWithin of [
      (plan: Plan) => plan.multiplyAdds <= multiplyAdds,
      (plan: Plan) => plan.trainableParameters <= trainableParameters,
    ])
      assert.equal((await fitFilters(nasnetA, options, isWithin))!.filters, published);
  });

  test(`one multiply-add less than the ${name} network allows the next smaller one`, async () => {
    const fitted = await fitFilters(nasnetA, options, (plan) => plan.multiplyAdds < multiplyAdds);
    assert.equal(fitted!.filters, published - 4);
    assert.ok(fitted!.plan.multiplyAdds < multiplyAdds);
  });
}

test('a limit below the smallest network fits none', async () => {
  assert.equal(await fitFilters(nasnetA, namedModels.mobile, (plan) => plan.multiplyAdds < 1000), undefined);
});

test('few plans are made: the limit may be a measurement', async () => {
  let plans = 0;
  const isWithin = (plan: Plan) => {
    plans += 1;
    return plan.multiplyAdds <= 600e6;
  };
  const fitted = await fitFilters(nasnetA, namedModels.mobile, isWithin);
  assert.equal(fitted!.filters, 44); // 48 has more
  assert.ok(plans <= 8, `${plans}`);
});
