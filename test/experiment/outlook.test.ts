// The remaining time of a running search, by hand: every training takes ten seconds.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { SearchOutlook } from '../../src/experiment/outlook.ts';
import { predictedCosts } from '../../src/experiment/predicted-costs.ts';
import { childTrainings } from '../../src/forecast/equal-cost.ts';
import { predictionOf } from '../../src/forecast/learning.ts';
import { Prediction } from '../../src/forecast/prediction.ts';
import { RandomStream } from '../../src/random/stream.ts';
import { sampleDecisions } from '../../src/space/sample.ts';
import { Candidate } from '../../src/study/candidate.ts';
import { fitted, settingsOf } from '../../src/study/presets.ts';
import { Study } from '../../src/study/study.ts';
import { temporaryFolder } from '../data/temporary.ts';

const folder = temporaryFolder({ after });
const counts = { images: 50_000, classes: 10 };
const given = { dataset: 'cifar10', seed: 1, strategy: 'random' };
const tenSeconds = { seconds: [0, 0, 0, 0, 10], memory: [1e9, 0, 0] };
const decisionsOf = (trial: number) => sampleDecisions(new RandomStream(`outlook ${trial}`));

function outlookOf(name: string, rungs = false) {
  const ladder = rungs ? { rungs: [{ epochs: 1 }, { epochs: 3 }] } : {};
  const settings = fitted(settingsOf('laptop', { ...given, ...ladder }), counts);
  const study = Study.create(join(folder, name), settings);
  const { record } = predictionOf(study, counts, { workers: 2, start: { laws: tenSeconds, measured: true } });
  const prediction = new Prediction(tenSeconds);
  const ten = { count: 10, each: { low: 10, mean: 10, high: 10 }, seconds: 50 };
  const estimate = {
    ...{ workers: 2, children: ten, final: { seconds: 0 }, seconds: { least: 50, most: 50 }, memory: 1e9 },
    ...(rungs && { ladder: { trainings: 3, seconds: 50 / 3 } }), // a third of the children's work, on two workers
  };
  const forecast = { prediction, record, workers: 2, estimate };
  const outlook = new SearchOutlook(study, { counts, trials: 10, forecast });
  const ask = (trial: number) => {
    study.log.ask(trial, decisionsOf(trial));
    outlook.on({ kind: 'asked', trial, candidate: new Candidate(decisionsOf(trial)) });
  };
  return { study, outlook, ask };
}

test('ten children on two workers take 50 s, minus finished ones and progress of running ones', () => {
  const { study, outlook, ask } = outlookOf('plain.db');
  const left = (seconds: number) => Math.round(outlook.left(performance.now() + 1000 * seconds));
  assert.equal(left(0), 50);
  for (const trial of [0, 1, 2]) ask(trial);
  for (const trial of [0, 1]) outlook.on({ kind: 'started', trial, rung: 0 });
  assert.equal(left(0), 50);
  assert.equal(left(4), 46); // both have 6 s to go: 12 + 80 over 2
  assert.equal(left(60), 40, 'a child that is late is about to end');
  const { epochs } = childTrainings(study.settings, counts)[0]!(new Candidate(decisionsOf(0))).recipe;
  assert.notEqual(epochs, study.settings.child.recipe.epochs, 'this cell costs more or less than NASNet-A');
  outlook.on({ kind: 'epoch', trial: 0, rung: 0, report: { epoch: epochs / 4 } });
  assert.equal(left(4), 49); // a quarter in 4 s: 12 more; (12 + 6 + 80) / 2
  outlook.on({ kind: 'done', trial: 0, rung: 0, reward: 0.5, seconds: 10 });
  outlook.on({ kind: 'failed', trial: 1, rung: 0, failure: { kind: 'crash', message: '' }, seconds: 3 });
  assert.equal(left(0), 40);
  study.close();
});

test('children that take twice as long double the remaining time, repeats do not count, and the study stores the correction', () => {
  const { study, outlook, ask } = outlookOf('slower.db');
  for (const trial of [0, 1, 2, 3]) {
    ask(trial);
    outlook.on({ kind: 'started', trial, rung: 0 });
    outlook.on({
      kind: 'done',
      trial,
      rung: 0,
      reward: 0.5,
      seconds: trial === 3 ? 0 : 20,
      ...(trial === 3 && { sameAs: 0 }),
    });
  }
  assert.ok(Math.abs(outlook.left() - 60) < 1e-6, `${outlook.left()}`); // 6 of 20 s over 2
  outlook.keep();
  const { children, error } = study.result('prediction')!;
  assert.deepEqual([children, error!.seconds!.of], [3, 3]);
  study.close();
});

test('trainings on higher rungs count too, and the last one takes its full time', () => {
  const { study, outlook, ask } = outlookOf('ladder.db', true);
  assert.ok(Math.abs(outlook.left() - (50 * 4) / 3) < 1e-6);
  for (let trial = 0; trial < 10; trial++) {
    ask(trial);
    outlook.on({ kind: 'done', trial, rung: 0, reward: 0.5, seconds: 10 });
  }
  assert.equal(outlook.left(), 0);
  outlook.on({ kind: 'promoted', trial: 4, rung: 1, atRandom: false, candidate: new Candidate(decisionsOf(4)) });
  outlook.on({ kind: 'started', trial: 4, rung: 1 });
  assert.ok(Math.abs(outlook.left() - 10) < 0.5);
  study.close();
});

test('the time left follows the workers that are there, and how fast each kind of machine is', () => {
  const { study, outlook, ask } = outlookOf('kinds.db');
  const workers = (kinds: Record<string, number>) => {
    const map = new Map(Object.entries(kinds));
    outlook.changeWorkers(
      [...map.values()].reduce((sum, count) => sum + count, 0),
      map,
    );
    return outlook.left();
  };
  assert.equal(workers({ fast: 5 }), 20, 'ten children of ten seconds, before anything is known of a kind');
  for (const trial of [0, 1, 2, 3]) {
    ask(trial);
    outlook.on({ kind: 'started', trial, rung: 0 });
    const [machine, seconds] = trial < 2 ? ['fast', 5] : ['slow', 20];
    outlook.on({ kind: 'done', trial, rung: 0, reward: 0.5, seconds: Number(seconds), details: { machine } });
  }
  const near = (value: number, expected: number) => assert.ok(Math.abs(value - expected) < 1e-6, `${value}`);
  near(workers({ fast: 1 }), 30); // six children
  near(workers({ slow: 1 }), 120);
  near(workers({ fast: 1, slow: 1 }), 24); // 5 in 20 s
  near(workers({ fast: 3 }), 10);
  near(workers({}), outlook.left());
  outlook.keep();
  const { kinds = {} } = study.result('prediction')!;
  assert.deepEqual(
    Object.entries(kinds).map(([kind, { children }]) => [kind, children]),
    [
      ['fast', 2],
      ['slow', 2],
    ],
  );
  const costs = predictedCosts(study, counts, 1).trial(new Candidate(decisionsOf(7)));
  near(costs.predictedOn!.fast!, 5);
  near(costs.predictedOn!.slow!, 20);
  study.close();
});
