import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { timeInTurns, timeRuns, timingDefaults } from '../../src/latency/timing.ts';

/** Returns runs that take these milliseconds on a simulated clock, repeating the last, and the clock. */
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

const limits = { ...timingDefaults, seconds: 15, warmUp: 3, minRuns: 10, maxRuns: 40, precision: 0.01 };

test('equal runs are timed the minimum number of times, after three untimed runs to warm up', async () => {
  const { run, clock, runs } = scripted([500, 90, 30, 20]);
  assert.deepEqual(await timeRuns(run, limits, clock), Array(10).fill(20));
  assert.equal(runs(), 13);
});

test('uneven runs are timed until the median is certain or the maximum is reached', async () => {
  const uneven = Array.from({ length: 100 }, (_, index) => 20 + 10 * (index % 2));
  const { run, clock } = scripted(uneven);
  assert.equal((await timeRuns(run, limits, clock)).length, 40);
  const calming = scripted([...uneven.slice(0, 13), 25]);
  const times = await timeRuns(calming.run, limits, calming.clock);
  assert.ok(times.length > 10 && times.length < 40, `${times.length}`);
});

test('the run that exceeds the time limit is the last, and long runs are warmed up by one', async () => {
  const slow = scripted([4000]);
  assert.deepEqual(await timeRuns(slow.run, limits, slow.clock), [4000, 4000]); // 8 s of warming up, then to 16 s
  const slower = scripted([40_000]);
  assert.deepEqual(await timeRuns(slower.run, limits, slower.clock), [40_000]);
  assert.equal(slower.runs(), 2);
});

test('an error in a run ends the timing, and promises are awaited', async () => {
  await assert.rejects(
    timeRuns(() => Promise.reject(new Error('no memory')), limits),
    /no memory/,
  );
  let now = 0;
  const later = async () => {
    await setImmediate();
    now += 7;
  };
  assert.deepEqual(await timeRuns(later, { ...limits, maxRuns: 2 }, () => now), [7, 7]);
});

test('two functions take turns, warmed up once, in the opposite order every other time', async () => {
  let now = 0;
  const order: string[] = [];
  const run = (name: string, milliseconds: number) => () => {
    order.push(name);
    now += milliseconds;
  };
  const turns = { seconds: 0.1, warmUp: 1, minRuns: 2, maxRuns: 9 };
  const times = await timeInTurns([run('a', 10), run('b', 20)], turns, () => now);
  // 30 ms a turn: the fourth, warm-up included, exceeds the 100 ms
  assert.deepEqual(times, [Array(3).fill(10), Array(3).fill(20)]);
  assert.equal(order.join(''), 'abbaabba');
  const few = await timeInTurns([run('a', 500)], { ...turns, minRuns: 2 }, () => now);
  assert.deepEqual(few, [[500, 500]]);
  assert.equal((await timeInTurns([run('a', 1)], { ...turns, seconds: 60 }, () => now))[0]!.length, 9);
});
