// The promotion rule, by hand and against a brute-force version of asynchronous successive halving as in its paper.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RandomStream } from '../../src/random/stream.ts';
import { Ladder } from '../../src/selection/ladder.ts';
import type { Promotion } from '../../src/study/rungs.ts';

interface Finished {
  member: number;
  rung: number;
  reward: number;
}

/**
 * Algorithm 2 of Li et al. (2020), literally: from the highest rung down, members of the top ⌊|rung| / η⌋ that are not
 * promoted. A member is better if its reward is higher, or equal and its number lower.
 */
function promotable(finished: readonly Finished[], promoted: ReadonlySet<string>, rungs: number, reduction: number) {
  for (let rung = rungs - 2; rung >= 0; rung--) {
    const here = finished.filter((each) => each.rung === rung);
    const betterThan = (one: Finished) =>
      here.filter((other) => other.reward > one.reward || (other.reward === one.reward && other.member < one.member));
    const candidates = here.filter((one) => betterThan(one).length < Math.floor(here.length / reduction));
    const due = candidates.filter(({ member }) => !promoted.has(`${member} ${rung + 1}`));
    due.sort((a, b) => betterThan(a).length - betterThan(b).length);
    if (due[0]) return { rung: rung + 1, member: due[0].member, atRandom: false };
  }
  return undefined;
}

/**
 * Simulates a search with up to four trainings at once that end with random outcomes. `visit` is called in every state.
 */
function randomSearch(
  seed: string,
  rule: { rungs: number; reduction: number; atRandom?: (member: number, rung: number) => boolean },
  members: number,
  visit: (state: { ladder: Ladder; finished: Finished[]; promoted: Set<string>; arrivals: number }) => void,
): { finished: Finished[]; promotions: Promotion[]; promoted: Set<string> } {
  const random = new RandomStream(seed);
  const ladder = new Ladder(rule);
  const finished: Finished[] = [];
  const promoted = new Set<string>();
  const promotions: Promotion[] = [];
  const running: { member: number; rung: number }[] = [];
  let asked = 0;
  let reported = 0;
  for (;;) {
    visit({ ladder, finished, promoted, arrivals: members - reported });
    const due = ladder.next();
    if (running.length < 4 && due) {
      ladder.promote(due);
      promoted.add(`${due.member} ${due.rung}`);
      promotions.push(due);
      running.push(due);
    } else if (running.length < 4 && asked < members) running.push({ member: asked++, rung: 0 });
    else if (running.length > 0) {
      const [{ member, rung }] = running.splice(random.integer(running.length), 1) as [Promotion];
      if (rung === 0) reported++;
      if (random.uniform() < 0.1) ladder.leave(rung);
      else {
        const reward = random.integer(20) / 20; // few values, so that many are equal
        ladder.finish(member, rung, reward);
        finished.push({ member, rung, reward });
      }
    } else return { finished, promotions, promoted };
  }
}

test('with η = 3, the best of three is promoted, then the best of six that was not: by hand', () => {
  const ladder = new Ladder({ rungs: 3, reduction: 3 });
  const up = (member: number, rung: number) => ({ member, rung, atRandom: false });
  ladder.finish(0, 0, 0.5);
  ladder.finish(1, 0, 0.7);
  assert.equal(ladder.next(), undefined, 'a third of two is none');
  ladder.finish(2, 0, 0.6);
  assert.deepEqual(ladder.next(), up(1, 1));
  ladder.promote(up(1, 1));
  assert.equal(ladder.next(), undefined);
  for (const [member, reward] of [0.9, 0.8, 0.1].entries()) ladder.finish(3 + member, 0, reward);
  assert.deepEqual(ladder.next(), up(3, 1), 'two of six: 0.9 and 0.8');
  ladder.promote(up(3, 1));
  assert.deepEqual(
    ladder.next(),
    up(4, 1),
    'trial 1 was promoted with less and is not in the top now, but two of six may be promoted',
  );
  ladder.promote(up(4, 1));
  assert.equal(ladder.next(), undefined);
  for (const [member, reward] of [
    [1, 0.8],
    [3, 0.85],
    [4, 0.9],
  ] as const)
    ladder.finish(member, 1, reward);
  assert.deepEqual(ladder.next(), up(4, 2));
});

test('it promotes the same members as asynchronous successive halving, in 200 random searches', () => {
  for (let seed = 0; seed < 200; seed++) {
    const rule = { rungs: 2 + (seed % 3), reduction: 2 + (seed % 4) };
    const { promotions } = randomSearch(`search ${seed}`, rule, 40, ({ ladder, finished, promoted }) => {
      assert.deepEqual(ladder.next(), promotable(finished, promoted, rule.rungs, rule.reduction));
    });
    assert.ok(promotions.length > 0);
  }
});

test('decisions depend on the rewards, not on the order in which they are reported', () => {
  for (let seed = 0; seed < 50; seed++) {
    const rule = { rungs: 3, reduction: 3 };
    const { finished, promotions } = randomSearch(`order ${seed}`, rule, 40, () => {});
    const again = new Ladder(rule);
    for (const rung of [0, 1, 2]) {
      for (const { member, rung: finishedRung, reward } of finished.toReversed())
        if (finishedRung === rung) again.finish(member, rung, reward);
      for (const promotion of promotions) if (promotion.rung === rung + 1) again.promote(promotion);
    }
    assert.equal(again.next(), undefined, 'the search had promoted all that were due');
  }
});

test('members that are promoted at random are promoted whatever their reward, once from every rung that they finish', () => {
  const atRandom = (member: number, rung: number) => (member + rung) % 5 === 0;
  for (let seed = 0; seed < 50; seed++) {
    const { finished, promoted } = randomSearch(`lots ${seed}`, { rungs: 3, reduction: 4, atRandom }, 40, () => {});
    for (const { member, rung } of finished)
      if (rung < 2 && atRandom(member, rung)) assert.ok(promoted.has(`${member} ${rung + 1}`));
    assert.equal(promoted.size, new Set(promoted).size);
  }
});

test('a member that is promoted was promotable in every state since it finished its rung', () => {
  for (let seed = 0; seed < 100; seed++) {
    const atRandom = seed % 2 === 0 ? (member: number) => member % 9 === 0 : () => false;
    const excluded = new Set<string>();
    const { promoted } = randomSearch(
      `hope ${seed}`,
      { rungs: 3, reduction: 3, atRandom },
      40,
      ({ ladder, finished, promoted: now, arrivals }) => {
        const candidates = new Set(ladder.promotable(arrivals).map(({ member, rung }) => `${member} ${rung + 1}`));
        for (const { member, rung } of finished) {
          const key = `${member} ${rung + 1}`;
          if (rung < 2 && !candidates.has(key) && !now.has(key)) excluded.add(key);
        }
      },
    );
    for (const key of excluded) assert.ok(!promoted.has(key), `${key} was promoted after all`);
    assert.ok(excluded.size > 10, `${excluded.size} were excluded, so their weights could be removed`);
  }
});
