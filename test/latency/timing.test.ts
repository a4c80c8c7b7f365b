import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { timeRuns, timingDefaults } from '../../src/latency/timing.ts';

/** Runs that take these milliseconds on a clock of their own, the last one again and again. */
function scripted(durations: number[]) {
  let now = 0;
  let runs = 0;
  return {
    run: () => {
      now += durations[Math.min(runs, durations.length - 1)]!;
      runs += 1;
    },
    clock: () => now,
    runs: () => runs,
  };
}

const limits = { ...timingDefaults, seconds: 15, warmUp: 3, leastRuns: 10, mostRuns: 40, precision: 0.01 };

test('equal runs are timed as often as they must, after three that warm up and do not count', async () => {
  const { run, clock, runs } = scripted([500, 90, 30, 20]);
  assert.deepEqual(await timeRuns(run, limits, clock), Array(10).fill(20));
  assert.equal(runs(), 13);
});

test('uneven runs are timed until the median is certain or there are enough of them', async () => {
  const uneven = Array.from({ length: 100 }, (_, index) => 20 + 10 * (index % 2));
  const { run, clock } = scripted(uneven);
  assert.equal((await timeRuns(run, limits, clock)).length, 40);
  const calming = scripted([...uneven.slice(0, 13), 25]);
  const times = await timeRuns(calming.run, limits, calming.clock);
  assert.ok(times.length > 10 && times.length < 40, `${times.length}`);
});

test('the run that passes the limit of seconds is the last, and long runs are warmed up by one', async () => {
  const slow = scripted([4000]);
  assert.deepEqual(await timeRuns(slow.run, limits, slow.clock), [4000, 4000]); // 8 s of warming up, then to 16 s
  const slower = scripted([40_000]);
  assert.deepEqual(await timeRuns(slower.run, limits, slower.clock), [40_000]);
  assert.equal(slower.runs(), 2);
});

test('what a run throws ends the timing, and a promise is waited for', async () => {
  await assert.rejects(
    timeRuns(() => Promise.reject(new Error('no memory')), limits),
    /no memory/,
  );
  let now = 0;
  const later = async () => {
    await setImmediate();
    now += 7;
  };
  assert.deepEqual(await timeRuns(later, { ...limits, mostRuns: 2 }, () => now), [7, 7]);
});
