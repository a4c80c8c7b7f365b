// Timing several networks one after the other: how many are timed, and that the engine's state is restored.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setThreads, threads } from '../../src/engine/machine.ts';
import { liveTensors } from '../../src/engine/memory.ts';
import { measurePlans } from '../../src/latency/measure-plans.ts';
import { planNetwork } from '../../src/plan/plan.ts';
import { nasnetA } from '../../src/space/published.ts';

const plans = [2, 3, 4, 5].map((filters) => planNetwork(nasnetA, { cells: 0, filters, input: 8, classes: 2 }));

test('at least three networks are timed, all of them if there is time, in order', async () => {
  const hurried = await measurePlans(plans, { seconds: 0 });
  assert.deepEqual(
    hurried.map(({ plan }) => plan),
    plans.slice(0, 3),
  );
  const all = await measurePlans(plans, { seconds: 60 });
  assert.equal(all.length, 4);
  for (const { milliseconds } of all) assert.ok(milliseconds > 0 && Number.isFinite(milliseconds));
});

test('the number of threads is restored and no tensor is left', async () => {
  setThreads(2);
  const before = liveTensors();
  await measurePlans(plans.slice(0, 1), { seconds: 0 });
  assert.deepEqual([threads(), liveTensors()], [2, before]);
});
