// The models of Figure 6 that are trained again: which trainings belong to which strategy, and sentences about known
// differences.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { raceFinalists } from '../../../src/experiment/finalists.ts';
import { RandomStream } from '../../../src/random/stream.ts';
import {
  compareRetrained,
  type Retrained,
  retrainedCsv,
  retrainedOf,
  retrainedSentence,
} from '../../../src/report/figures/retrained-finalists.ts';
import { writeFigure6 } from '../../../src/report/figures/search-progress-files.ts';
import { ResultFiles } from '../../../src/result-files.ts';
import { sampleDecisions } from '../../../src/space/sample.ts';
import { settingsOf } from '../../../src/study/presets.ts';
import type { SearchSettings } from '../../../src/study/settings.ts';
import { Study } from '../../../src/study/study.ts';
import { temporaryFolder } from '../../data/temporary.ts';

const folder = temporaryFolder({ after });

/** Returns `count` models per arm with accuracies uniform in level ± 0.01. */
function models(levels: Record<string, number>, count: number, arms: number, seed: number): Retrained[] {
  const random = new RandomStream(seed);
  return Object.entries(levels).flatMap(([strategy, level]) =>
    Array.from({ length: arms * count }, (_, index) => ({
      ...{ strategy, arm: `${strategy} ${index % arms}`, trial: index, proxy: 0.3, runs: 2 },
      accuracy: level + 0.02 * (random.uniform() - 0.5),
    })),
  );
}

test('a strategy that is 3 points better is reported as better by about that', () => {
  const [only, ...none] = compareRetrained(models({ poor: 0.5, good: 0.53 }, 10, 2, 1));
  assert.equal(none.length, 0);
  assert.deepEqual([only!.better, only!.worse], ['good', 'poor']);
  assert.ok(Math.abs(only!.ahead - 0.03) < 0.005 && only!.uncertainty < 0.01, JSON.stringify(only));
  assert.match(
    retrainedSentence(only!),
    /good's best models are ahead of poor's by [23]\.\d\d ± 0\.\d\d points in the mean/,
  );
});

test('equal strategies rarely show a difference, and all pairs are compared', () => {
  let apart = 0;
  for (let seed = 0; seed < 30; seed++) {
    const comparisons = compareRetrained(models({ one: 0.5, two: 0.5, three: 0.5 }, 10, 1, seed), {
      resamples: 300,
      seed,
    });
    assert.equal(comparisons.length, 3);
    apart += comparisons.filter(({ ahead, uncertainty }) => ahead > uncertainty).length;
  }
  assert.ok(apart <= 12, `${apart} of 90; 5% would be 4.5, and the bootstrap of ten values is somewhat too sure`);
  const [first] = compareRetrained(models({ one: 0.5, two: 0.5 }, 10, 2, 8));
  if (first!.ahead <= first!.uncertainty) assert.match(retrainedSentence(first!), /no difference shows between/);
});

test('strategies with fewer than three models are not compared: one model each has no variance to resample', () => {
  assert.deepEqual(compareRetrained(models({ one: 0.5, two: 0.51 }, 1, 1, 1)), []);
  const mixed = [...models({ one: 0.5, two: 0.51 }, 3, 1, 1), ...models({ few: 0.7 }, 2, 1, 1)];
  assert.deepEqual(
    compareRetrained(mixed).map(({ better, worse }) => [better, worse].sort()),
    [['one', 'two']],
  );
});

test('an arm that is named by its study is one field of the CSV', () => {
  const arm = { strategy: 'ppo', arm: 'runs/"a"/study.db, ppo', trial: 7, proxy: 0.5, accuracy: 0.75, runs: 2 };
  assert.equal(retrainedCsv([arm]).split('\n')[1], 'ppo,"runs/""a""/study.db, ppo",7,0.5,0.75,2');
});

/** Returns a study of two arms of 30 trials each, before its race; later trials have higher rewards. */
function armsStudy(path: string, known: number[][] = [], rewardOf = (trial: number) => 0.3 + trial / 1000) {
  const options = { dataset: 'cifar10', seed: 1, strategy: 'random,evolution', finalists: 3, trials: 60 };
  const study = Study.create<SearchSettings>(path, { ...settingsOf('laptop', options), known });
  study.transaction(() => {
    for (let number = 0; number < 60; number++) {
      study.log.ask(number, known[number] ?? sampleDecisions(new RandomStream(`model ${number}`)));
      study.log.start(number);
      study.log.finish(number, { reward: rewardOf(number), seconds: 1 });
    }
  });
  return study;
}

const race = (study: Study<SearchSettings>) =>
  raceFinalists({
    study,
    count: 3,
    evaluate: async ({ trial, run }) => ({ reward: (trial % 2 ? 0.6 : 0.5) + run / 1000, seconds: 1 }),
  });

test('known cells are finalists of no strategy', async () => {
  const known = [0, 1].map((cell) => sampleDecisions(new RandomStream(`known ${cell}`)));
  using study = armsStudy(join(folder, 'known.db'), known, (trial) => (trial < 2 ? 0.9 : 0.3 + trial / 1000));
  await race(study);
  assert.deepEqual(
    retrainedOf(study).map(({ arm, trial }) => [arm, trial]),
    [58, 56].map((trial) => ['random', trial]).concat([59, 57].map((trial) => ['evolution', trial])),
  );
});

test('a study gives each arm its finalists, with files and a sentence', async () => {
  const path = join(folder, 'arms.db');
  const study = armsStudy(path);
  assert.deepEqual(retrainedOf(study), [], 'before the race');
  await race(study);
  const retrained = retrainedOf(study);
  assert.deepEqual(
    retrained.map(({ arm, trial }) => [arm, trial]),
    [58, 56, 54].map((trial) => ['random', trial]).concat([59, 57, 55].map((trial) => ['evolution', trial])),
  );
  assert.ok(retrained.every(({ accuracy, trial }) => Math.abs(accuracy - (trial % 2 ? 0.6015 : 0.5015)) < 2e-3));
  study.close();
  const { files, sentences } = writeFigure6([path], folder, new ResultFiles({ of: 'a test' }));
  assert.match(sentences.at(-1)!, /evolution's best models are ahead of random's by 10\.00 ± 0\.0\d points/);
  assert.equal(files.length, 4);
  const csv = readFileSync(join(folder, 'figure-6-finalists.csv'), 'utf8').trim().split('\n');
  assert.equal(csv.length, 7);
  assert.match(csv[1]!, /^random,random,58,0\.358,0\.50/);
  const svg = readFileSync(join(folder, 'figure-6-finalists.svg'), 'utf8');
  assert.equal(svg.match(/<circle/g)!.length, 6);
});
