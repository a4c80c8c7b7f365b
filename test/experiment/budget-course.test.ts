// The course of a search with a budget, with a clock of the test: decisions are stored and do not change.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { augmentationOf } from '../../src/data/augmentations.ts';
import { BudgetCourse } from '../../src/experiment/budget-course.ts';
import { childrenUntil } from '../../src/forecast/budget.ts';
import type { FinalMachine } from '../../src/forecast/plan-final.ts';
import { costOptions } from '../../src/forecast/start.ts';
import { RandomStream } from '../../src/random/stream.ts';
import { sampleDecisions } from '../../src/space/sample.ts';
import { Candidate } from '../../src/study/candidate.ts';
import { finalTraining } from '../../src/study/final-training.ts';
import { openSearch } from '../../src/study/parse-settings.ts';
import { fitted, settingsOf } from '../../src/study/presets.ts';
import type { SearchSettings, Training } from '../../src/study/settings.ts';
import { Study } from '../../src/study/study.ts';
import { endedAfter, recipes } from '../../src/train/recipe.ts';
import { temporaryFolder } from '../data/temporary.ts';

const folder = temporaryFolder({ after });
const counts = { images: 50_000, classes: 10, test: 10_000 };
const settings = fitted(settingsOf('laptop', { dataset: 'cifar10', seed: 1, strategy: 'ppo' }), counts);
const tenSeconds = { seconds: [0, 0, 0, 0, 10], memory: [1e9, 0, 0] }; // of any training
const candidate = new Candidate(sampleDecisions(new RandomStream('budget')));

/** A course on one worker, each of whose children takes ten seconds, with none under way. */
function courseOn(study: Study<SearchSettings>, laws = tenSeconds, { measure, fits }: FinalMachine = {}) {
  const clock = { seconds: 1000 };
  const outlook = {
    left: (_?: number, trials = 0) => 10 * Math.max(0, trials - study.asked),
    perChild: () => 10,
    expect: () => {},
  };
  const course = new BudgetCourse(study, {
    budget: study.settings.budget!,
    outlook,
    costs: () => costOptions({ settings, counts, workers: 1 }, laws),
    trainsHere: true,
    machine: { measure, fits },
    now: () => 1000 * clock.seconds,
  });
  return { course, clock };
}

test('children are asked for while they end in time; after the first refusal none is, whatever the clock', () => {
  const path = join(folder, 'asks.db');
  const study = Study.create(path, { ...settings, budget: { ...settings.budget!, seconds: 960 } });
  const until = childrenUntil({ seconds: 960 }); // 144 s
  const { course, clock } = courseOn(study);
  assert.equal(course.planned(0), 14);
  assert.equal(course.mayAsk(0), true);
  assert.equal(course.mayAsk(13), true); // 140 s
  clock.seconds += 10;
  assert.equal(course.mayAsk(14), false);
  assert.deepEqual(study.result('budget decisions'), { trials: 14 });
  course.count();
  study.close();

  using again = openSearch(path);
  const later = courseOn(again);
  assert.equal(later.course.seconds, 10, 'the night between two sessions is not spent');
  assert.ok(later.course.seconds < until);
  assert.deepEqual([later.course.mayAsk(13), later.course.mayAsk(14), later.course.planned(14)], [true, false, 14]);
});

test('a pause stops the clock at the end of the last training', () => {
  using study = Study.create(join(folder, 'pause.db'), settings);
  const { course, clock } = courseOn(study);
  clock.seconds += 10;
  course.pause(true);
  clock.seconds += 5;
  course.afterEvent(); // a training that ran has ended
  clock.seconds += 3600;
  course.pause(true); // again
  assert.equal(course.seconds, 15);
  course.pause(false);
  clock.seconds += 1;
  course.pause(false);
  assert.equal(course.seconds, 16);
  course.count();
  assert.deepEqual(study.result('clock'), { seconds: 16 });
});

test('the clock includes earlier sessions, and a kill loses at most a second', () => {
  using study = Study.create(join(folder, 'clock.db'), settings);
  const { course, clock } = courseOn(study);
  clock.seconds += 0.5;
  course.afterEvent();
  assert.equal(study.result('clock')!.seconds, 0);
  clock.seconds += 0.6;
  course.afterEvent();
  assert.ok(Math.abs(study.result('clock')!.seconds - 1.1) < 1e-9);
});

test('the final training uses the remaining time by its measured speed, and is decided once', async () => {
  const path = join(folder, 'final.db');
  const study = Study.create(path, settings);
  const laws = { seconds: [1e-10, 0, 0, 0, 0], memory: [1e9, 0, 0] };
  const epochs = async (ratio: number, name: string) => {
    using other = Study.create(join(folder, name), settings);
    const { course, clock } = courseOn(other, laws, { measure: async () => ratio });
    clock.seconds += 100;
    return (await course.final(candidate)).recipe.epochs;
  };
  const [once, twice] = [await epochs(4, 'once.db'), await epochs(8, 'twice.db')];
  const test = 0.15; // epochs that the test takes as long as, and the step
  assert.ok(once >= 2 * twice && once <= 2 * (twice + test), `${once} and ${twice}`);

  const first = courseOn(study, laws, { measure: async () => 4 });
  first.clock.seconds += 100;
  const decided = await first.course.final(candidate);
  assert.equal(decided.recipe.epochs, once);
  study.close();
  using again = openSearch(path);
  const later = courseOn(again, laws, { measure: () => assert.fail('it is decided') });
  later.clock.seconds += 300;
  assert.deepEqual(await later.course.final(candidate), decided);
  assert.deepEqual(finalTraining(again), decided);
  const decisions = again.result('budget decisions')!;
  const left = 180 - 4.8 - later.course.finalSeconds(candidate)!; // 1% for the report
  assert.ok(Math.abs(left - decisions.final!.once!) < 1e-9, 'the rest is for the test, as it was measured');
  const { once: _, ...older } = decisions.final!;
  again.keep('budget decisions', { ...decisions, final: older });
  const predicted = 180 - 4.8 - later.course.finalSeconds(candidate)!;
  assert.ok(predicted > 1 && Math.abs(left - 4 * predicted) < 1e-6, 'as it is predicted, in studies that lack it');
});

test('a final network that is trained again has its planned epochs, not those of the one before', async () => {
  using study = Study.create(join(folder, 'again.db'), settings);
  const { course } = courseOn(study, { seconds: [1e-10, 0, 0, 0, 0], memory: [1e9, 0, 0] });
  const decided = await course.final(candidate);
  const scheduledEpochs = decided.recipe.epochs + 0.5;
  const model = { trial: 3, trainableParameters: 10, multiplyAdds: 20, validationAccuracy: 0.5, testAccuracy: 0.5 };
  const tested = { testLoss: 1.5, testImages: 9, largestClass: 0.75, classAccuracies: [0.5, 0.5], trainingSeconds: 2 };
  const weights = { trainingImagesPerSecond: 3, weights: 'network.safetensors', epochs: [] };
  study.keep('final model', { ...model, ...tested, ...weights, scheduledEpochs });
  assert.deepEqual(await course.final(candidate), decided);
  assert.equal(finalTraining(study).recipe.epochs, scheduledEpochs);
});

test('a moved end changes the epochs of a record, not how images were augmented', () => {
  const recipe = (epochs: number) => ({ ...recipes.fast, epochs });
  assert.deepEqual(endedAfter(recipe(9.9), undefined), recipe(9.9));
  const ended = endedAfter(recipe(9.9), 10.614);
  assert.deepEqual([ended.epochs, ended.translate], [10.61, 0]);
  assert.deepEqual(augmentationOf(ended), ended);
  assert.equal(endedAfter(recipe(10.1), 9.9).translate, recipes.fast.translate / 2);
});

test('the final network is as large as the memory allows', async () => {
  const laws = { seconds: [1e-13, 0, 0, 0, 0], memory: [1e9, 0, 0] }; // there is time for the largest
  const chosen = async (name: string, most: number) => {
    using study = Study.create(join(folder, name), settings);
    const fits = (_: unknown, { cells, filters }: Training) => cells * filters <= most;
    const { cells, filters, resolution } = await courseOn(study, laws, { fits }).course.final(candidate);
    return [cells, filters, resolution];
  };
  const { cells, filters, resolution } = settings.budget!.larger.at(-1)!;
  assert.deepEqual(await chosen('all-sizes.db', Number.POSITIVE_INFINITY), [cells, filters, resolution]);
  assert.deepEqual(await chosen('some-sizes.db', 24), [1, 24, 32]);
  assert.deepEqual(await chosen('one-size.db', 0), [1, 16, 16]);
});

test('if there is no time for four finalists there is no race, and the decision is stored', () => {
  using study = Study.create(join(folder, 'race.db'), settings);
  const { course } = courseOn(study, { ...tenSeconds, seconds: [0, 0, 0, 0, 6] });
  assert.equal(course.finalists([candidate]), 4); // (0.12 · 480 − 2) / (6 · 2) = 4.6
  const slow = courseOn(study, { ...tenSeconds, seconds: [0, 0, 0, 0, 100] });
  assert.equal(slow.course.finalists([candidate]), 4);
  using other = Study.create(join(folder, 'none.db'), settings);
  const { course: alone } = courseOn(other, { ...tenSeconds, seconds: [0, 0, 0, 0, 100] });
  assert.equal(alone.finalists([candidate]), 0);
});

test('a race takes place as it was planned, although the best cells cost more or less than random ones', () => {
  const finalists = (name: string, seconds: number, races?: boolean) => {
    const budget = { ...settings.budget!, childrenShare: 0.08, ...(races !== undefined && { races }) };
    using study = Study.create(join(folder, name), { ...settings, budget });
    return courseOn(study, { ...tenSeconds, seconds: [0, 0, 0, 0, seconds] }).course.finalists([candidate]);
  };
  assert.equal(finalists('planned.db', 13, true), 4); // 2.1 finalists in the reserved time
  assert.equal(finalists('not-planned.db', 6, false), 0); // 4.6
  assert.deepEqual([finalists('open-13.db', 13), finalists('open-6.db', 6)], [0, 4]);
});
