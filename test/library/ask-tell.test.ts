// A search with a custom evaluator: what it reports and records, and its decisions after a kill.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { setThreads } from '../../src/engine/machine.ts';
import { InputError } from '../../src/failure.ts';
import { openStudy } from '../../src/library/ask-tell.ts';
import {
  defineStrategy,
  evolution,
  ppo,
  random,
  type StrategyChoice,
  surrogate,
} from '../../src/library/strategies.ts';
import { architectureKey } from '../../src/space/canonical.ts';
import { Study } from '../../src/study/study.ts';
import { temporaryFolder } from '../data/temporary.ts';

setThreads(1);

/** Returns a reward from 0 to 1 that depends on the decisions only. */
const worth = (decisions: readonly number[]) =>
  decisions.reduce((sum, decision, place) => sum + ((decision * 31 + place * 17) % 11), 0) / (11 * decisions.length);

const choices: Record<string, StrategyChoice> = {
  random: random(),
  evolution: evolution({ populationSize: 5, sampleSize: 2 }),
  ppo: ppo({ batchSize: 4, learningRate: 0.01 }),
  surrogate: surrogate({ randomTrials: 5, candidates: 20 }),
};

/** Returns the decisions of `trials` trials. `lives` lists after how many trials a process is killed. */
function search(path: string, strategy: StrategyChoice, trials: number, lives: number[] = []): number[][] {
  const [life = trials, ...others] = lives;
  const study = openStudy(path, { strategy, blocks: 2, trials });
  let evaluated = 0;
  for (const trial of study.trials()) {
    if (evaluated++ === life) {
      study.abandon(); // this trial is running, and the strategy's state is not saved
      return search(path, strategy, trials, others);
    }
    trial.tell({ reward: worth(trial.decisions) });
  }
  const decisions = study.records().map((record) => record.decisions);
  study.close();
  return decisions;
}

for (const [name, strategy] of Object.entries(choices)) {
  test(`${name}: a search that was killed three times makes the same decisions as one that was not`, (context) => {
    const folder = temporaryFolder(context);
    const whole = search(join(folder, 'whole.db'), strategy, 24);
    const killed = search(join(folder, 'killed.db'), strategy, 24, [5, 0, 9]);
    assert.deepEqual(killed, whole);
  });
}

test('a trial without an outcome is the first of the next process, with the same decisions', (context) => {
  const path = join(temporaryFolder(context), 'study.db');
  const study = openStudy(path, { blocks: 2 });
  const [first, second, third] = [study.ask(), study.ask(), study.ask()];
  second.tell({ reward: 0.5, details: { why: 'a test' } });
  study.close();
  using again = openStudy(path);
  const [one, two, fresh] = [again.ask(), again.ask(), again.ask()];
  assert.deepEqual([one.number, two.number, fresh.number], [0, 2, 3]);
  assert.deepEqual([one.decisions, two.decisions], [first.decisions, third.decisions]);
  assert.deepEqual(again.best()[0]!.details, { why: 'a test' });
  assert.equal(again.best()[0]!.number, 1);
  assert.equal(again.best()[0]!.key, architectureKey(second.architecture));
});

test('failures and figures of epochs are recorded, and readers of the study see them', (context) => {
  const path = join(temporaryFolder(context), 'study.db');
  {
    using study = openStudy(path, { blocks: 1, trials: 3 });
    for (const trial of study.trials()) {
      trial.report({ epoch: 1, loss: 2, accuracy: 0.25 });
      if (trial.number === 1) trial.fail(new RangeError('no such size'));
      else trial.tell({ reward: -3 + trial.number, seconds: 2 });
    }
    assert.deepEqual(study.summary().trials, { queued: 0, running: 0, done: 2, failed: 1 });
  }
  using study = Study.open(path, { readOnly: true });
  assert.deepEqual(study.trial(1)!.failure, { kind: 'error', message: 'no such size' });
  assert.deepEqual(
    study.best(5).map(({ number, reward }) => [number, reward]),
    [
      [2, -1],
      [0, -3],
    ],
  );
  assert.equal(study.epochs(2)[0]!.accuracy, 0.25);
});

test('an invalid reward is refused and leaves the trial open; a second outcome is an error', (context) => {
  using study = openStudy(join(temporaryFolder(context), 'study.db'), { blocks: 1 });
  const trial = study.ask();
  for (const reward of [Number.NaN, Number.POSITIVE_INFINITY, -Number.MAX_VALUE, 2 ** 128])
    assert.throws(() => trial.tell({ reward }), { code: 'reward-not-finite', name: 'InputError' });
  assert.equal(study.records()[0]!.state, 'running');
  trial.tell({ reward: 1 });
  assert.throws(() => trial.tell({ reward: 1 }), /trial 0 has its outcome already/);
});

for (const [name, strategy] of Object.entries(choices)) {
  test(`${name}: a study with a reward beyond float32, which older versions stored, opens and goes on`, (context) => {
    const path = join(temporaryFolder(context), 'study.db');
    {
      using study = openStudy(path, { strategy, blocks: 2 });
      study.ask();
    }
    {
      using study = Study.open(path);
      study.log.finish(0, { reward: -Number.MAX_VALUE, seconds: 1 });
    }
    const decisions = () => {
      const study = openStudy(path, { strategy });
      const trial = study.ask();
      study.abandon();
      return [trial.number, ...trial.decisions];
    };
    assert.deepEqual(decisions(), decisions());
    using study = openStudy(path, { strategy });
    while (study.asked < 12) study.ask().tell({ reward: 0.5 });
    assert.equal(study.records()[0]!.reward, -Number.MAX_VALUE);
    assert.equal(study.best()[0]!.reward, 0.5);
  });
}

test('a trial knows earlier trials of the same network', (context) => {
  const one = { inputs: [0, 1], operations: [0, 0], combine: 0 };
  const decisions = [one, one].flatMap(({ inputs, operations, combine }) => [...inputs, ...operations, combine]);
  const mirrored = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0]; // the halves of each block exchanged
  const fixed = defineStrategy('fixed', () => ({
    name: 'fixed',
    ask: (trial) => (trial === 0 ? decisions : mirrored),
    tell: () => {},
    save: () => new Uint8Array(0),
    load: () => {},
  }));
  using study = openStudy(join(temporaryFolder(context), 'study.db'), { strategy: fixed, blocks: 1 });
  const first = study.ask();
  assert.equal(first.earlier, undefined);
  first.tell({ reward: 0.75 });
  const second = study.ask();
  assert.equal(second.earlier!.number, 0);
  assert.equal(second.earlier!.reward, 0.75);
});

test('an existing study refuses other options, and studies of nasnet search are refused', (context) => {
  const path = join(temporaryFolder(context), 'study.db');
  openStudy(path, { seed: 3, blocks: 2 }).close();
  assert.throws(() => openStudy(path, { seed: 4 }), /expected seed 3, as in the study, got 4/);
  assert.throws(() => openStudy(path, { blocks: 5 }), /expected blocks 2/);
  assert.throws(() => openStudy(path, { strategy: evolution() }), /expected strategy "random"/);
  openStudy(path).close(); // without options it uses its settings
  const other = join(temporaryFolder(context), 'other.db');
  Study.create(other, { preset: 'laptop' }).close();
  assert.throws(() => openStudy(other), InputError);
});
